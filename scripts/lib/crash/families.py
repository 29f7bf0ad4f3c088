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


@dataclass
class Point:
    """A named step at which a debug build breaks itself."""
    victim: str
    point: str
    fault: str
    strikes_server = False

    @property
    def family(self):
        return f"{self.fault}/{self.victim}"

    @property
    def name(self):
        return f"{self.family}/{self.point}"


POINTS = {
    "c1": ["C1.received", "intake.publishing", "intake.confirmed", "C3.asking", "C3.answered",
           "C4.assigning", "C4.assigned", "C5.publishing", "C5.confirmed", "C5.recording",
           "C5.recorded", "later.owing", "later.owed", "later.claimed", "later.publishing",
           "later.confirmed", "C6.publishing", "C6.confirmed", "C7.acking", "C7.acked"],
    "w1": ["W1.received", "W1.starting", "W1.announcing", "W1.announced", "W2.ended",
           "W3.inserting", "W3.inserted", "W4.reporting", "W4.reported"],
}
ACTIONS = ["kill", "stop", "hang"]
SHORT_POINTS = ["kill/c1/C5.confirmed", "kill/c1/C6.confirmed", "kill/c1/C7.acking",
                "kill/c1/intake.confirmed", "kill/w1/W3.inserted", "kill/w1/W4.reporting"]


def all_points():
    return [Point(victim, point, action)
            for action in ACTIONS for victim, points in POINTS.items() for point in points]
