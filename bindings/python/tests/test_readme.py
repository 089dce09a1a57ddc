"""The snippets of the README work, one after the other."""

import re
from pathlib import Path
from typing import Any

from syncline import Doc

README = Path(__file__).resolve().parents[1] / "README.md"


def test_snippets_without_a_relay_work() -> None:
    names: dict[str, Any] = {"other": Doc()}
    snippets = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    run = [snippet for snippet in snippets if "connect(" not in snippet and "persist(" not in snippet]
    assert len(run) >= 6
    for snippet in run:
        exec(compile(snippet, str(README), "exec"), names)
    assert names["seats"].rights() == 60
    assert names["note"].where(names["cursor"]) == 6
    assert names["there"].value == ["milk"]
    assert names["write"].done
