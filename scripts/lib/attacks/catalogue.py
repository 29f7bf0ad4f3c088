"""What an attack is, and the list of all."""

import time
from dataclasses import dataclass, field
from typing import Callable

from attacks.wire import Peer, connect, context

ATTACKS = []


@dataclass
class Attack:
    name: str
    run: Callable
    wants: str
    row: str
    connections: int = 4
    # Slow ones wait for clocks: they are mounted together.
    slow: bool = False
    short: bool = True


@dataclass
class Target:
    """The server, and how hard to attack it."""

    port: int
    pid: int
    certs: object
    seconds: float
    # Seconds of the server's clocks.
    clocks: dict = field(default_factory=dict)


def attack(wants, row, **options):
    """Lists a function as an attack: it gets the target, and returns what became of it. `wants` is
    what must become of it: "cut" (the connection ends), "refused" (the call or the handshake ends, the
    server may keep the connection) or "served" (nobody is harmed)."""

    def add(function):
        name = function.__name__.replace("_", "-")
        ATTACKS.append(Attack(name, function, wants, row, **options))
        return function

    return add


def flood(target, blob, opening=None, source="127.0.0.2", reads=True, **peer):
    """Sends `blob` again and again, on a new connection when the server cuts one off."""
    end = time.monotonic() + target.seconds
    made = cut = 0
    while made == 0 or time.monotonic() < end:
        try:
            with Peer(target, source, **peer) as one:
                made += 1
                if opening:
                    one.send(opening)
                while one.send(blob) and time.monotonic() < end and not one.closed:
                    if reads:
                        one.pump()
                if not one.closed:
                    one.send(blob)
                cut += one.cut_within(3)
        except OSError:
            pass
        time.sleep(0.05)
    return "cut" if made and cut == made else f"{made - cut} of {made} connections were not cut"


def once(target, blob, seconds=3, opening=None, **peer):
    """Sends `blob` once; tells whether the server ends the connection."""
    with Peer(target, **peer) as one:
        if opening:
            one.send(opening)
        one.send(blob)
        return "cut" if one.cut_within(seconds) else "not cut"


def all_of(results, wanted):
    """One result of many: what is wanted, or those that differ."""
    odd = {name: result for name, result in results.items() if result != wanted}
    return wanted if not odd else ", ".join(f"{name}: {result}" for name, result in odd.items())
