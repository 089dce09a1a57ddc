"""The edits of vectors, through the containers of the package; tests/src/vectors/edit.rs lists them."""

from typing import Any, Optional

import syncline
from notation import difference, read


class Undo(Exception):
    """Rolls a transaction back on purpose."""


def transact(doc: Any, step: dict[str, Any]) -> None:
    """Does the inner steps in one transaction, and leaves it by an exception to roll it back."""
    try:
        with doc.transaction(origin=step.get("origin")):
            for inner in step["steps"]:
                edit(doc, inner)
            if step.get("rollback"):
                raise Undo
    except Undo:
        pass


def try_edit(doc: Any, step: dict[str, Any]) -> Optional[str]:
    """Does an edit, or sees that it is refused and changes nothing."""
    if not step.get("fails"):
        if "origin" in step:
            with doc.transaction(origin=step["origin"]):
                edit(doc, step)
        else:
            edit(doc, step)
        return None
    before = doc.digest()
    try:
        edit(doc, step)
    except syncline.SynclineError:
        return difference(before, doc.digest(), "digest after a refused edit")
    return "this edit must be refused"


def edit(doc: Any, step: dict[str, Any]) -> None:
    """Does one edit."""
    EDITS[step["op"]](doc, step["path"], step)


def _set(doc: Any, path: list[str], step: dict[str, Any]) -> None:
    doc.map(*path[:-1])[path[-1]] = read(step["value"])


def _assign(doc: Any, path: list[str], step: dict[str, Any]) -> None:
    """An empty map has nothing to assign: it is created."""
    value = read(step["value"])
    if value:
        doc.map(*path).assign(value)
    else:
        doc.map(*path).create()


def _delete(doc: Any, path: list[str], step: dict[str, Any]) -> None:
    """Deletes a path; the root by clearing it. A missing key is no error here, as in the other runners."""
    if path:
        doc.map(*path[:-1]).remove(path[-1])
    else:
        doc.map().clear()


def _insert_item(doc: Any, path: list[str], step: dict[str, Any]) -> None:
    items, value = doc.list(*path), read(step["value"])
    if "index" not in step:
        items.append(value)
    elif step.get("fails"):  # insert() takes any index, as Python's does: what is refused is the native insertion
        doc._replica.list_insert(items._key, step["index"], value)
    else:
        items.insert(step["index"], value)


def _set_item(doc: Any, path: list[str], step: dict[str, Any]) -> None:
    doc.list(*path)[step["index"]] = read(step["value"])


def _delete_item(doc: Any, path: list[str], step: dict[str, Any]) -> None:
    del doc.list(*path)[step["index"]]


def _bulk(doc: Any, path: list[str], step: dict[str, Any]) -> None:
    """Sets each key to its index, or deletes each, in one transaction."""
    container = doc.map(*path)
    with doc.transaction():
        for index, key in enumerate(make_keys(**step["keys"])):
            if step["op"] == "fill":
                container[key] = index
            else:
                del container[key]


def set_of(doc: Any, step: dict[str, Any]) -> Any:
    """The set of a step."""
    return doc.set(*step["path"], kind=step.get("kind", "add-wins"))


def flag_of(doc: Any, step: dict[str, Any]) -> Any:
    """The flag of a step."""
    return doc.flag(*step["path"], wins=step["kind"].removesuffix("-wins"))


def policy_of(texts: Optional[list[str]]) -> Any:
    """The policy of a step."""
    if texts is None:
        return None
    name, *rest = texts
    if name == "custom":
        return syncline.Custom(rest[0])
    return syncline.SourcePriority(*rest) if name == "source-priority" else name


EDITS: dict[str, Any] = {
    "set": _set,
    "register": lambda doc, path, step: doc.register(*path).set(read(step["value"])),
    "assign": _assign,
    "delete": _delete,
    "add": lambda doc, path, step: set_of(doc, step).add(read(step["value"])),
    "remove": lambda doc, path, step: set_of(doc, step).discard(read(step["value"])),
    "flag": lambda doc, path, step: flag_of(doc, step).set(step["value"]),
    "policy": lambda doc, path, step: doc.set_policy(path, policy_of(step["is"])),
    "source": lambda doc, path, step: doc.set_source(step["name"]),
    "increment": lambda doc, path, step: doc.counter(*path).increment(read(step["by"])),
    "grow": lambda doc, path, step: doc.counter(*path).grow(read(step["by"])),
    "reset": lambda doc, path, step: doc.counter(*path).reset(),
    "bounded": lambda doc, path, step: doc.bounded_counter(*path).create(read(step["bound"])),
    "bounded-add": lambda doc, path, step: doc.bounded_counter(*path).add(step["by"]),
    "bounded-sub": lambda doc, path, step: doc.bounded_counter(*path).subtract(step["by"]),
    "bounded-transfer": lambda doc, path, step: doc.bounded_counter(*path).transfer(step["to"], step["by"]),
    "list-insert": _insert_item,
    "list-set": _set_item,
    "list-delete": _delete_item,
    "list-move": lambda doc, path, step: doc.list(*path).move(step["from"], step["to"]),
    "insert": lambda doc, path, step: doc.text(*path).insert(step["index"], step["text"], step.get("attributes")),
    "erase": lambda doc, path, step: doc.text(*path).delete(step["index"], step["count"]),
    "format": lambda doc, path, step: doc.text(*path).format(step["index"], step["count"], read(step["attributes"])),
    "fill": _bulk,
    "clear": _bulk,
}


def make_keys(kind: str, count: int, seed: int = 1) -> list[str]:
    """Makes keys in bulk with a 32-bit xorshift, as tests/src/vectors/keys.rs does."""
    state = seed

    def bits() -> int:
        nonlocal state
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        return state

    def digits(words: int) -> str:
        return "".join(f"{bits():08x}" for _ in range(words))

    def uuid() -> str:
        text = digits(4)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    kinds = {
        "tail": lambda index: f"user:{index}",
        "hex": lambda _: digits(2),
        "uuid": lambda _: uuid(),
        "base64url": lambda _: "".join(alphabet[bits() >> 26] for _ in range(22)),
    }
    return [kinds[kind](index) for index in range(count)]
