"""Groups about messages: streams of small ones, large ones, the codec."""
import re
from statistics import median

from . import machine
from .report import medians


def stream(report, peers, given):
    report.begin("stream", "one bidirectional stream, 64 B, 256 messages under way, each peer's own "
                           "caller; both ways counted")
    found = own_loads(peers, given, "stream", "messages_per_s")
    show(report, found, "messages/s", 1_000_000, "at least 1,000,000/s")


def large(report, peers, given):
    report.begin("large", "one bidirectional stream that echoes messages of 1 MiB, 4 under way; both "
                          "ways counted, each peer's own caller")
    for cipher in ("aes-128-gcm", "aes-256-gcm"):
        output = machine.on_load_core(
            ["openssl", "speed", "-seconds", "1", "-bytes", "16384", "-evp", cipher])
        speed = float(re.search(r"([\d.]+)k\s*$", output)[1]) / 1e3
        report.row(f"openssl speed -evp {cipher}", speed, "MB/s")
    goal = min(1_000, 0.8 * speed)
    found = own_loads(peers, given, "large", "megabytes_per_s")
    show(report, found, "MB/s", goal, f"at least {goal:,.0f} MB/s")


def own_loads(peers, given, kind, figure):
    names = [name for name in ("gRPC C++", "grpc-swift-2", "Belfry")
             if peers.has(name)]
    samples = {name: [] for name in names}
    for _ in range(given.runs):
        for name in names:
            samples[name].append(peers.load(kind, name, given.seconds)[figure])
    return {name: median(values) for name, values in samples.items()}


def show(report, found, unit, goal, wanted):
    base = "gRPC C++"
    for name, value in found.items():
        ours = name == "Belfry"
        report.row(name, value, unit,
                   ratio=value / found[base] if base in found and name != base else None,
                   beside=base, wanted=wanted if ours else None,
                   met=value >= goal if ours else None)


def codec(report, peers, given):
    report.begin("codec", "Assign and Finished, 5 fields with 256 B of payload, our codec and "
                          "swift-protobuf on the same values; one core")
    found = medians([machine.figures(machine.on_load_core([machine.BIN / "belfry-bench", "codec"]))
                     for _ in range(given.runs)])
    for what in ("assign_encode", "assign_decode", "finished_encode", "finished_decode"):
        message, action = what.split("_")
        ours, theirs = found[f"{message}_belfry_{action}"], found[f"{message}_protobuf_{action}"]
        report.row(f"{action} {message.capitalize()}, swift-protobuf", theirs, "ns")
        report.row(f"{action} {message.capitalize()}, Belfry", ours, "ns")
        report.row("    faster", theirs / ours, "times", wanted="at least 2 times",
                   met=theirs / ours >= 2)
