"""Group about idle connections: what each keeps resident, and how many one loop holds."""
import subprocess
from statistics import median

from .machine import BIN, LOAD_CORE


def memory(report, peers, given):
    report.begin("memory", "resident memory of the server, one loop, mutual TLS, each connection has "
                           "made a call and is idle; a server of its own for each run")
    found = median(held(peers, 1_000)[0] for _ in range(min(3, given.runs)))
    report.row("a connection, of 1,000", found, "KiB", wanted="at most 40 KB (39.06 KiB)",
               met=found * 1.024 <= 40)
    each, answered = held(peers, 5_000)
    report.row("a connection, of 5,000", each, "KiB")
    report.row("connections that answer when 5,000 are open", answered, "", wanted="5,000",
               met=answered == 5_000)


def held(peers, count):
    """KiB a connection, and how many of them were answered once all were open."""
    with peers.start("Belfry") as server:
        command = [BIN / "belfry-bench", "rpc-hold", count, peers.caller, server.port]
        warm_up(server, peers)
        before = server.resident_kib()
        holder = subprocess.Popen(
            ["taskset", "-c", LOAD_CORE, *map(str, command)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        try:
            holder.stdout.readline()
            after = server.resident_kib()
            holder.stdin.write("\n")
            holder.stdin.flush()
            answered = int(holder.stdout.readline().split()[1])
            return (after - before) / count, answered
        finally:
            holder.kill()
            holder.wait()


def warm_up(server, peers):
    """The first connection brings in what all share."""
    subprocess.run([BIN / "belfry-bench", "rpc-hold", "1", str(peers.caller), str(server.port)],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
