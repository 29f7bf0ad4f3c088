"""Collects rows and prints them: figure, ratio, the goal beside it, met or not."""
import json
import statistics


class Report:
    def __init__(self):
        self.rows = []
        self.group = None

    def begin(self, group, how):
        self.group = group
        print(f"\n{group}: {how}", flush=True)

    def row(self, what, value, unit, *, ratio=None, beside=None, wanted=None, met=None):
        """`wanted` is the goal in words; `met` whether the figure reaches it."""
        self.rows.append({"group": self.group, "what": what, "value": value, "unit": unit,
                          "ratio": ratio, "beside": beside, "wanted": wanted, "met": met})
        text = f"  {what:<46}{number(value):>12} {unit:<10}"
        text += f"{ratio:>7.2f} of {beside:<14}" if ratio is not None else " " * 25
        if wanted:
            text += f"{'met   ' if met else 'MISSED'} wanted: {wanted}"
        print(text.rstrip(), flush=True)

    def summary(self):
        judged = [row for row in self.rows if row["wanted"]]
        missed = [row for row in judged if not row["met"]]
        print(f"\n{len(judged) - len(missed)} of {len(judged)} goals met")
        for row in missed:
            print(f"  missed: {row['group']}: {row['what']}: {number(row['value'])} {row['unit']}"
                  f" (wanted {row['wanted']})")

    def write(self, path, machine):
        path.write_text(json.dumps({"machine": machine, "rows": self.rows}, indent=2) + "\n")


def number(value):
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.2f}"


def medians(samples):
    """Of a list of tuples or dictionaries of figures, the median of each."""
    if isinstance(samples[0], dict):
        return {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}
    return tuple(statistics.median(column) for column in zip(*samples))
