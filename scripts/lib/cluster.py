"""The demo's cluster: certificates, one coordinator and its workers, each a process of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path


class Failed(Exception):
    """Something did not happen as it should: the text says what, and what to look at."""


class Cluster:
    """Everything started here is ended by `stop`, or by the `finally` of `with`."""

    def __init__(self, belfry, folder, queue_url, store_url):
        self.belfry = Path(belfry)
        self.folder = Path(folder)
        self.queue_url, self.store_url = queue_url, store_url
        self.server = f"https://127.0.0.1:{free_port()}"
        self.processes = {}
        # What `run` adds to the environment of its processes.
        self.environment = {}
        self.on_health = lambda update: None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def run(self, *arguments, **options):
        """Runs `belfry …` to its end; gives back what it printed."""
        command = [str(self.belfry), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60,
                              env=os.environ | self.environment, **options)
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr}")
        return done.stdout

    def start(self, name, *arguments, environment=None):
        """Starts `belfry …` in the background; what it logs is in the folder's NAME.log."""
        log = open(self.folder / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            [str(self.belfry), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, env=os.environ | (environment or {}))

    def identity(self, name):
        return self.folder / "certs" / name

    def make_certificates(self, *workers):
        certs = self.folder / "certs"
        self.run("cert", "init", "--cluster", "demo", "--dir", certs)
        self.run("cert", "issue", "coordinator", "c1", "--dir", certs, "--host", "127.0.0.1")
        for role, name in [("operator", "ops"), ("producer", "shop")]:
            self.run("cert", "issue", role, name, "--dir", certs)
        for worker in workers:
            self.run("cert", "issue", "worker", worker, "--dir", certs)

    def start_coordinator(self, *more):
        self.start(
            "c1", "coordinator", "run", "--queue", self.queue_url, "--store", self.store_url,
            "--identity", self.identity("c1"), "--listen", self.server.removeprefix("https://"),
            "--lanes", "default", "--wait", "30s", *more)

    def start_worker(self, name, command, slots):
        self.start(
            name, "worker", "run", "--server", self.server, "--identity", self.identity(name),
            "--store", self.store_url, "--slots", slots, "--run", command)

    def watch_health(self):
        """Starts `belfry health --watch`; each update goes to `on_health`."""
        process = subprocess.Popen(
            [str(self.belfry), "health", "--watch", "-o", "ndjson", "--server", self.server,
             "--identity", str(self.identity("ops"))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=open(self.folder / "health.log", "ab"), text=True)
        self.processes["health"] = process

        def read():
            for line in process.stdout:
                self.on_health(json.loads(line))

        threading.Thread(target=read, daemon=True).start()

    def kill(self, name):
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def check_alive(self, *but):
        """Fails when a process ended that should be running, and shows the end of its log."""
        for name, process in self.processes.items():
            if name not in but and process.poll() is not None:
                raise Failed(f"{name} ended with status {process.returncode}; its log ends:\n  " +
                             "\n  ".join(self.log(name)[-8:]))

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace").splitlines()

    def events(self, name):
        """What it logged, in JSON. MongoDB's driver may say a line of its own before main begins."""
        return [json.loads(line) for line in self.log(name) if line.startswith("{")]

    def stop(self):
        """Asks all to leave, workers first, with SIGTERM; gives back who ended badly, and how."""
        coordinators = [name for name in self.processes if name in ("c1", "c2")]
        workers = [name for name in self.processes if name not in (*coordinators, "health")]
        bad = []
        for group in (["health"], workers, coordinators):
            running = [n for n in group if n in self.processes and self.processes[n].poll() is None]
            for name in running:
                self.processes[name].terminate()
            for name in running:
                try:
                    status = self.processes[name].wait(timeout=15)
                except subprocess.TimeoutExpired:
                    status = "still running 15 s after SIGTERM"
                if status not in (0, 143, -signal.SIGTERM):
                    bad.append(f"{name}: {status}")
        return bad


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, seconds, every=0.05, check=lambda: None):
    """Polls `condition` until it gives something true, and gives that back."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        check()
        if time.monotonic() >= deadline:
            raise Failed(f"waited {seconds} s in vain: {what}")
        time.sleep(every)
    return result


def keep_logs(folder, target):
    """Copies the logs, not the keys, out of the demo's folder, for somebody to read."""
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    for log in Path(folder).glob("*.log"):
        shutil.copy(log, target)
