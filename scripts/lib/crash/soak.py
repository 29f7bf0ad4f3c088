"""A long run: jobs at a steady rate while not too many wait, a random fault every few seconds, and a ledger at the end."""

import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from cluster import Failed, wait_until
from crash.outages import resident
from crash.ledger import Producer
from crash.proxy import DOWN, UP
from crash.stand import Task

# RabbitMQ confirms one message of a producer at a time.
PRODUCERS = 4
LOOK_EVERY = 0.25
# So long nothing may be published, or have its outcome, whatever happens.
STUCK_AFTER = 180
# No more is published while so many wait: what is measured is running, not waiting.
BACKLOG_MAX = 2_000

# What happens, how often beside the others, and how long it lasts.
FAULTS = [
    ("kill c1", 2, 0.5), ("kill w1", 2, 0.5), ("kill w2", 2, 0.5), ("stop c1", 1, 6), ("stop w1", 1, 6),
    ("kill rabbit", 1, 2), ("kill mongo", 1, 2), ("stop rabbit", 1, 4), ("stop mongo", 1, 4),
    ("reset queue", 2, 0), ("reset store", 2, 0), ("reset session", 2, 0), ("reset record", 2, 0),
    ("cut queue", 1, 6), ("cut store", 1, 6), ("cut session", 1, 6), ("cut-up session", 1, 6),
    ("cut-down session", 1, 6), ("cut record", 1, 6), ("close all", 1, 0), ("alarm rabbit", 1, 6),
]
CUTS = {"cut": (UP, DOWN), "cut-up": (UP,), "cut-down": (DOWN,)}


@dataclass
class Sample:
    seconds: float
    name: str
    pid: int
    resident_mb: float
    files: int


@dataclass
class Soak:
    stand: object
    count: int
    rate: float
    every: float
    seed: int
    say: object
    faults: list = field(default_factory=list)
    samples: list = field(default_factory=list)
    published: int = 0
    repeats: int = 0

    def run(self):
        """Returns what is wrong at the end, as sentences."""
        self.random, self.began = random.Random(self.seed), time.monotonic()
        jobs = self.stand.make_jobs("soak", self.count, pause=0)
        loads = [Task(lambda first=first: self.produce(jobs, first)) for first in range(PRODUCERS)]
        next_fault, next_sample = self.pause(), 0
        published, moved = 0, 0
        while any(load.is_alive() for load in loads):
            self.stand.ledger.look()
            now = time.monotonic() - self.began
            if self.published > published:
                published, moved = self.published, now
            try:
                self.stand.check_alive()
                if now - moved > STUCK_AFTER:
                    raise Failed(f"nothing was published for {STUCK_AFTER} s")
            except Failed as failure:
                return [str(failure)] + self.judge(jobs)
            if now >= next_sample:
                self.sample(now)
                next_sample = now + 5
            if now >= next_fault:
                # Of its own: what is stopped may be what the ledger waits for.
                strike = Task(self.strike)
                while strike.is_alive():
                    self.stand.ledger.look()
                    time.sleep(LOOK_EVERY)
                strike.finish()
                next_fault = time.monotonic() - self.began + self.pause()
            time.sleep(LOOK_EVERY)
        for load in loads:
            load.finish()
        return self.judge(jobs)

    def pause(self):
        return self.random.expovariate(1 / self.every)

    def produce(self, jobs, first):
        """One producer's part: every so many-th job, from `first` on."""
        stand = self.stand
        producer = Producer(stand.queue_url, stand.lane, stand.foreign)
        for index in range(first, len(jobs), PRODUCERS):
            due = self.began + index / self.rate
            while (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            while len(self.stand.ledger.open) > BACKLOG_MAX:
                time.sleep(LOOK_EVERY)
            stand.ledger.expect([jobs[index]])
            producer.publish(jobs[index], 300)
            self.published += 1
        self.repeats += producer.repeats
        producer.close()

    # --- Faults ---

    def strike(self):
        fault, _, seconds = self.random.choices(FAULTS, [weight for _, weight, _ in FAULTS])[0]
        what, where = fault.split()
        stand = self.stand
        self.faults.append(fault)
        if what == "kill":
            stand.send(where, signal.SIGKILL)
            time.sleep(seconds)
            stand.revive(where)
        elif what == "stop":
            stand.send(where, signal.SIGSTOP)
            time.sleep(seconds)
            stand.send(where, signal.SIGCONT)
        elif what == "reset":
            stand.links[where].reset()
        elif what == "close":
            stand.servers.script("rabbit", "ctl", "-q", "close_all_connections", "soak")
        elif what == "alarm":
            self.alarm(seconds)
        else:
            stand.links[where].silence(*CUTS[what])
            time.sleep(seconds)
            stand.links[where].heal()

    def alarm(self, seconds):
        limit = ["ctl", "-q", "set_vm_memory_high_watermark", "absolute"]
        self.stand.servers.script("rabbit", *limit, "1MB")
        time.sleep(seconds)
        self.stand.servers.script("rabbit", *limit, "1GB")

    # --- Figures ---

    def sample(self, now):
        for name in ("c1", "w1", "w2"):
            process = self.stand.processes[name]
            if process.poll() is None:
                files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
                self.samples.append(Sample(now, name, process.pid, resident(process.pid) / (1 << 20), files))
        done = len(self.stand.ledger.jobs) - len(self.stand.ledger.open)
        self.say(f"{now:6.0f} s  {self.published} published, {done} done, {len(self.faults)} faults"
                 + (f", last: {self.faults[-1]}" if self.faults else ""))

    def figures(self):
        """By process name: the longest life of one process, its memory at the beginning, in the middle
        and at the end (what is kept of recent jobs is full by the middle), most files."""
        lines = []
        for name in ("c1", "w1", "w2"):
            lives = {}
            for one in self.samples:
                if one.name == name:
                    lives.setdefault(one.pid, []).append(one)
            longest = max(lives.values(), key=lambda life: life[-1].seconds - life[0].seconds)
            took, middle = longest[-1].seconds - longest[0].seconds, longest[len(longest) // 2]
            rest = longest[-1].seconds - middle.seconds
            slope = (longest[-1].resident_mb - middle.resident_mb) / rest * 60 if rest else 0
            lines.append(
                f"{name}: {len(lives)} processes; the longest lived {took:.0f} s, "
                f"{longest[0].resident_mb:.0f}, {middle.resident_mb:.0f}, {longest[-1].resident_mb:.0f} MB "
                f"({slope:+.2f} MB a minute in its second half), {longest[0].files} to {longest[-1].files} files; most ever "
                f"{max(one.resident_mb for life in lives.values() for one in life):.0f} MB, "
                f"{max(one.files for life in lives.values() for one in life)} files")
        return lines

    # --- The end ---

    def judge(self, jobs):
        stand = self.stand
        wrong = []
        try:
            stand.ledger.await_complete("every job has an outcome and an event", STUCK_AFTER, stand.check_alive)
            wait_until("the queues are empty", lambda: stand.ledger.depth() == 0, 30)
            self.took = time.monotonic() - self.began
            self.sample(self.took)
        except Failed as failure:
            self.took = time.monotonic() - self.began
            wrong.append(str(failure))
        # Each fault may hit a job once more; none is hit often.
        return wrong + stand.ledger.problems(jobs, 5) + stand.closing_problems()
