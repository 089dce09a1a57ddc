"""The decisions of tests/vectors/decisions in Python, on the installed package.

``pytest tests/conformance`` makes all of them and proves that a changed answer is noticed;
``pytest tests/conformance --corrupt-decision`` must fail.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest
from syncline import DecisionError, tools

sys.path.insert(0, str(Path(__file__).parent))

import machines  # noqa: E402
from notation import difference, read  # noqa: E402

FILES = sorted((Path(__file__).parent.parent / "vectors" / "decisions").glob("*.json"))
CASES = [case for file in FILES for case in json.loads(file.read_text("utf-8"))["cases"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_decision(case: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """The answer, or the code of the error, is as expected."""
    if request.config.getoption("--corrupt-decision") and case is CASES[0]:
        case = flip(case)
    assert problem(case) is None


def test_there_are_at_least_500_decisions() -> None:
    """The files are found."""
    assert len(CASES) >= 500


def test_one_changed_expected_answer_fails_each_decision() -> None:
    """A runner that compares nothing would pass everything."""
    for case in CASES:
        assert problem(flip(case)) is not None, case["name"]


def test_the_runner_exits_with_failure_on_a_changed_answer(request: pytest.FixtureRequest) -> None:
    """The exit status is what continuous integration looks at."""
    if not request.config.getoption("--corrupt-decision"):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--corrupt-decision", __file__]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 1
        assert "1 failed" in run.stdout


def problem(case: dict[str, Any]) -> Optional[str]:
    """What differs, if anything does, also when state machines are played on the classes; an ``expect`` of ``{"error": text}`` is the text of an error."""
    try:
        found = tools.decide(case["call"], read(case["args"]))
    except DecisionError as error:
        found = {"code": error.code} if "error" in case else {"error": str(error)}
    wanted = {"code": case["error"]} if "error" in case else read(case["expect"])
    differs = difference(wanted, found)
    if differs is None and case["call"] == "machines" and "error" not in case:
        differs = difference(wanted, machines.play(read(case["args"])))
    return differs


def flip(case: dict[str, Any]) -> dict[str, Any]:
    """A copy of ``case`` that expects something else, somewhere inside."""
    part = "error" if "error" in case else "expect"
    return {**case, part: flipped(case[part])}


def flipped(json: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(json, bool) or json is None:
        return not json
    if isinstance(json, int | float):
        return json + 1
    if isinstance(json, str):
        return f"{json}x"
    if isinstance(json, list):
        return [*json[:-1], flipped(json[-1])] if json else [None]
    if not json:
        return {"more": 0}
    key = list(json)[-1]
    return {**json, key: flipped(json[key])}
