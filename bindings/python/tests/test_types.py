"""The package, the examples and the tests are correctly typed; documentation examples work."""

import doctest
import subprocess
import sys
from pathlib import Path

import syncline
from syncline import storage

FOLDER = Path(__file__).resolve().parents[1]


def mypy(*arguments: str) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(FOLDER / ".mypy_cache"), *arguments]
    result = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_package_and_its_users_are_typed() -> None:
    mypy("python/syncline", "examples", "tests")


def test_wrong_use_is_found(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "from syncline import Doc\n"
        "doc = Doc()\n"
        "doc.counter('n').increment('x')\n"
        "doc.text('t').insert('0', 'x')\n"
        "doc.register('r').set(object())\n"
        "doc.map('a', 1)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(bad)]
    result = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, env=None)
    found = [line.split(":")[1] for line in result.stdout.splitlines() if ": error:" in line]
    assert found == ["3", "4", "5", "6"], result.stdout


def test_the_examples_in_the_documentation_work() -> None:
    for module in (syncline, storage):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0
