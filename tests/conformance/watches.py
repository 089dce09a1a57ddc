"""The steps of vectors that look at a document: checks, events, net changes, cursors, undo.

They are listed in tests/src/vectors/check.rs and watch.rs, the form of events in events.rs.
"""

from typing import Any, Optional

import syncline
from edits import flag_of, set_of
from notation import difference, read

RESOLVE_ERRORS = {"unknown_source": "source", "no_resolver": "resolver", "resolver_choice": "choice"}


def resolved(doc: Any, path: list[str]) -> dict[str, Any]:
    """What the policy makes of the values, as the files write it."""
    try:
        found = doc.resolve(*path)
    except syncline.ResolveError as error:
        return {"error": RESOLVE_ERRORS[error.code]}
    if found.type == "all":
        return {"all": list(found.values)}
    return {} if found.type == "absent" else {"value": found.value}


def items_of(items: Any) -> list[Any]:
    """The items one by one, which must be those that come at once."""
    found = [items[index] for index in range(len(items))]
    assert difference(found, items.values()) is None
    assert [items.find(id) for id in items.ids()] == list(range(len(items)))
    return found


CHECKS: dict[str, Any] = {
    "siblings": lambda doc, step: doc.register(*step["path"]).siblings(),
    "elements": lambda doc, step: list(set_of(doc, step)),
    "value": lambda doc, step: doc.register(*step["path"]).get(),
    "resolve": lambda doc, step: resolved(doc, step["path"]),
    "rights": lambda doc, step: doc.bounded_counter(*step["path"]).rights(step["of"]),
    "list-is": lambda doc, step: items_of(doc.list(*step["path"])),
    "flag-is": lambda doc, step: flag_of(doc, step).value,
    "runs": lambda doc, step: [[run.text, run.attributes] for run in doc.text(*step["path"]).runs()],
}


class Watch:
    """What the steps keep of one replica for later ones; cursors and versions they keep for all."""

    def __init__(self, doc: Any, cursors: dict[str, bytes], versions: dict[str, bytes]) -> None:
        self.doc = doc
        self.events: list[Any] = []
        self.cursors = cursors
        self.versions = versions
        self.undo: Any = None

    def knows(self, op: str) -> bool:
        """Whether a step is one of these."""
        return op in STEPS

    def step(self, step: dict[str, Any]) -> Optional[str]:
        """Does one step, and compares what it finds with what the step says."""
        found = STEPS[step["op"]](self, step)
        return None if found is None else difference(read(step.get("is", True)), found[0], step["op"])

    def _begin(self, step: dict[str, Any]) -> None:
        self.doc.subscribe(self.events.append)

    def _changes(self, step: dict[str, Any]) -> list[Any]:
        taken = [event_of(event) for event in self.events]
        self.events.clear()
        return [taken]

    def _version(self, step: dict[str, Any]) -> None:
        self.versions[step["as"]] = self.doc.version()

    def _since(self, step: dict[str, Any]) -> list[Any]:
        found = self.doc.changes_since(self.versions[step["of"]])
        changes = [shown(path=list(it.path), kind=it.kind, **values(it)) for it in found.changes]
        return [{"complete": found.complete, "removed": [list(path) for path in found.removed], "changes": changes}]

    def _cursor(self, step: dict[str, Any]) -> list[Any]:
        cursor = self.doc.text(*step["path"]).cursor(step["index"], before=step["assoc"] == "before")
        self.cursors[step["as"]] = cursor
        return [cursor.hex()]

    def _cursor_index(self, step: dict[str, Any]) -> list[Any]:
        return [self.doc.text(*step["path"]).where(self.cursors[step["cursor"]])]

    def _keep_undo(self, step: dict[str, Any]) -> None:
        self.undo = self.doc.undo_manager(merge_ms=step.get("merge", 0))

    def _undo(self, step: dict[str, Any]) -> list[Any]:
        return [self.undo.undo()]

    def _redo(self, step: dict[str, Any]) -> list[Any]:
        return [self.undo.redo()]


STEPS: dict[str, Any] = {
    "watch": Watch._begin,
    "changes": Watch._changes,
    "version": Watch._version,
    "since": Watch._since,
    "cursor": Watch._cursor,
    "cursor-index": Watch._cursor_index,
    "keep-undo": Watch._keep_undo,
    "undo": Watch._undo,
    "redo": Watch._redo,
}


def event_of(event: Any) -> dict[str, Any]:
    """A change event as the files write it."""
    return shown(
        path=list(event.path),
        kind=event.kind,
        by=event.by,
        origin=event.origin.type,
        name=event.origin.name,
        splices=[splice_of(splice) for splice in event.splices],
        **values(event),
    )


def splice_of(splice: Any) -> dict[str, Any]:
    """An edit of a text as the files write it."""
    fields = {"delete": splice.delete, "retain": splice.retain, "insert": splice.insert, "attributes": splice.attributes}
    return {"at": splice.index, **{name: field for name, field in fields.items() if field}}


def values(change: Any) -> dict[str, Any]:
    """The values before and now, as far as there are any."""
    both = {"old": change.old, "new": change.new}
    return {name: value for name, value in both.items() if value is not syncline.ABSENT}


def shown(name: Any = None, splices: Any = (), **fields: Any) -> dict[str, Any]:
    """The fields, and of the others those that are not empty."""
    more = {"name": name, "splices": list(splices)}
    return {**fields, **{key: value for key, value in more.items() if value}}
