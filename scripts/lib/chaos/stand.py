"""The cluster under chaos: a coordinator or two, four workers in namespaces, somebody who watches its health."""

import itertools
import json
import os
import signal
import subprocess
import threading
import time
from collections import namedtuple

import outcomes as outcome_documents
from chaos.network import Network
from cluster import Cluster, Failed, free_port, wait_until
from crash import clocks
from crash.ledger import Job, Producer

# An alert that comes and goes is sent once in so many seconds (AlertDesk.flapRest), and a bit.
FLAP_REST = 61
WORKERS = ("w1", "w2", "w3", "w4")
# A state that a watcher of c1's health has heard of a worker, or of c2, and when.
Seen = namedtuple("Seen", "at node state reason")
# That a job began to run, and where; whose assignment it was: that begins with the giver's boot id.
Run = namedtuple("Run", "job worker at assignment")
# Runs until the gate is open, and writes down where and when it began.
COMMAND = """#!/bin/sh
read -r now rest </proc/uptime
echo "$BELFRY_JOB_ID $1 $now $BELFRY_ASSIGNMENT" >>{folder}/runs
while [ ! -e {folder}/open ]; do sleep 0.05; done
echo done
"""
ALERT = """#!/bin/sh
read -r now rest </proc/uptime
echo "$now $(tr -d '\\n')" >>{folder}/alerts
"""


def now():
    """Seconds, on the clock of /proc/uptime."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Stand(Cluster):
    def __init__(self, belfry, folder, jumping=()):
        database = f"chaos-{os.getpid()}-{time.monotonic_ns() % 1_000_000}"
        server, _, options = os.environ["BELFRY_TEST_MONGODB_URL"].partition("?")
        store = f"mongodb://{server.split('/')[2]}/{database}?{options}"
        super().__init__(belfry, folder, os.environ["BELFRY_TEST_AMQP_URL"], store)
        self.network = Network(WORKERS)
        self.ports = {"c1": free_port(), "c2": free_port()}
        self.server = self.address("c1")
        self.lane = database
        self.clocks = {name: clocks.Clock(folder / f"clock-{name}") for name in jumping}
        self.seen, self.states, self.boots = [], {}, {}
        self.jobs = 0
        # Who is next to have a fault: on the same one an alert would have to wait.
        self.turn = itertools.cycle(WORKERS)
        self.producer = Producer(self.queue_url, self.lane, None)

    def __enter__(self):
        self.network.__enter__()
        return self

    def __exit__(self, *_):
        try:
            for process in self.processes.values():
                if process.poll() is None:
                    process.send_signal(signal.SIGCONT)
            super().__exit__()
            self.producer.close()
        finally:
            self.network.__exit__()

    # --- Processes ---

    def begin(self):
        for name, text in (("command", COMMAND), ("alert", ALERT)):
            file = self.folder / name
            file.write_text(text.format(folder=self.folder))
            file.chmod(0o755)
        (self.folder / "sinks").write_text(f"file command {self.folder}/alert\n")
        self.make_certificates(*WORKERS)
        self.run_coordinator()
        self.on_health = self.note
        for name in WORKERS:
            self.run_worker(name)
        wait_until("the coordinator answers", self.answers, 60, 0.2, self.check_alive)
        self.watch_health()
        self.await_state("up", *WORKERS, seconds=60)

    def answers(self):
        done = subprocess.run([self.belfry, "health", "-o", "json", "--server", self.server, "--identity",
                               self.identity("ops")], capture_output=True)
        return done.returncode in (0, 1)

    def address(self, coordinator):
        return f"https://{self.network.coordinator}:{self.ports[coordinator]}"

    def run_coordinator(self, name="c1"):
        self.start(name, "coordinator", "run", "--queue", self.queue_url, "--store", self.store_url,
                   "--identity", self.identity(name), "--listen",
                   self.address(name).removeprefix("https://"),
                   "--lanes", self.lane, "--wait", "60s", "--alert-sinks", self.folder / "sinks",
                   environment=self.surroundings(name))

    def run_second(self):
        """Another coordinator, which each worker comes to."""
        if not self.identity("c2").exists():
            self.run("cert", "issue", "coordinator", "c2", "--dir", self.folder / "certs", "--host", "127.0.0.1")
        log = self.folder / "c2.log"
        log.write_text("")
        self.run_coordinator("c2")
        wait_until("all workers have a session with c2", lambda: all(
            f'"labels.worker":"{name}"' in log.read_text() for name in WORKERS), 60, 0.05,
            self.check_alive)
        self.await_state("up", "c2", seconds=60)
        # Each says so in its next heartbeat.
        time.sleep(1)

    def run_worker(self, name):
        command = [*self.network.command(name), self.belfry, "worker", "run", "--server", self.server,
                   "--identity", self.identity(name), "--lanes", self.lane, "--slots", "8", "--run",
                   f"work={self.folder}/command {name}"]
        log = open(self.folder / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=os.environ | {"BELFRY_LOG_FORMAT": "json"} | self.surroundings(name))

    def surroundings(self, name):
        return {"BELFRY_LOG_FORMAT": "json"} | (
            self.clocks[name].environment if name in self.clocks else {})

    def send(self, name, number):
        self.processes[name].send_signal(number)

    # --- What is seen ---

    def note(self, update):
        at = now()
        for node in update.get("nodes", []):
            if node["name"] not in (*WORKERS, "c2"):
                continue
            self.boots[node["name"]] = node["boot"]
            if self.states.get(node["name"]) != node["state"]:
                self.states[node["name"]] = node["state"]
                self.seen.append(Seen(at, node["name"], node["state"], node.get("reason", "")))

    def await_state(self, state, *names, seconds):
        wait_until(f"{', '.join(names)}: {state} (seen: {self.states})",
                   lambda: all(self.states.get(name) == state for name in names), seconds, 0.01,
                   self.check_alive)

    def first(self, name, state, since, seconds):
        """When this state was seen of a worker, after `since`; waits for it."""
        def find():
            return next((one for one in self.seen
                         if one.at >= since and one.node == name and one.state == state), None)
        return wait_until(f"{name} is {state} (seen: {self.states})", find, seconds, 0.01)

    def count(self, state, since):
        return sum(one.state == state and one.at >= since for one in self.seen)

    def runs(self):
        file = self.folder / "runs"
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        return [Run(job, worker, float(at), assignment) for job, worker, at, assignment in lines]

    def run_of(self, job, seconds=20):
        """Its first run; waits for it."""
        return wait_until(f"{job} runs", lambda: next(
            (run for run in self.runs() if run.job == job), None), seconds, 0.02)

    def alerts(self, since=0):
        file = self.folder / "alerts"
        found = []
        for text in file.read_text().splitlines() if file.exists() else []:
            at, _, body = text.partition(" ")
            found.append((float(at), json.loads(body)))
        return [(at, alert) for at, alert in found if at >= since]

    def rest(self, name):
        """Until an alert on this node would be sent at once: once a minute at most."""
        told = [at for at, alert in self.alerts() if name in str(alert)]
        if told:
            time.sleep(max(0, told[-1] + FLAP_REST - now()))

    # --- Jobs ---

    def publish(self):
        """A job that runs until `end_jobs`; gives back its id."""
        self.jobs += 1
        job = f"job-{self.jobs}"
        self.producer.publish(Job(job))
        return job

    def hold_job(self, name):
        """Jobs until one runs on this worker; gives back its id."""
        return self.hold(lambda run: run.worker == name, f"came to {name}")

    def hold_job_of(self, coordinator):
        """Jobs until one runs that this coordinator gave out."""
        boot = self.boots[coordinator].replace("-", "")
        return self.hold(lambda run: run.assignment.startswith(boot), f"was given out by {coordinator}")

    def hold(self, is_wanted, what):
        for _ in range(16):
            job = self.publish()
            if is_wanted(self.run_of(job)):
                return job
        raise Failed(f"no job {what}: {self.runs()[-8:]}")

    def end_jobs(self):
        """All that runs ends; gives back what is wrong with the outcomes."""
        gate = self.folder / "open"
        gate.touch()
        database = outcome_documents.database(self.store_url)
        ids = [f"job-{number}" for number in range(1, self.jobs + 1)]
        # As a majority holds them: what is read otherwise may be ahead of that.
        documents = wait_until(f"{len(ids)} outcomes", lambda: (
            found if len(found := outcome_documents.snapshot(database)) >= len(ids) else None), 60, 0.2)
        gate.unlink()
        return outcome_documents.problems(documents, ids, 0)
