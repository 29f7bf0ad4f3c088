"""Outages: a part is away for a while under load. Nobody restarts Belfry, and nothing is lost.

A drill breaks something, waits as long as the outage is to last, and brings it back. Meanwhile jobs
are published at a steady rate; `belfry health` must say what is wrong, an alert must fire and be
resolved, and work must go on within 10 s of the part's return.
"""

import json
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pymongo

from cluster import Failed, wait_until
from crash.stand import Task

RATE, PAUSE = 10, 0.1
RESUMES_WITHIN = 10
# A part that is away for 5 s raises an alert; a worker that is silent is lost after 4 s. The rest is
# the time-out after which a hanging server counts as away: MongoDB's 10 s, AMQP's two heartbeats.
KNOWN_WITHIN = {"broker": 30, "store": 20, "w1": 8}
MEMORY = "set_vm_memory_high_watermark"


@dataclass
class Drill:
    name: str
    # What health and alerts are about: broker, store, a node, or nothing when it is over too soon.
    subject: str
    seconds: float
    begin: object
    end: object
    extra: int = 0
    only_long: bool = False

    @property
    def rule(self):
        return "node-lost" if self.subject == "w1" else f"{self.subject}-down"


def ctl(*words):
    return lambda stand: stand.servers.script("rabbit", "ctl", "-q", *words)


def script(name, verb):
    return lambda stand: stand.servers.script(name, verb)


def send(name, number):
    return lambda stand: stand.send(name, number)


def revive(name):
    return lambda stand: stand.revive(name)


def delete_lane(stand):
    """With nothing in it that is not in work: what was waiting there would be gone with it."""
    stand.ledger.channel().queue_delete(f"belfry.lane.{stand.lane}")


def nothing(stand):
    pass


STOP, CONT, KILL = signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL
DRILLS = [
    Drill("rabbit/stop/5s", "broker", 5, script("rabbit", "stop"), script("rabbit", "start")),
    Drill("rabbit/stop/60s", "broker", 60, script("rabbit", "stop"), script("rabbit", "start")),
    Drill("rabbit/kill/5s", "broker", 5, script("rabbit", "kill"), script("rabbit", "start")),
    Drill("rabbit/kill/60s", "broker", 60, script("rabbit", "kill"), script("rabbit", "start")),
    Drill("rabbit/hang/30s", "broker", 30, send("rabbit", STOP), send("rabbit", CONT)),
    Drill("rabbit/alarm/15s", "broker", 15, ctl(MEMORY, "absolute", "1MB"), ctl(MEMORY, "absolute", "1GB")),
    Drill("rabbit/close", "", 0, ctl("close_all_connections", "maintenance"), nothing),
    Drill("rabbit/delete-queue", "", 0, delete_lane, nothing),
    Drill("mongo/kill/5s", "store", 5, script("mongo", "kill"), script("mongo", "start")),
    Drill("mongo/kill/60s", "store", 60, script("mongo", "kill"), script("mongo", "start")),
    Drill("mongo/kill/300s", "store", 300, script("mongo", "kill"), script("mongo", "start"), only_long=True),
    Drill("mongo/hang/30s", "store", 30, send("mongo", STOP), send("mongo", CONT)),
    Drill("c1/kill", "", 0, send("c1", KILL), revive("c1"), extra=1),
    Drill("c1/stop/10s", "", 10, send("c1", STOP), send("c1", CONT), extra=1),
    Drill("w1/kill/5s", "w1", 5, send("w1", KILL), revive("w1"), extra=1),
    Drill("w1/stop/10s", "w1", 10, send("w1", STOP), send("w1", CONT), extra=1),
]


@dataclass
class Report:
    drill: str
    jobs: int = 0
    extra_runs: int = 0
    known: float = None
    reason: str = ""
    fired: float = None
    resolved: float = None
    resumed: float = None
    growth_mb: dict = field(default_factory=dict)
    wrong: list = field(default_factory=list)


class Outage:
    """One drill on a stand that was whole before, and must be afterwards."""

    def __init__(self, stand, drill):
        self.stand, self.drill, self.report = stand, drill, Report(drill.name)
        self.jobs, self.is_over = [], False

    def run(self):
        stand, drill = self.stand, self.drill
        memory = {name: resident(stand.processes[name].pid) for name in ("c1", "w2")}
        self.lines_before, self.episodes_before = len(stand.log("c1")), len(self.episodes())
        load = self.begin_load()
        self.broke = time.monotonic()
        self.watch(Task(lambda: drill.begin(stand)), drill.seconds)
        started = set(stand.ledger.effects)
        self.watch(Task(lambda: drill.end(stand)), 0)
        self.returned = time.monotonic()
        self.await_resumption(started)
        self.watch_resolution()
        self.is_over = True
        load.finish()
        self.count()
        for name, before in memory.items():
            if stand.processes[name].poll() is None:
                after = resident(stand.processes[name].pid)
                self.report.growth_mb[name] = round((after - before) / (1 << 20), 1)
        return self.report

    # --- Load ---

    def begin_load(self):
        if self.drill.begin is delete_lane:
            self.publish_held()
            return Task(nothing_to_do)
        load = Task(self.produce)
        wait_until("the load has begun", lambda: len(self.jobs) > RATE, 30)
        return load

    def publish_held(self):
        """As many as there are slots, all of them running when the queue goes; more come afterwards."""
        jobs = self.make(4, 1.5)
        self.stand.submit(jobs)
        wait_until("all of them run", lambda: self.stand.ledger.look() or all(
            job.id in self.stand.ledger.effects for job in jobs), 20)

    def make(self, count, pause):
        jobs = self.stand.make_jobs(self.drill.name.replace("/", "-"), count, modes=["ok"], pause=pause)
        self.jobs += jobs
        self.stand.ledger.expect(jobs)
        return jobs

    def produce(self):
        due = time.monotonic()
        while not self.is_over:
            for job in self.make(1, PAUSE):
                self.stand.producer.publish(job, 400)
            due = max(due + 1 / RATE, time.monotonic() - 1)
            while time.monotonic() < due and not self.is_over:
                time.sleep(0.01)

    # --- Watching ---

    def watch(self, task, seconds):
        """While something is being broken or brought back, and for so long altogether."""
        end = time.monotonic() + seconds
        while task.is_alive() or time.monotonic() < end:
            if self.drill.subject and self.report.known is None:
                self.ask_health()
            self.note_alert("firing", self.broke)
            # Asking a MongoDB that hangs would take the time that is being measured.
            if self.drill.subject != "store":
                self.stand.ledger.look()
            time.sleep(0.05)
        task.finish()

    def ask_health(self):
        health = self.health()
        items = health.get("parts", []) + health.get("nodes", [])
        for item in items:
            if item["name"] == self.drill.subject and item["state"] != "up" and health["verdict"]:
                self.report.known = time.monotonic() - self.broke
                self.report.reason = f"{item['state']}: {item['reason']}"

    def health(self):
        done = subprocess.run(
            [self.stand.belfry, "health", "-o", "json", "--server", self.stand.server, "--identity",
             self.stand.identity("ops"), "--timeout", "3s"], capture_output=True, text=True)
        return json.loads(done.stdout) if done.stdout.startswith("{") else {}

    def note_alert(self, state, since):
        if getattr(self.report, "fired" if state == "firing" else "resolved") is None:
            if self.has_logged(state):
                took = round(time.monotonic() - since, 2)
                setattr(self.report, "fired" if state == "firing" else "resolved", took)

    def has_logged(self, state):
        said = self.stand.log("c1")[self.lines_before:]
        # MongoDB's driver may say a line of its own before main begins.
        return any(line.get("event.action") == self.drill.rule
                   and line.get("labels.subject") == self.drill.subject
                   and line.get("event.outcome") == state
                   for line in map(json.loads, (text for text in said if text.startswith("{"))))

    def await_resumption(self, started):
        """Some job that had not begun when the part was back has gone all the way."""
        if self.drill.begin is delete_lane:
            self.stand.submit(self.make(16, PAUSE))

        def has_resumed():
            self.stand.ledger.look()
            return any(job.id not in started and job.id not in self.stand.ledger.open
                       for job in list(self.jobs))

        try:
            wait_until(f"work goes on within {RESUMES_WITHIN} s", has_resumed, 60, every=0.02)
            self.report.resumed = time.monotonic() - self.returned
            if self.report.resumed > RESUMES_WITHIN:
                self.report.wrong.append(f"work went on after {self.report.resumed:.1f} s only")
        except Failed as failure:
            self.report.wrong.append(str(failure))

    def watch_resolution(self):
        """An alert that has fired is resolved, in the log and in the store; one that should have, did."""
        if not self.drill.subject:
            return
        end = time.monotonic() + 15
        while time.monotonic() < end:
            self.note_alert("firing", self.broke)
            self.note_alert("resolved", self.returned)
            if self.report.resolved is not None and self.is_recorded():
                break
            if self.report.fired is None and self.drill.seconds < 10 and self.is_well():
                return
            time.sleep(0.05)
        must_fire = self.drill.seconds >= 10 or self.drill.subject == "w1"
        if must_fire and (self.report.known or 99) > KNOWN_WITHIN[self.drill.subject]:
            self.report.wrong.append(f"health did not name {self.drill.subject}: {self.health()}")
        if must_fire and self.report.fired is None:
            self.report.wrong.append(f"no alert {self.drill.rule} in the log")
        if self.report.fired is not None and self.report.resolved is None:
            self.report.wrong.append(f"alert {self.drill.rule} is not resolved in the log")
        if self.report.fired is not None and not self.is_recorded():
            self.report.wrong.append(f"the store holds no resolved {self.drill.rule}: "
                                     f"{self.episodes()}")

    def is_well(self):
        return all(part["state"] == "up" for part in self.health().get("parts", [{"state": "?"}]))

    def is_recorded(self):
        """Every episode of this rule in the store is over, and there is one since the drill began."""
        try:
            found = self.episodes()
        except pymongo.errors.PyMongoError:
            return False
        return (len(found) > self.episodes_before
                and all(episode["state"] == "resolved" for episode in found))

    def episodes(self):
        if not self.drill.subject:
            return []
        return list(self.stand.ledger.db.alerts.find(
            {"rule": self.drill.rule, "subject": self.drill.subject}))

    # --- Counting ---

    def count(self):
        stand = self.stand
        try:
            stand.ledger.await_complete("every job has an outcome and an event", 120, stand.check_alive)
            wait_until("the queues are empty", lambda: stand.ledger.depth() == 0, 20)
        except Failed as failure:
            self.report.wrong.append(str(failure))
        self.report.jobs = len(self.jobs)
        self.report.extra_runs = stand.ledger.extra_runs(self.jobs)
        self.report.wrong += stand.ledger.problems(self.jobs, self.drill.extra)


def nothing_to_do():
    pass


def resident(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) << 10
    return 0
