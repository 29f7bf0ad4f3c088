"""Peers that take their time: each holds something until a clock of the server ends it."""

import select
import time

from attacks.catalogue import attack, once
from attacks.wire import *


def slow(wants, row, **options):
    return attack(wants, row, connections=1, slow=True, **options)


@slow("cut", "a header list that does not end (slowloris)")
def slow_headers(target):
    with Peer(target) as one:
        one.send(headers(1, request(), 0))
        end = time.monotonic() + target.clocks["header-time"] + 4
        return "cut" if one.cut_within(end - time.monotonic()) else "not cut"


@slow("cut", "half a frame, then nothing, on a connection without a call")
def half_frame(target):
    return once(target, b"\0\0\x40\x01", target.clocks["idle-time"] + 10)


@slow("cut", "a connection that asks nothing")
def idle(target):
    return once(target, b"", target.clocks["idle-time"] + 10)


@slow("cut", "half a frame of DATA in a call")
def half_data(target):
    return ended_in_time(target, lambda s: frame(DATA, 0, s, b"\0\0", length=100), calls=1)


@slow("cut", "the request of a call stops in the middle")
def slow_body(target):
    return ended_in_time(target, lambda s: data(s, message(b"x", length=1_000)))


@slow("cut", "a prefix that never becomes whole")
def slow_prefix(target):
    return ended_in_time(target, lambda s: data(s, b"\0\0\0\0"))


def ended_in_time(target, part_of, calls=128):
    """As many calls as there may be, each of which the server must end."""
    streams = range(1, 2 * calls, 2)
    with Peer(target) as one:
        one.send(b"".join(headers(s) + part_of(s) for s in streams))
        one.wait(lambda: all(map(one.is_over, streams)), target.clocks["body-gap"] + 5)
        left = sum(not one.is_over(s) for s in streams)
        return "cut" if not left else f"{left} calls were not ended"


@slow("cut", "a request of a few bytes a second")
def dribbled_body(target):
    with Peer(target) as one:
        one.send(headers(1) + data(1, message(b"x" * 8, length=100_000)))
        end = time.monotonic() + 2 * target.clocks["body-gap"] + 5
        while not one.is_over(1) and time.monotonic() < end:
            one.send(data(1, b"x" * 8))
            one.pump(0.3)
        return "cut" if one.is_over(1) else "not cut"


@slow("cut", "a window of zero (CVE-2019-9511)")
def zero_window(target):
    calls = b"".join(call(s, HEALTH) for s in range(1, 201, 2))
    return once(target, calls, target.clocks["drain-time"] + 5, opening=settings((4, 0)))


@slow("cut", "answers that nobody reads (CVE-2019-9517)")
def slow_read(target):
    with Peer(target, opening=settings((4, (1 << 31) - 1)), receive=4_096) as one:
        end = time.monotonic() + target.clocks["drain-time"] + 25
        stream = 1
        # Calls until the server stops reading, as its output is full; few enough at a time that there
        # are never more than allowed.
        while one.send(b"".join(call(s, HEALTH) for s in range(stream, stream + 80, 2)), 3):
            stream += 80
            time.sleep(0.004)
            if time.monotonic() > end:
                return "the server never stopped reading"
        # Asked without reading, which would set the server going again.
        gone = select.poll()
        gone.register(one.socket, select.POLLRDHUP)
        return "cut" if gone.poll(1_000 * (target.clocks["drain-time"] + 10)) else "not cut"
