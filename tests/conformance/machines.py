"""Plays the histories of state machines on the classes of ``syncline.tools``, as a program does."""

from typing import Any

from syncline import DecisionError, tools


def play(args: dict[str, Any]) -> list[Any]:
    """Plays the steps; returns the outputs of each, as the decision ``machines`` does."""
    how = dict(args["machines"])
    machines = {name: start(**options) for name, options in how.items()}
    outputs: list[Any] = []
    for step in args["steps"]:
        given = filled(step, outputs)
        name, at = given.pop("on"), given.pop("at")
        if given["type"] == "crash":
            how[name] = {**how[name], **{key: value for key, value in given.items() if key != "type"}}
            machines[name] = start(**how[name])
            outputs.append([state_of(how[name]["kind"], machines[name])])
        else:
            outputs.append(handle(machines[name], given, at))
    return outputs


def start(kind: str, **options: Any) -> Any:
    """Opens a machine."""
    if kind == "coordinator":
        return tools.Coordinator(**options)
    if kind == "participant":
        return tools.Participant(**options)
    now = options.pop("now_ms")
    return tools.RetirementDriver(now=now, **options)


def state_of(kind: str, machine: Any) -> dict[str, Any]:
    """What a machine tells of itself."""
    if kind == "coordinator":
        return {"type": kind, "records": machine.records, "active": machine.active}
    if kind == "participant":
        in_doubt = [{"tx": tx, "payload": payload} for tx, payload in machine.in_doubt.items()]
        return {"type": kind, "records": machine.records, "in_doubt": in_doubt}
    return {"type": kind, "over": machine.is_over}


def handle(machine: Any, given: dict[str, Any], at: int) -> list[Any]:
    """Calls the method that is there for the input."""
    try:
        match given:
            case {"type": "message", "from": member, "message": message}:
                return machine.message(member, message, at)
            case {"type": "message", "message": message}:
                return machine.message(message, at)
            case {"type": "begin", "tx": tx, "parts": parts}:
                return machine.begin(tx, parts, at)
            case {"type": "validated", "tx": tx}:
                return machine.validated(tx, at, given.get("refusal"))
            case {"type": "forced" | "applied" as kind, "tx": tx}:
                return getattr(machine, kind)(tx, at)
            case {"type": "tick"}:
                return machine.tick(at)
        return machine.handle(given, at)
    except DecisionError as error:
        return [{"type": "refused", "code": error.code}]


def filled(step: dict[str, Any], outputs: list[Any]) -> dict[str, Any]:
    """Puts messages and records in the place of references to earlier outputs."""

    def resolved(place: Any, name: str) -> Any:
        return outputs[place[0]][place[1]][name] if isinstance(place, list) else place

    given = dict(step)
    if "message" in given:
        given["message"] = resolved(given["message"], "message")
    if "log" in given:
        given["log"] = [resolved(place, "record") for place in given["log"]]
    return given
