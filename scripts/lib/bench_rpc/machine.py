"""The machine: who runs on which core, and what a process has used."""
import os
import re
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BIN = ROOT / ".build" / "release"
CORES = os.cpu_count()
SERVER_CORE, LOAD_CORE = "0", str(CORES - 1)


class Server:
    """A server process, alone on the first core. With `quiet` its messages are not shown."""

    def __init__(self, name, command, port):
        self.name, self.port = name, port
        self.process = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, *map(str, command)], stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.stop()
                    sys.exit(f"{name} does not listen on port {port}: {command}")
                time.sleep(0.05)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kib(self):
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1])


def on_load_core(command):
    """Runs a program on the last core and returns what it printed."""
    done = subprocess.run(
        ["taskset", "-c", LOAD_CORE, *map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def figures(output):
    """Lines of a name and a number, as our load programs print them."""
    return {line.split()[0]: float(line.split()[1]) for line in output.splitlines() if line}


def h2load(server, connections, streams, calls, arguments):
    """Calls a second, and the server's CPU a call in microseconds."""
    before = server.cpu_seconds()
    output = on_load_core(["h2load", "-t", "1", "-n", calls, "-c", connections, "-m", streams,
                           *arguments])
    succeeded = int(re.search(r"(\d+) succeeded", output)[1])
    if succeeded != calls:
        sys.exit(f"only {succeeded} of {calls} calls of {server.name} succeeded:\n{output}")
    rate = float(re.search(r"([\d.]+) req/s", output)[1])
    return rate, (server.cpu_seconds() - before) / calls * 1e6


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def make_certificates(folder):
    for arguments in (["init", "--cluster", "bench"], ["issue", "coordinator", "c1"],
                      ["issue", "producer", "me"]):
        subprocess.run([BIN / "belfry", "cert", *arguments, "--dir", folder / "certs"],
                       check=True, stdout=subprocess.DEVNULL)
    return folder / "certs"


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def description():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{model[1] if model else 'unknown processor'}, {CORES} cores, Linux {os.uname().release}"
