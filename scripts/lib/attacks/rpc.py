"""gRPC messages and codecs: prefixes that lie, bombs, nesting, counts."""

import gzip
import random
import time

from attacks.catalogue import all_of, attack
from attacks.wire import *

BELFRY = "application/grpc+belfry"


def ended_with_error(target, path, body, codec="application/grpc", more=(), end=True, ok=False):
    """One call that must be answered without a message, on a connection that must go on."""
    with Peer(target) as one:
        parts = [body[at:at + 16_000] for at in range(0, len(body), 16_000)] or [b""]
        one.send(headers(1, request(path, *more, codec=codec)))
        for at, part in enumerate(parts):
            one.send(data(1, part, END_STREAM if end and at == len(parts) - 1 else 0))
            one.pump()
        one.wait(lambda: one.is_over(1), 10)
        if one.closed or not one.is_over(1):
            return "closed" if one.closed else "not answered"
        one.send(call(3))
        one.wait(lambda: 3 in one.ended, 3)
        if one.answers.get(3) != message(b"\x08\x01"):
            return "the connection does not go on"
        return "refused" if ok or not one.answers.get(1) else f"answered {one.answers[1][:40]!r}"


@attack("refused", "prefixes that lie: 4 GiB, just too long, bad flags, two messages")
def prefixes(target):
    bodies = {
        "4 GiB": b"\0\xff\xff\xff\xff", "too long by one": message(length=4_456_449),
        "flag 2": message(flag=2), "flag 255": message(flag=255), "packed without gzip": message(flag=1),
        "cut off": message(b"ab", length=3), "prefix cut off": b"\0\0", "no message": b"",
        "two messages": message() * 2, "200,000 empty messages": message() * 200_000,
    }
    return all_of({n: ended_with_error(target, CHECK, b) for n, b in bodies.items()}, "refused")


@attack("refused", "gzip bombs: 1,000 to 1, and what is no gzip")
def gzip_bombs(target):
    zeros = gzip.compress(bytes(64 << 20), 9)
    bodies = {
        "64 MB": message(zeros, 1), "twice": message(gzip.compress(zeros), 1),
        "no gzip": message(b"no gzip at all", 1), "cut off": message(zeros[:100], 1),
        "many": message(gzip.compress(bytes(4 << 20), 9), 1) * 50,
    }
    end = time.monotonic() + target.seconds
    results = {}
    while not results or time.monotonic() < end:
        for name, body in bodies.items():
            results[name] = ended_with_error(
                target, CHECK, body, more=(("grpc-encoding", "gzip"),))
    return all_of(results, "refused")


@attack("refused", "128 calls with 4 MB of a message that never ends: memory has a bound")
def unfinished_messages(target):
    with Peer(target) as one:
        left, piece = list(range(1, 257, 2)), bytes(16_000)
        one.send(b"".join(headers(s, request(SUBMIT)) for s in left))
        for s in left:
            one.send_within_window(s, message(length=4 << 20))
        end, sent = time.monotonic() + 2 * target.seconds, 0
        while time.monotonic() < end and left and not one.closed:
            before = sent
            for s in left:
                sent += len(piece) * bool(one.send_within_window(s, piece))
            one.pump(0 if sent > before else 0.1)
            left = [s for s in left if not one.is_over(s)]
        return "refused"


@attack("served", "calls of methods that there are not, and with deadlines that have passed")
def useless_calls(target):
    end = time.monotonic() + target.seconds
    with Peer(target) as one:
        stream = 1
        while time.monotonic() < end and not one.closed:
            mine = range(stream, stream + 100, 2)
            one.send(b"".join(
                headers(s, request("/a.b/" + "c" * 50)) + data(s, message(), END_STREAM) if s % 4 == 1
                else call(s, HEALTH) if s % 8 == 3
                else headers(s, request(CHECK, ("grpc-timeout", "1n"))) + data(s, message(), END_STREAM)
                for s in mine))
            one.wait(lambda: all(map(one.is_over, mine)), 5)
            if not all(map(one.is_over, mine)):
                return "not answered"
            stream += 100
        return "served" if not one.closed else f"cut, GOAWAY {one.goaway}"


def protobuf(number, body):
    return bytes([number << 3 | 2]) + varint(len(body)) + body


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def nested(depth, number=1):
    body = b""
    for _ in range(depth):
        body = protobuf(number, body)
        if len(body) > 2 << 20:
            break
    return body


PROTOBUF = {
    "varint of 11 bytes": b"\x08" + b"\xff" * 10 + b"\x01", "length past the end": b"\x0a\x7fab",
    "length of 2^63": b"\x0a" + b"\xff" * 9 + b"\x01", "groups, 100,000 deep": b"\x0b" * 100_000,
    "end of a group": b"\x0c", "field 0": b"\x02\x00", "wire type 7": b"\x0f",
    "text that is not UTF-8": protobuf(1, protobuf(1, b"\xff\xfe")),
    "10,000 times the same field": protobuf(1, protobuf(1, b"bad id")) * 10_000,
    "nested 10,000 deep": nested(10_000), "unknown groups": b"\x7b" * 50_000,
    "an id with a dollar": protobuf(1, protobuf(1, b"$where") + protobuf(2, b"k")),
    "a kind of 1 MB": protobuf(1, protobuf(1, b"a") + protobuf(2, b"k" * (1 << 20))),
}
U32 = lambda value: value.to_bytes(4, "little")
CODEC = {
    "empty": b"", "3 bytes": b"\0\0\0", "block of 4 GiB": U32(0xFFFFFFFF),
    "part past the end": U32(0) + U32(1_000) + b"ab", "part of 4 GiB": U32(0) + U32(0xFFFFFFFF),
    "count of 4 G": U32(0) + U32(4) + U32(0xFFFFFFFF), "all ones": b"\xff" * 1_000,
    "1 MB of zeros": bytes(1 << 20), "nested 1,000": U32(0) + b"".join(
        U32(4 * 2 * (1_000 - n)) + U32(0) for n in range(1_000)),
}


@attack("refused", "protobuf: nesting, overlong varints, lengths, duplicates", connections=2)
def bad_protobuf(target):
    return all_of({
        name: ended_with_error(target, SUBMIT, message(body)) for name, body in PROTOBUF.items()
    }, "refused")


@attack("refused", "our codec: nesting, counts, lengths past the end", connections=2)
def bad_codec(target):
    methods = [SUBMIT, "/belfry.v1.Jobs/SubmitMany", "/belfry.v1.Jobs/Get"]
    # An empty list of jobs is well-formed; so are zeros.
    return all_of({
        f"{path.rsplit('/')[-1]}, {name}": ended_with_error(
            target, path, message(body), BELFRY, ok=path == methods[1])
        for path in methods for name, body in CODEC.items()
    }, "refused")


@attack("refused", "random messages of both codecs", connections=2)
def random_messages(target):
    chance = random.Random(4)
    results, end = {}, time.monotonic() + target.seconds
    while not results or time.monotonic() < end:
        body, codec = chance.randbytes(chance.randrange(1, 400)), chance.choice([BELFRY, "application/grpc"])
        results[body.hex()[:40]] = ended_with_error(target, SUBMIT, message(body), codec)
    return all_of(results, "refused")


@attack("served", "random frames: whatever becomes of the connection, others are served")
def random_frames(target):
    chance = random.Random(5)
    end = time.monotonic() + target.seconds
    while time.monotonic() < end:
        try:
            with Peer(target) as one:
                for _ in range(50):
                    kind, flags = chance.randrange(12), chance.randrange(256)
                    body = chance.randbytes(chance.randrange(60))
                    if not one.send(frame(kind, flags, chance.randrange(8), body)):
                        break
                one.pump(0.05)
        except OSError:
            pass
    return "served"
