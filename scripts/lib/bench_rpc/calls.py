"""Groups about calls: unary throughput, one call at a time, growth with connections."""
import tempfile
from statistics import median

from . import machine
from .report import medians


def unary(report, peers, given):
    for connections, streams in ((1, 100), (8, 32)):
        report.begin("unary", f"64 B, h2load, {connections} connection(s) x {streams} streams, "
                              f"{given.calls:,} calls; ratios to nghttpd's static file")
        rows = [("nghttpd, static file", "nghttpd", "", False), ("nghttpd, POST", "nghttpd", "", True),
                ("Belfry, synchronous", "Belfry", "Synchronous", True),
                ("Belfry, async", "Belfry", "Asynchronous", True)]
        rows += [(name, name, "Synchronous", True) for name in ("gRPC C++", "grpc-swift-2")
                 if peers.has(name)]
        samples = {what: [] for what, *_ in rows}
        for _ in range(given.runs):
            for what, name, method, posts in rows:
                slow = 10 if name.lower().startswith("grpc") else 1
                samples[what].append(machine.h2load(
                    peers.server(name), connections, streams, given.calls // slow,
                    peers.arguments(name, method, posts)))
        found = {what: medians(values) for what, values in samples.items()}
        show_unary(report, found)


def show_unary(report, found):
    base = found["nghttpd, static file"][0]
    least = {"Belfry, synchronous": 1.0, "Belfry, async": 0.8}
    for what, (rate, cpu) in found.items():
        goal = least.get(what)
        report.row(what, rate, "calls/s", ratio=rate / base, beside="nghttpd",
                   wanted=goal and f"at least {goal:g} of nghttpd",
                   met=goal and rate / base >= goal)
        limit = 4.0 if what == "Belfry, async" else None
        report.row("    CPU of the server", cpu, "us a call",
                   wanted=limit and "at most 4 us", met=limit and cpu <= limit)
    if "grpc-swift-2" in found:
        ratio = found["Belfry, async"][0] / found["grpc-swift-2"][0]
        report.row("Belfry, async", ratio, "times", wanted="at least 15 times grpc-swift-2",
                   met=ratio >= 15)


def single(report, peers, given):
    report.begin("single", "64 B, one call at a time, one connection: p50 of each peer's own caller "
                           "on its own server (ours on grpc-swift-2), and of h2load as the same caller for all")
    names = [name for name in ("gRPC C++", "grpc-swift-2", "Belfry") if peers.has(name)]
    own, neutral = {name: [] for name in names}, {name: [] for name in names + ["nghttpd"]}
    for _ in range(given.runs):
        for name in names:
            own[name].append(peers.load("single", name, given.seconds))
        for name in neutral:
            neutral[name].append(h2load_p50(peers, name, 10_000))
    base = "gRPC C++"
    for what, found in (("own caller", {name: median(s["p50_us"] for s in values)
                                        for name, values in own.items()}),
                        ("h2load", {name: median(values) for name, values in neutral.items()})):
        for name, p50 in found.items():
            ratio = p50 / found[base] if base in found and name != base else None
            judged = name == "Belfry" and ratio is not None
            report.row(f"{name}, {what}", p50, "us (p50)", ratio=ratio, beside=base,
                       wanted="at most 0.9 of gRPC C++" if judged else None,
                       met=ratio <= 0.9 if judged else None)


def h2load_p50(peers, name, calls):
    """The middle of the times in h2load's log, in microseconds."""
    with tempfile.NamedTemporaryFile("r") as log:
        machine.h2load(peers.server(name), 1, 1, calls,
                       [f"--log-file={log.name}", *peers.arguments(name)])
        return median(int(line.split()[2]) for line in log)


def growth(report, peers, given):
    report.begin("growth", "64 B, h2load: the server's CPU a call with 1,000 connections beside 8 "
                           "that have as many streams each; from two loads of different length, so "
                           "that the handshakes cancel out")
    for streams in (1, 32):
        cases = [(name, connections) for name in ("nghttpd", "Belfry") for connections in (8, 1_000)]
        samples = {case: [] for case in cases}
        for _ in range(given.runs):
            for name, connections in cases:
                samples[name, connections].append(
                    cpu_beyond_handshakes(peers, name, connections, streams, given.calls // 2))
        for name in ("nghttpd", "Belfry"):
            few, many = (median(samples[name, connections]) for connections in (8, 1_000))
            ours = name == "Belfry"
            report.row(f"{name}, 8 connections x {streams}", few, "us a call")
            report.row(f"{name}, 1,000 connections x {streams}", many, "us a call",
                       ratio=many / few, beside="8",
                       wanted="at most 1.3 times that at 8" if ours else None,
                       met=many / few <= 1.3 if ours else None)


def cpu_beyond_handshakes(peers, name, connections, streams, calls):
    used = []
    for count in (calls // 2, calls + calls // 2):
        each = machine.h2load(peers.server(name), connections, streams, count,
                              peers.arguments(name))[1]
        used.append(each * count)
    return (used[1] - used[0]) / calls
