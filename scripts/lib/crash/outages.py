"""Outages: a part is away for a while under load. Nobody restarts Belfry, and nothing is lost.

A drill breaks something, waits as long as the outage is to last, and brings it back. Meanwhile jobs
are published at a steady rate; `belfry health` must say what is wrong, an alert must fire and be
resolved, and work must go on within 10 s of the part's return, or while it is away where another
can take its place.
"""

import hashlib
import json
import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pymongo

from cluster import Failed, wait_until
from crash.ledger import Job
from crash.stand import Task

RATE, PAUSE = 10, 0.1
RESUMES_WITHIN = 10
# A part that is away for 5 s raises an alert; a worker that is silent is lost after 4 s. The rest is
# the time-out after which a hanging server counts as away: MongoDB's 10 s, AMQP's two heartbeats.
KNOWN_WITHIN = {"broker": 30, "store": 20, "w1": 8}
MINUTE = 60_000


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
        self.published = {}

    def run(self):
        stand, drill = self.stand, self.drill
        memory = {name: resident(stand.processes[name].pid) for name in (self.asked, "w2")}
        self.lines_before = {name: len(stand.log(name)) for name in stand.addresses}
        self.episodes_before = len(self.episodes())
        if drill.has_schedule:
            self.schedule("add", "--cron", "* * * * *", "--kind", "work", "--payload", "ok 0",
                          "--lane", stand.lane)
            self.scheduled = time.time()
        load = self.begin_load()
        self.broke = time.monotonic()
        self.watch(Task(lambda: drill.begin(stand)), drill.seconds)
        if drill.during and self.report.resumed is None:
            self.report.wrong.append("work did not go on while the part was away")
        if drill.settles:
            self.look_for_unsettled()
        started = set(stand.ledger.effects)
        self.watch(Task(lambda: drill.end(stand)), 0)
        self.returned = time.monotonic()
        self.await_resumption(started)
        self.watch_resolution()
        self.is_over = True
        load.finish()
        if drill.has_schedule:
            self.count_firings()
        self.count()
        for name, before in memory.items():
            if stand.processes[name].poll() is None:
                after = resident(stand.processes[name].pid)
                self.report.growth_mb[name] = round((after - before) / (1 << 20), 1)
        return self.report

    @property
    def asked(self):
        """The coordinator that is asked: where there are two, the one that nothing happens to."""
        return list(self.stand.addresses)[-1]

    # --- Load ---

    def begin_load(self):
        if self.drill.held:
            self.publish_held()
            return Task(nothing_to_do)
        load = Task(self.produce)
        wait_until("the load has begun", lambda: len(self.jobs) > RATE, 30)
        return load

    def publish_held(self):
        """As many as there are slots, all of them running when it breaks; more come afterwards."""
        jobs = self.make(4, self.drill.held)
        self.stand.submit(jobs)
        wait_until("all of them run", lambda: self.stand.ledger.look() or all(
            job.id in self.stand.ledger.effects for job in jobs), 20)

    def make(self, count, pause):
        """Where clocks jump, also jobs that fail once and wait in the store, all with a deadline."""
        can_fail = self.drill.jumping or self.drill.retries
        mode = "retry" if can_fail and len(self.jobs) % 5 == 0 else "ok"
        jobs = self.stand.make_jobs(self.drill.name.replace("/", "-"), count, modes=[mode], pause=pause)
        for job in jobs:
            job.deadline = 600 if self.drill.jumping else 0
        self.jobs += jobs
        self.stand.ledger.expect(jobs)
        return jobs

    def produce(self):
        due = time.monotonic()
        while not self.is_over:
            for job in self.make(1, PAUSE):
                self.stand.producer.publish(job, 400)
                self.published[job.id] = time.monotonic()
            due = max(due + 1 / RATE, time.monotonic() - 1)
            while time.monotonic() < due and not self.is_over:
                time.sleep(0.01)

    # --- Watching ---

    def watch(self, task, seconds):
        """While something is being broken or brought back, and for so long altogether."""
        end, started = time.monotonic() + seconds, None
        while task.is_alive() or time.monotonic() < end:
            if self.drill.subject and self.report.known is None:
                self.ask_health()
            self.note_alert("firing", self.broke)
            if self.drill.during:
                self.note_alert("resolved", self.broke)
            # Asking a MongoDB that hangs would take the time that is being measured.
            if self.drill.subject != "store" or self.drill.during:
                self.stand.ledger.look()
            if self.drill.during and self.report.resumed is None and not task.is_alive():
                started = started or set(self.stand.ledger.effects)
                if self.has_gone_on(started):
                    self.resumed_after(self.broke, self.drill.during)
            time.sleep(0.05)
        task.finish()

    def look_for_unsettled(self):
        end = time.monotonic() - 10
        self.stand.ledger.look()
        late = [id for id, at in list(self.published.items()) if at <= end and id in self.stand.ledger.open]
        if late:
            self.report.wrong.append(f"{len(late)} jobs wait while the part is away: {late[:8]}")

    def has_gone_on(self, started):
        """Some job that had not begun by then has gone all the way."""
        return any(job.id not in started and job.id not in self.stand.ledger.open
                   for job in list(self.jobs))

    def resumed_after(self, since, limit):
        took = time.monotonic() - since
        if self.report.resumed is None:
            self.report.resumed = took
        if took > limit:
            self.report.wrong.append(f"work went on after {took:.1f} s only")

    def ask_health(self):
        health = self.health()
        items = health.get("parts", []) + health.get("nodes", [])
        for item in items:
            if item["name"] == self.drill.subject and item["state"] != "up" and health["verdict"]:
                self.report.known = time.monotonic() - self.broke
                self.report.reason = f"{item['state']}: {item['reason']}"

    def health(self):
        done = subprocess.run(
            [self.stand.belfry, "health", "-o", "json", *self.as_operator(), "--timeout", "3s"],
            capture_output=True, text=True)
        return json.loads(done.stdout) if done.stdout.startswith("{") else {}

    def as_operator(self):
        return ["--server", self.stand.addresses[self.asked], "--identity", self.stand.identity("ops")]

    def note_alert(self, state, since):
        if getattr(self.report, "fired" if state == "firing" else "resolved") is None:
            if self.has_logged(state):
                took = round(time.monotonic() - since, 2)
                setattr(self.report, "fired" if state == "firing" else "resolved", took)

    def has_logged(self, state):
        return bool(self.alerts(state, self.drill.rule, self.drill.subject))

    def alerts(self, state, rule=None, subject=None):
        """What any coordinator has sent since the drill began."""
        # MongoDB's driver may say a line of its own before main begins.
        said = [json.loads(line) for name, before in self.lines_before.items()
                for line in self.stand.log(name)[before:] if line.startswith("{")]
        return [f"{line['event.action']} {line.get('labels.subject')}" for line in said
                if line.get("event.kind") == "alert" and line.get("labels.state") == state
                and rule in (None, line.get("event.action"))
                and subject in (None, line.get("labels.subject"))]

    def await_resumption(self, started):
        """Work goes on once the part is back."""
        if self.drill.held:
            self.stand.submit(self.make(16, PAUSE))
        try:
            wait_until(f"work goes on within {RESUMES_WITHIN} s",
                       lambda: self.stand.ledger.look() or self.has_gone_on(started), 60, every=0.02)
            self.resumed_after(self.returned, RESUMES_WITHIN)
        except Failed as failure:
            self.report.wrong.append(str(failure))

    def watch_resolution(self):
        """An alert that has fired is resolved, in the log and in the store; one that should have, did."""
        if not self.drill.subject:
            return
        # Where another takes its place, the alert is over before the part is back.
        since = self.broke if self.drill.during else self.returned
        end = time.monotonic() + 15
        while time.monotonic() < end:
            self.note_alert("firing", self.broke)
            self.note_alert("resolved", since)
            if self.report.resolved is not None and self.is_recorded():
                break
            if self.report.fired is None and self.drill.seconds < 10 and self.is_well():
                return
            time.sleep(0.05)
        must_fire = self.drill.must_fire
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

    def schedule(self, verb, *more):
        self.stand.run("schedule", verb, "tick", *more, *self.as_operator())

    def count_firings(self):
        """Each minute that has passed fired one job, and none fired before its time."""
        self.schedule("remove", "--yes")
        now = time.time()
        fired = sorted(int(firing["due"].replace(tzinfo=timezone.utc).timestamp() * 1_000)
                       for firing in self.stand.ledger.db.firings.find({"schedule": "tick"}))
        first, last = (int(at * 1_000) // MINUTE for at in (self.scheduled, now))
        due = [minute * MINUTE for minute in range(first + 1, last + 1)]
        if fired != due:
            self.report.wrong.append(f"a schedule fired {fired}, not {due}, at {now}")
        jobs = [Job(hashlib.sha256(f"\0schedule\0tick\0{at}".encode()).hexdigest()) for at in fired]
        self.jobs += jobs
        self.stand.ledger.expect(jobs)

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
        self.count_alerts()
        self.compare_times()
        if self.drill.has_broken and not self.drill.has_broken(stand):
            self.report.wrong.append("it was not seen to break")

    def count_alerts(self):
        """With two coordinators an alert is one alert; where only a clock jumps there is none."""
        if self.drill.jumping and (fired := self.alerts("firing")):
            self.report.wrong.append(f"alerts for a clock: {fired}")
        if self.drill.subject == "w1" and len(fired := self.alerts("firing", self.drill.rule)) != 1:
            self.report.wrong.append(f"not one alert: {fired}")

    def compare_times(self):
        """Whatever a process's clock says, outcomes carry the store's time."""
        if not self.drill.jumping:
            return
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        for job in self.jobs:
            outcome = self.stand.ledger.outcomes.get(job.id, {"finishedAt": now})
            off = abs((outcome["finishedAt"] - now).total_seconds())
            if off > 600:
                self.report.wrong.append(f"{job.id}: finished at a time that is {off:.0f} s off")


def nothing_to_do():
    pass


def resident(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) << 10
    return 0
