"""What can break where: the families of crash cells, which differ only in k."""

from dataclasses import dataclass

# Names that a fault may have for its victim, beside the coordinator c1 and the workers w1 and w2.
SERVERS = ("rabbit", "mongo")


@dataclass
class Family:
    """Cells that differ only in k."""
    link: str
    fault: str
    victim: str = ""
    # How often a job may run more than asked for. A restart of the broker makes none run twice.
    extra: int = 1

    @property
    def name(self):
        return "/".join(part for part in (self.link, self.fault, self.victim) if part)

    @property
    def strikes_server(self):
        """All stands share the servers: such a family runs alone."""
        return self.victim in SERVERS


FAMILIES = [
    Family("queue", "kill", "c1"), Family("queue", "stop", "c1"),
    Family("queue", "kill", "rabbit", extra=0), Family("queue", "kill", "w1"),
    Family("queue", "reset", extra=0), Family("queue", "cut", extra=0),
    Family("queue", "cut-up", extra=0), Family("queue", "cut-down", extra=0),
    Family("store", "kill", "c1"), Family("store", "kill", "mongo", extra=0),
    Family("store", "reset", extra=0), Family("store", "cut", extra=0),
    Family("store", "cut-up", extra=0), Family("store", "cut-down", extra=0),
    Family("session", "kill", "c1"), Family("session", "kill", "w1"),
    Family("session", "stop", "c1"), Family("session", "stop", "w1"),
    Family("session", "reset"), Family("session", "cut"),
    Family("session", "cut-up"), Family("session", "cut-down"),
    Family("record", "kill", "w1"), Family("record", "stop", "w1"),
    Family("record", "kill", "mongo", extra=0), Family("record", "reset", extra=0),
    Family("record", "cut", extra=0), Family("record", "cut-up", extra=0),
    Family("record", "cut-down", extra=0),
]
# As in `make test`: one of each way to die, on each link, few k.
SHORT = ["queue/kill/c1", "session/kill/w1", "session/kill/c1", "record/kill/w1", "queue/reset",
         "session/reset", "store/reset", "record/reset", "session/stop/w1", "session/cut-down"]
