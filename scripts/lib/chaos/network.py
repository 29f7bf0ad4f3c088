"""Workers in network namespaces of their own, behind a router that drops what it is told to.

    coordinator, in the machine's own namespace -- router -- w1 … w4

What is dropped is dropped in the router: to both ends it is a network that loses packets, and no send of
theirs fails. "The machine's own" is one that the script makes for itself, so that nothing of the machine's is
changed, and several runs at a time do not meet.
"""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

NET = "10.213"
CPU = Path("/sys/fs/cgroup/cpu")
UP, DOWN = "-i", "-o"
CLONE_NEWNET = 0x4000_0000


def enter():
    """Goes into a network namespace of our own. What this machine has not for what is done there, in one
    sentence; nothing if all is there: a container's root may be allowed less than it seems."""
    if os.geteuid() != 0:
        return "network namespaces need root: sudo make chaos"
    # A root made by su need not have these on its path.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for tool, package in (("ip", "iproute2"), ("iptables", "iptables"), ("cc", "gcc")):
        if not shutil.which(tool):
            return f"{tool} is missing: apt-get install {package}"
    sweep()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return f"no network namespace can be made here: {os.strerror(ctypes.get_errno())}"
    try:
        run("ip", "link", "set", "lo", "up")
        with Network(["w1"]) as network:
            network.lose("w1", "0.30")
            network.refuse(1)
        child = subprocess.Popen(["sleep", "60"])
        cage = Cage(f"{network.prefix}-try", 0.05)
        try:
            cage.take(child.pid)
        finally:
            cage.open()
            child.kill()
            child.wait()
    except (RuntimeError, OSError) as failure:
        return f"faults cannot be made here: {failure}"
    return None


def sweep():
    """What a run that was killed has left: a name that is there already could not be made."""
    for space in Path("/run/netns").glob("bfy*"):
        pid = space.name.removeprefix("bfy").partition("-")[0]
        if not Path("/proc", pid).exists():
            run("ip", "netns", "del", space.name, check=False)


def run(*words, check=True):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


class Network:
    def __init__(self, workers):
        self.prefix = f"bfy{os.getpid() % 100_000}"
        self.router = f"{self.prefix}-net"
        self.workers = list(workers)
        self.spaces = {name: f"{self.prefix}-{name}" for name in self.workers}
        self.coordinator = f"{NET}.0.1"

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def build(self):
        outer = f"{self.prefix}r"
        run("ip", "netns", "add", self.router)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", "up0", "netns", self.router)
        run("ip", "addr", "add", f"{self.coordinator}/24", "dev", outer)
        run("ip", "link", "set", outer, "up")
        self.in_router("ip", "addr", "add", f"{NET}.0.2/24", "dev", "up0")
        self.in_router("ip", "link", "set", "up0", "up")
        self.in_router("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        run("ip", "route", "add", f"{NET}.0.0/16", "via", f"{NET}.0.2")
        for number, (name, space) in enumerate(self.spaces.items(), 1):
            run("ip", "netns", "add", space)
            run("ip", "link", "add", name, "netns", self.router, "type", "veth", "peer", "name", "eth0",
                "netns", space)
            self.in_router("ip", "addr", "add", f"{NET}.{number}.1/24", "dev", name)
            self.in_router("ip", "link", "set", name, "up")
            inside = ("ip", "netns", "exec", space, "ip")
            run(*inside, "link", "set", "lo", "up")
            run(*inside, "addr", "add", f"{NET}.{number}.2/24", "dev", "eth0")
            run(*inside, "link", "set", "eth0", "up")
            run(*inside, "route", "add", "default", "via", f"{NET}.{number}.1")

    def __exit__(self, *_):
        for space in (*self.spaces.values(), self.router):
            run("ip", "netns", "del", space, check=False)
        run("ip", "link", "del", f"{self.prefix}r", check=False)

    def in_router(self, *words):
        return run("ip", "netns", "exec", self.router, *words)

    def command(self, name):
        """What stands before a command that is to run where worker NAME is."""
        return ["ip", "netns", "exec", self.spaces[name]]

    # --- Faults ---

    def cut(self, name, *ways):
        for way in ways or (UP, DOWN):
            self.in_router("iptables", "-A", "FORWARD", way, name, "-j", "DROP")

    def lose(self, name, share):
        for way in (UP, DOWN):
            self.in_router("iptables", "-A", "FORWARD", way, name, "-m", "statistic", "--mode", "random",
                           "--probability", share, "-j", "DROP")

    def refuse(self, port):
        """The connections of all workers to a port are reset, and new ones refused."""
        self.in_router("iptables", "-A", "FORWARD", "-p", "tcp", "--dport", port, "-j", "REJECT",
                       "--reject-with", "tcp-reset")

    def heal(self):
        self.in_router("iptables", "-F", "FORWARD")


class Cage:
    """A cgroup with a share of one core."""

    def __init__(self, name, share):
        self.folder = (CPU if CPU.exists() else Path("/sys/fs/cgroup")) / name
        self.folder.mkdir()
        quota = int(100_000 * share)
        try:
            if CPU.exists():
                (self.folder / "cpu.cfs_period_us").write_text("100000")
                (self.folder / "cpu.cfs_quota_us").write_text(str(quota))
            else:
                (self.folder / "cpu.max").write_text(f"{quota} 100000")
        except OSError:
            self.folder.rmdir()
            raise

    def take(self, pid):
        (self.folder / "cgroup.procs").write_text(str(pid))

    def open(self):
        """Whoever is in it goes free."""
        for pid in (self.folder / "cgroup.procs").read_text().split():
            try:
                (self.folder.parent / "cgroup.procs").write_text(pid)
            except OSError:
                pass  # it has ended
        self.folder.rmdir()
