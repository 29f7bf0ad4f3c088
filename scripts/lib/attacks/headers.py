"""HPACK: bombs, long lists, and blocks that are wrong."""

import time

from attacks.catalogue import all_of, attack, flood, once
from attacks.wire import *


def bomb(stream=1, entry=4_000, references=16_000):
    """A header list with one large entry, then nothing but references to it, a byte each."""
    block = b"\x3f\xe1\x1f" + request() + b"\x40" + text("x") + text("v" * entry)
    block += b"\xbe" * min(references, 16_384 - len(block))
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, block)


@attack("cut", "HPACK bomb: 4 KB, referenced 16,000 times (CVE-2016-6581)")
def hpack_bomb(target):
    blob = bomb()
    end = time.monotonic() + target.seconds
    made = cut = 0
    while made == 0 or time.monotonic() < end:
        # Before the server's SETTINGS are acknowledged the table has 4,096 bytes.
        with Peer(target, ack=False) as one:
            made += 1
            for stream in range(1, 500, 2):
                if not one.send(blob[:5] + stream.to_bytes(4, "big") + blob[9:]) or one.closed:
                    break
            cut += one.cut_within(3)
        time.sleep(0.05)
    return "cut" if cut == made else f"{made - cut} of {made} connections were not cut"


@attack("cut", "HPACK bomb in a header list of a stream that is gone")
def hpack_bomb_for_the_gone(target):
    gone = bomb()
    return flood(target, gone * 120, opening=headers(1) + reset(1), ack=False)


@attack("cut", "a header list of 1 MB")
def huge_list(target):
    part = fields(("x-long", "y" * 16_000))
    blob = headers(1, request(), 0) + frame(CONTINUATION, 0, 1, part) * 60
    return once(target, blob)


@attack("cut", "a header list of 1,000 fields")
def many_fields(target):
    return once(target, headers(1, request() + fields(*[("a", "b")] * 1_000)))


@attack("cut", "names of no length (CVE-2019-9516)")
def empty_names(target):
    block = request() + fields(*[("", "")] * 50)
    return flood(target, b"".join(headers(s, block) for s in range(1, 800, 2)))


@attack("cut", "a table whose size changes with each header list")
def size_thrash(target):
    change = b"\x20" + integer(4_096, 5, 0x20)
    block = change + request()
    blob = b"".join(headers(s, block) + reset(s) for s in range(1, 2_000, 2))
    return flood(target, blob, ack=False)


BAD_BLOCKS = {
    "index 0": b"\x80", "index too high": b"\xff\xff\x03", "integer without end": b"\xff" * 20,
    "integer too large": b"\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "cut string": b"\x00\x05ab",
    "bad Huffman code": b"\x00\x81\xff\x81\xff", "Huffman end of string": b"\x00\x84\xff\xff\xff\xff\x01a",
    "table too large": b"\x3f\xe1\xff\xff\x7f", "table size at the end": request() + b"\x3e\x20",
}


@attack("cut", "header lists that HPACK forbids", connections=1)
def bad_hpack(target):
    return all_of({
        name: once(target, headers(1, block)) for name, block in BAD_BLOCKS.items()
    }, "cut")


GOOD = [(":method", "POST"), (":scheme", "https"), (":path", CHECK), (":authority", "x"),
        ("te", "trailers"), ("content-type", "application/grpc")]
BAD_REQUESTS = {
    "upper case": GOOD + [("Bad", "1")], "no method": GOOD[1:], "no path": GOOD[:2] + GOOD[3:],
    "no scheme": GOOD[:1] + GOOD[2:], "two paths": GOOD[:1] + GOOD,
    "pseudo-header last": GOOD[1:] + GOOD[:1], "unknown pseudo-header": [(":x", "1")] + GOOD,
    "answer's pseudo-header": [(":status", "200")] + GOOD, "connection": GOOD + [("connection", "close")],
    "transfer-encoding": GOOD + [("transfer-encoding", "chunked")], "te": GOOD + [("te", "gzip")],
    "line break": GOOD + [("a", "b\r\nc: d")], "zero byte": GOOD + [("a", "b\0c")],
    "empty path": [p if p[0] != ":path" else (":path", "") for p in GOOD],
    "space in a name": GOOD + [("a b", "c")], "content-length": GOOD + [("content-length", "7")],
    "two content-lengths": GOOD + [("content-length", "5"), ("content-length", "6")],
}


@attack("refused", "malformed requests: reset, and the connection stays", connections=1)
def bad_requests(target):
    def run(pairs):
        with Peer(target) as one:
            one.send(headers(1, fields(*pairs)) + data(1, message(), END_STREAM))
            one.wait(lambda: 1 in one.resets, 3)
            one.send(call(3))
            one.wait(lambda: 3 in one.ended, 3)
            good = one.resets.get(1) == 1 and one.answers.get(3) == message(b"\x08\x01")
            return "refused" if good else f"{one.resets}, closed {one.closed}"

    return all_of({name: run(pairs) for name, pairs in BAD_REQUESTS.items()}, "refused")


BAD_FRAMES = {
    "no preface": None, "frame too large": frame(DATA, 0, 1, length=20_000) + bytes(20_000),
    "DATA of stream 0": data(0, b"x"), "DATA of an idle stream": data(5, b"x"),
    "HEADERS of stream 0": headers(0), "HEADERS of an even stream": headers(2),
    "padding too long": frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + request()[:40]),
    "SETTINGS of 5 bytes": frame(SETTINGS, payload=bytes(5)),
    "SETTINGS of a stream": frame(SETTINGS, 0, 1), "window too large": settings((4, 1 << 31)),
    "frame size too small": settings((5, 1)), "ENABLE_PUSH 2": settings((2, 2)),
    "acknowledgement with bytes": frame(SETTINGS, ACK, 0, bytes(6)),
    "PING of 7 bytes": frame(PING, payload=bytes(7)), "PING of a stream": frame(PING, 0, 1, bytes(8)),
    "RST_STREAM of stream 0": reset(0), "RST_STREAM of an idle stream": reset(7),
    "RST_STREAM of 3 bytes": headers(1) + frame(RST, 0, 1, bytes(3)),
    "WINDOW_UPDATE of 0": window(0), "WINDOW_UPDATE overflow": window(0x7FFFFFFF) * 2,
    "WINDOW_UPDATE of 3 bytes": frame(WINDOW, payload=bytes(3)),
    "WINDOW_UPDATE of an idle stream": window(1, 9), "PUSH_PROMISE": frame(PUSH, 4, 1, bytes(4)),
    "CONTINUATION alone": frame(CONTINUATION, 4, 1, request()),
    "a frame inside a header list": headers(1, request(), 0) + frame(PING, payload=bytes(8)),
    "CONTINUATION of another stream": headers(1, request(), 0) + frame(CONTINUATION, 4, 3),
    "GOAWAY of a stream": frame(GOAWAY, 0, 1, bytes(8)), "GOAWAY of 4 bytes": frame(GOAWAY, payload=bytes(4)),
    "PRIORITY of 4 bytes": frame(PRIORITY, 0, 1, bytes(4)),
    "DATA after the end": headers(1, request(SUBMIT), END_HEADERS | END_STREAM) + data(1, b"x" * 9),
}


@attack("cut", "frames that RFC 9113 forbids", connections=1)
def bad_frames(target):
    def run(blob):
        if blob is None:
            with Peer(target, hello=False) as one:
                one.send(b"GET / HTTP/1.1\r\n\r\n" + bytes(64))
                return "cut" if one.cut_within(3) else "not cut"
        return once(target, blob)

    return all_of({name: run(blob) for name, blob in BAD_FRAMES.items()}, "cut")
