"""What came of one fault, as a line of the table and as an object."""

from dataclasses import dataclass, field

HEAD = (f"{'fault':21} {'times':>6} {'p50':>7} {'p99':>7} {'longest':>8} {'moved':>7} {'alerted':>8} "
        f"{'false':>6} {'node-hours':>10}  result")


# How late a state may be heard of by the watcher of the health stream, on a busy machine.
SLACK = 0.25


@dataclass
class Row:
    fault: str
    goal: str
    # By how much a time may miss its goal: a test must not fail because its machine is busy.
    patience: int = 1
    # How soon it was noticed, in seconds; what it was noticed as.
    noticed: list = field(default_factory=list)
    # From the fault to the job's next run elsewhere (of a coordinator: until four new jobs run), and to the
    # delivered alert.
    moved: list = field(default_factory=list)
    alerted: list = field(default_factory=list)
    # How soon the other end of a link that works one way only said so, as it can know it.
    other: list = field(default_factory=list)
    # From the end of the fault to `up`.
    healed: list = field(default_factory=list)
    # Verdicts `lost` on workers that lived, and the node-hours in which they could have been given.
    false: int = 0
    suspected: int = 0
    degraded: int = 0
    node_hours: float = 0
    seconds: float = 0
    wrong: list = field(default_factory=list)

    def expect(self, holds, sentence):
        if not holds:
            self.wrong.append(sentence)

    def expect_within(self, seconds, values, what):
        self.expect(max(values) <= seconds * self.patience + SLACK,
                    f"{what} after {max(values):.2f} s, wanted: {seconds} s")

    def document(self):
        spread = {name: quantiles(getattr(self, name))
                  for name in ("noticed", "moved", "alerted", "other", "healed")}
        return vars(self) | spread | {"times": len(self.noticed)}


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def quantiles(values):
    if not values:
        return None
    return {"p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "max": max(values),
            "min": min(values), "count": len(values)}


def line(row):
    def seconds(value):
        return "-" if value is None else f"{value:.2f} s"

    def longest(values):
        return seconds(max(values) if values else None)

    return (f"{row.fault:21} {len(row.noticed) or '-':>6} {seconds(quantile(row.noticed, 0.5)):>7} "
            f"{seconds(quantile(row.noticed, 0.99)):>7} {longest(row.noticed):>8} {longest(row.moved):>7} "
            f"{longest(row.alerted):>8} {row.false:>6} {row.node_hours:>10.3f}  "
            f"{'WRONG' if row.wrong else 'ok'}"
            + (f"; the other end within {max(row.other):.2f} s" if row.other else "")
            + (f"; healed within {max(row.healed):.2f} s" if row.healed else "")
            + (f"; suspect {row.suspected} times, degraded {row.degraded}"
               if row.suspected or row.degraded else ""))
