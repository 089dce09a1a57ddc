"""A reader of Syncline blobs, written from core/src/delta/FORMAT.md alone. Needs nothing but Python.

``python decode.py < blobs`` reads one blob in hexadecimal digits per line and writes what each says as JSON.
"""

import base64
import json
import math
import struct
import sys
import zlib
from typing import Any

MASK = (1 << 64) - 1
COMPLETE, SINCE, FLOOR_SAME, FLOOR, HORIZONS, PARTS, DOTS, DELETES = (1 << bit for bit in range(8))
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VALUE_KINDS = (1, 2, 5)
CARRYING = (3, 7, 8, 9, 10, 12, 13, 14, 15)


class Damaged(Exception):
    """The bytes are not what FORMAT.md describes."""


class Reader:
    """Reads from bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > len(self.data) - self.at:
            raise Damaged("cut short")
        self.at += count
        return self.data[self.at - count : self.at]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self.data) - self.at)

    def byte(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def varint(self) -> int:
        """LEB128."""
        number = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        else:
            raise Damaged("integer too long")
        if number > MASK:
            raise Damaged("integer too large")
        return number

    def block(self) -> bytes:
        """Bytes behind their length."""
        return self.take(self.varint())


def unzigzag(number: int) -> int:
    """The signed number."""
    return number >> 1 ^ -(number & 1)


def integers(reader: Reader, count: int) -> list[int]:
    """An integer column."""
    if count < 2:
        return [reader.varint() for _ in range(count)]
    transform, packing = divmod(reader.byte(), 3)
    if transform > 2:
        raise Damaged("column code")
    numbers = (runs, bits, varints)[packing](reader, count)
    for _ in range(transform):
        total = 0
        for at, number in enumerate(numbers):
            total = (total + unzigzag(number)) & MASK
            numbers[at] = total
    return numbers


def runs(reader: Reader, count: int) -> list[int]:
    """Packing 0."""
    numbers: list[int] = []
    while len(numbers) < count:
        number, length = reader.varint(), reader.varint()
        if not 0 < length <= count - len(numbers):
            raise Damaged("run")
        numbers += [number] * length
    return numbers


def bits(reader: Reader, count: int) -> list[int]:
    """Packing 1."""
    least, width = reader.varint(), reader.byte()
    packed = int.from_bytes(reader.take((count * width + 7) // 8), "little")
    return [(least + (packed >> at * width & (1 << width) - 1)) & MASK for at in range(count)]


def varints(reader: Reader, count: int) -> list[int]:
    """Packing 2."""
    return [reader.varint() for _ in range(count)]


def strings(reader: Reader, count: int) -> list[bytes]:
    """A string column."""
    if count < 2:
        return [reader.block() for _ in range(count)]
    kind = reader.byte()
    if kind > 5:
        raise Damaged("string class")
    return (plain, hexadecimal, uuids, counted, dictionary, base64url)[kind](reader, count)


def plain(reader: Reader, count: int) -> list[bytes]:
    """Class 0."""
    shared, rests = integers(reader, count), integers(reader, count)
    items, last = [], b""
    for keep, rest in zip(shared, rests):
        last = last[:keep] + reader.take(rest)
        items.append(last)
    return items


def hexadecimal(reader: Reader, count: int) -> list[bytes]:
    """Class 1."""
    digits = reader.varint()
    return [reader.take(digits // 2).hex().encode() for _ in range(count)]


def uuids(reader: Reader, count: int) -> list[bytes]:
    """Class 2."""
    texts = [reader.take(16).hex() for _ in range(count)]
    return [f"{t[:8]}-{t[8:12]}-{t[12:16]}-{t[16:20]}-{t[20:]}".encode() for t in texts]


def counted(reader: Reader, count: int) -> list[bytes]:
    """Class 3."""
    prefix, width = reader.block(), reader.varint()
    return [prefix + str(tail).zfill(width).encode() for tail in integers(reader, count)]


def dictionary(reader: Reader, count: int) -> list[bytes]:
    """Class 4."""
    entries = strings(reader, reader.varint())
    return [entries[index] for index in integers(reader, count)]


def base64url(reader: Reader, count: int) -> list[bytes]:
    """Class 5."""
    length = reader.varint()
    items = []
    for _ in range(count):
        packed = int.from_bytes(reader.take((length * 6 + 7) // 8), "little")
        items.append("".join(BASE64URL[packed >> 6 * at & 63] for at in range(length)).encode())
    return items


class Key:
    """The place of a leaf."""

    def __init__(self, container: bytes, kind: int, item: bytes | None) -> None:
        self.kind = kind
        self.behind = b""
        path = container
        if item is not None and kind in CARRYING:
            self.behind = item
        elif item is not None:
            path += b"\0\x10" + item
        self.bytes = path + bytes((0, kind)) + self.behind
        self.path = [part.replace(b"\0\x7f", b"\0").decode() for part in path.split(b"\0\x10")[1:]]

    def json(self) -> dict[str, Any]:
        """As JSON."""
        behind = {"behind": self.behind.hex()} if self.behind else {}
        return {"path": self.path, "leaf": self.kind, **behind}

    def payload(self, payload: bytes) -> Any:
        """A payload as JSON."""
        # Marks of removals, and resets, whose keys are bytes, are no values.
        if self.kind in VALUE_KINDS and payload != b"\xf7" and not (self.kind == 2 and payload[0] >> 5 == 5):
            value, end = cbor(payload, 0)
            if end == len(payload):
                return value
        return {"raw": payload.hex()}


def keys(reader: Reader, count: int) -> list[Key]:
    """A key column."""
    nodes = reader.varint()
    parents, segments = integers(reader, nodes), strings(reader, nodes)
    paths = [b""]
    for parent, segment in zip(parents, segments):
        paths.append(paths[parent] + b"\0\x10" + segment)
    containers, kinds = integers(reader, count), integers(reader, count)
    items = {kind: iter(strings(reader, kinds.count(kind))) for kind in range(16) if kind in kinds}
    return [
        Key(paths[container], kind & 15, next(items[kind]) if kind < 16 else None)
        for container, kind in zip(containers, kinds)
    ]


def cbor(data: bytes, at: int) -> tuple[Any, int]:
    """One value in the notation of the test vectors, and where it ends."""
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        number = info
    else:
        size = 1 << (info - 24)
        number = int.from_bytes(data[at : at + size], "big")
        at += size
    if major == 7:
        return simple(info, data[at - (1 << max(info - 24, 0)) : at]), at
    if major < 2:
        return integer(number if major == 0 else ~number), at
    if major < 4:
        piece = data[at : at + number]
        text = piece.decode() if major == 3 else {"$bytes": base64.b64encode(piece).decode()}
        return text, at + number
    if major == 6:
        inner, at = cbor(data, at)
        return tagged(number, inner), at
    items = []
    for _ in range(number * (major - 3)):
        item, at = cbor(data, at)
        items.append(item)
    return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at


def simple(info: int, raw: bytes) -> Any:
    """Null, booleans and floats."""
    if info in (20, 21, 22):
        return (False, True, None)[info - 20]
    return floating(struct.unpack({25: ">e", 26: ">f", 27: ">d"}[info], raw)[0])


def integer(number: int) -> Any:
    """Plain as far as every language reads it."""
    return number if abs(number) < 1 << 53 else {"$int": str(number)}


def floating(number: float) -> Any:
    """A float that JSON has no form for is spelled out."""
    plain_json = math.isfinite(number) and number != int(number)
    return number if plain_json else {"$float": str(number)}


def tagged(tag: int, inner: Any) -> Any:
    """Timestamps and vectors."""
    if tag == 1:
        seconds = float(inner["$float"]) if isinstance(inner, dict) else inner
        return {"$timestamp": math.floor(seconds * 1000 + 0.5)}
    raw = base64.b64decode(inner["$bytes"])
    return {"$vector": [number for (number,) in struct.iter_unpack("<f", raw)]}


def describe(blob: bytes) -> dict[str, Any]:
    """What a blob says."""
    if blob[:1] != b"S":
        raise Damaged("not a blob")
    if zlib.crc32(blob[:-4]) != int.from_bytes(blob[-4:], "little"):
        raise Damaged("checksum")
    version, kind = divmod(blob[1], 16)
    if version != 1 or kind > 3:
        raise Damaged("version or kind")
    return (delta, batch, handover, round_of_retirement)[kind](Reader(blob[2:-4]))


class Vector:
    """A version vector or a floor."""

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self.entries: dict[bytes, int] = {}

    def covers(self, id: bytes) -> int:
        """The number up to which events were seen."""
        if id in self.entries:
            return self.entries[id]
        return MASK if birth(id) < self.horizon else 0

    def json(self) -> dict[str, Any]:
        """As JSON."""
        return {"horizon": self.horizon, "entries": {id.hex(): seq for id, seq in sorted(self.entries.items())}}


def birth(id: bytes) -> int:
    """The birth of an id in milliseconds."""
    return int.from_bytes(id[:6], "big")


def vectors(reader: Reader, flags: int) -> tuple[list[bytes], Vector, Vector, Vector]:
    """The table of ids, then version, since and floor."""
    first = reader.varint()
    second, third = (reader.varint(), reader.varint()) if flags & PARTS else (0, 0)
    horizon = reader.varint() if flags & HORIZONS else 0
    below = [reader.varint() if flags & HORIZONS and flags & bit else horizon for bit in (SINCE, FLOOR)]
    version, since, floor = Vector(horizon), Vector(horizon - below[0]), Vector(horizon - below[1])
    count = first + second + third
    births = integers(reader, count)
    table = [born.to_bytes(6, "big") + reader.take(10) for born in births]
    version.entries = dict(zip(table, integers(reader, first)))
    if flags & SINCE:
        for at, less in enumerate(integers(reader, count)):
            id = table[at]
            seq = (version.entries.get(id, 0) - unzigzag(less)) & MASK
            if not first <= at < first + second and (seq or birth(id) < since.horizon):
                since.entries[id] = seq
    if flags & FLOOR:
        numbers = [(version.entries[id] - unzigzag(less)) & MASK for id, less in zip(table, integers(reader, first))]
        floor.entries = {id: seq for id, seq in zip(table, numbers) if seq}
    if flags & FLOOR_SAME:
        floor.horizon, floor.entries = horizon, {id: seq for id, seq in version.entries.items() if seq}
    return table, version, since, floor


def delta(reader: Reader) -> dict[str, Any]:
    """The body of a delta."""
    flags = reader.byte()
    table, version, since, floor = vectors(reader, flags)
    leaf_count = reader.varint()
    dot_count = reader.varint() if flags & DOTS else leaf_count
    delete_count = reader.varint() if flags & DELETES else 0
    counts = integers(reader, leaf_count) if flags & DOTS else [1] * leaf_count
    writers = integers(reader, dot_count) if len(table) > 1 else [0] * dot_count
    dots = list(zip(writers, integers(reader, dot_count)))
    valued = [seq > since.covers(table[writer]) for writer, seq in dots]
    times, counters = integers(reader, sum(valued)), integers(reader, sum(valued))
    base = birth(table[0]) if table else 0
    delete_writers = integers(reader, delete_count) if len(table) > 1 else [0] * delete_count
    deleted = list(zip(delete_writers, integers(reader, delete_count)))
    places = keys(reader, leaf_count + delete_count) if leaf_count + delete_count else []
    payloads = values(reader, sum(valued)) if any(valued) else []
    extended = extensions(reader)
    clocks = [((ms + base) & MASK, counter) for ms, counter in zip(times, counters)]
    contents = zip(clocks, payloads)
    rows = iter([(dot, next(contents) if has else None) for dot, has in zip(dots, valued)])
    leaves, digest = [], 0
    for key, count in zip(places, counts):
        described = []
        for _ in range(count):
            (writer, seq), value = next(rows)
            shown = value and {"clock": list(value[0]), "payload": key.payload(value[1])}
            described.append({"dot": [table[writer].hex(), seq], "value": shown})
            if value:
                digest += dot_hash(table[writer], seq, value[0], key.bytes, value[1])
        leaves.append({**key.json(), "dots": described})
    deletes = [{**key.json(), "dot": [table[w].hex(), seq]} for key, (w, seq) in zip(places[leaf_count:], deleted)]
    result = {"kind": "delta", "complete": bool(flags & COMPLETE), "since": since.json(), "version": version.json()}
    result |= {"floor": floor.json(), "leaves": leaves, "deletes": deletes} | extended
    return result | ({"digest": f"{digest % (1 << 128):032x}"} if flags & COMPLETE and not flags & SINCE else {})


def values(reader: Reader, count: int) -> list[bytes]:
    """The payloads."""
    if reader.byte() == 0:
        return strings(reader, count)
    return [cbor_int(unzigzag(number)) for number in integers(reader, count)]


def cbor_int(number: int) -> bytes:
    """The deterministic encoding of an integer."""
    major, size = (0, number) if number >= 0 else (0x20, ~number)
    if size < 24:
        return bytes((major | size,))
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if size < 1 << 8 * width:
            return bytes((major | info,)) + size.to_bytes(width, "big")
    raise Damaged("integer payload")


def extensions(reader: Reader) -> dict[str, Any]:
    """What members store; numbers that this reader does not know are passed over."""
    known = {1: ("memory", memory), 2: ("promise", round_of_retirement)}
    found: dict[str, Any] = {}
    while reader.at < len(reader.data):
        number, block = reader.varint(), Reader(reader.block())
        if number in known:
            name, read = known[number]
            found[name] = read(block)
    return found


def batch(reader: Reader) -> dict[str, Any]:
    """The body of a batch."""
    ids = [reader.take(16)]
    word = reader.varint()
    ids += [reader.take(16) for _ in range(reader.varint())] if word & 1 else []
    containers = [reader.block() for _ in range(reader.varint())] if word & 2 else []
    clock = reader.varint()
    ms = birth(ids[0]) + unzigzag(clock >> 1)
    counter = reader.varint() if clock & 1 else 0
    events, last = [], False
    while not last:
        described, last = event(reader, ids, containers)
        events.append(described)
    return {"kind": "batch", "writer": ids[0].hex(), "first": word >> 2, "clock": [ms, counter], "events": events}


def event(reader: Reader, ids: list[bytes], containers: list[bytes]) -> tuple[dict[str, Any], bool]:
    """One event, and whether it is the last."""
    head = reader.byte()
    number = None if head & 0x40 else reader.varint()
    if number is None:
        container = reader.block()
    else:
        container = containers[number - 2] if number >= 2 else b""
    key = Key(container, head & 15, None if number == 1 else reader.block())
    removes = [span(reader, ids) for _ in range(reader.varint())] if head & 0x10 else []
    last = bool(head & 0x80)
    payload = None if head & 0x20 else key.payload(reader.rest() if last else reader.block())
    return {**key.json(), "payload": payload, "removes": removes}, last


def span(reader: Reader, ids: list[bytes]) -> list[Any]:
    """Dots that an event removes: their writer, the first and the last."""
    word, to = reader.varint(), reader.varint()
    return [ids[word >> 1].hex(), to - reader.varint() if word & 1 else to, to]


def handover(reader: Reader) -> dict[str, Any]:
    """The body of a handover."""
    return {"kind": "handover", "from": reader.take(16).hex(), "taken": reader.varint(), "heir": reader.take(16).hex()}


def round_of_retirement(reader: Reader) -> dict[str, Any]:
    """The body of a round."""
    step, horizon = ("promised", "committed", "dropped")[reader.byte()], reader.varint()
    keep = [reader.take(16).hex() for _ in range(reader.varint())]
    finals = [[reader.take(16).hex(), reader.varint()] for _ in range(reader.varint())]
    return {"kind": "round", "step": step, "horizon": horizon, "keep": keep, "finals": finals}


def memory(reader: Reader) -> dict[str, Any]:
    """What is remembered of retired ids."""
    forgotten = reader.varint()
    rounds = [reader.varint() for _ in range(reader.varint())]
    count = reader.varint()
    retired = [[(id := reader.take(16)).hex(), reader.varint(), birth(id) + reader.varint()] for _ in range(count)]
    return {"forgotten": forgotten, "rounds": rounds, "retired": retired}


def dot_hash(id: bytes, seq: int, clock: tuple[int, int], key: bytes, payload: bytes) -> int:
    """The part of the digest that one live dot makes up."""
    message = id + struct.pack("<QQI", seq, clock[0] << 16 | clock[1], len(key)) + key + payload
    return siphash128(b"syncline digest1", message)


def siphash128(key: bytes, data: bytes) -> int:
    """SipHash-1-3 with 128-bit output."""
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    padded = data + bytes(7 - len(data) % 8) + bytes((len(data) & 255,))
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        sip_round(v)
        v[0] ^= word
    halves = []
    for constant in ((2, 0xEE), (1, 0xDD)):
        v[constant[0]] ^= constant[1]
        for _ in range(3):
            sip_round(v)
        halves.append(v[0] ^ v[1] ^ v[2] ^ v[3])
    return halves[0] << 64 | halves[1]


def sip_round(v: list[int]) -> None:
    """One round."""

    def add(one: int, two: int, rotation: int) -> None:
        v[one] = (v[one] + v[two]) & MASK
        v[two] = (v[two] << rotation | v[two] >> 64 - rotation) & MASK
        v[two] ^= v[one]

    add(0, 1, 13)
    v[0] = (v[0] << 32 | v[0] >> 32) & MASK
    add(2, 3, 16)
    add(0, 3, 21)
    add(2, 1, 17)
    v[2] = (v[2] << 32 | v[2] >> 32) & MASK


def main() -> None:
    """Describes the blobs on the standard input."""
    for line in sys.stdin:
        try:
            print(json.dumps(describe(bytes.fromhex(line.strip()))))
        except (Damaged, IndexError, ValueError, KeyError) as error:
            print(json.dumps({"error": str(error)}))


if __name__ == "__main__":
    main()
