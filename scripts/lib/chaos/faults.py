"""The faults, how long each lasts, and what is wanted of whoever notices."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from chaos.network import DOWN, UP, Cage

STOP, CONT, KILL = signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL
HOUR = 3_600
# How long to wait for a verdict: ten times the longest of them that is wanted.
VERDICT = 50


@dataclass
class Fault:
    name: str
    goal: str
    body: object
    # Times, or seconds, in the brief run, in the short one and in the full one.
    brief: int
    short: int
    full: int
    jumping: tuple = ()

    def run(self, stand, row, length):
        """`length`: brief, short or full."""
        began = time.monotonic()
        self.body(stand, row, getattr(self, length))
        row.seconds = time.monotonic() - began


def all_workers():
    from chaos.stand import WORKERS
    return WORKERS


# --- Noticed, once each time ---

def kill(stand, row, times):
    for name in islice(stand.turn, times):
        stand.rest(name)
        job = stand.hold_job(name)
        since = clock()
        stand.send(name, KILL)
        stand.processes[name].wait()
        await_loss(stand, row, name, job, since)
        stand.run_worker(name)
        stand.await_state("up", name, seconds=60)
        row.wrong += stand.end_jobs()
    row.expect_within(0.5, row.noticed, "lost")
    row.expect_within(1, row.moved, "run elsewhere")
    row.expect_within(2, row.alerted, "alerted")


def silence(stand, row, times):
    def begin(name):
        stand.network.cut(name)
    silent(stand, row, times, begin, lambda name: stand.network.heal())


def stop(stand, row, times):
    silent(stand, row, times, lambda name: stand.send(name, STOP), lambda name: stand.send(name, CONT))


def silent(stand, row, times, begin, end):
    for name in islice(stand.turn, times):
        stand.rest(name)
        job = stand.hold_job(name)
        since = clock()
        begin(name)
        await_loss(stand, row, name, job, since)
        healed = clock()
        end(name)
        row.healed.append(stand.first(name, "up", healed, 60).at - healed)
        row.wrong += stand.end_jobs()
    row.expect(min(row.noticed) >= 3, f"lost after {min(row.noticed):.2f} s already")
    row.expect_within(5, row.noticed, "lost")


def await_loss(stand, row, name, job, since):
    row.noticed.append(stand.first(name, "lost", since, VERDICT).at - since)
    from cluster import wait_until
    elsewhere = wait_until(f"{job} runs elsewhere", lambda: next(
        (run.at for run in stand.runs() if run.job == job and run.worker != name), None), 30, 0.02)
    row.moved.append(elsewhere - since)
    row.alerted.append(await_alert(stand, name, since) - since)


def await_alert(stand, name, since):
    from cluster import wait_until
    return wait_until(f"an alert on {name}", lambda: next(
        (at for at, alert in stand.alerts(since) if name in str(alert)), None), 30, 0.02)


def one_way(way):
    def body(stand, row, times):
        for name in islice(stand.turn, times):
            stand.hold_job(name)
            lines, since = len(stand.log(name)), clock()
            stand.network.cut(name, way)
            if way == DOWN:
                row.noticed.append(stand.first(name, "one-way", since, VERDICT).at - since)
                told = worker_says(stand, name, lines, "nothing is heard of the coordinator")
                row.other.append(told - since)
            else:
                row.noticed.append(worker_says(stand, name, lines, "nothing gets through") - since)
                row.other.append(stand.first(name, "lost", since, VERDICT).at - since)
            healed = clock()
            stand.network.heal()
            row.healed.append(stand.first(name, "up", healed, 60).at - healed)
            row.wrong += stand.end_jobs()
        row.expect_within(5, row.noticed, "seen")
        row.expect_within(5, row.other, "seen by the other end")
        row.expect_within(2, row.healed, "healed")
    return body


def worker_says(stand, name, lines, text):
    """When the worker does so, behind so many lines of its log. That has no better clock than the time it
    is read."""
    from cluster import wait_until
    wait_until(f"{name} says: {text}", lambda: any(text in line for line in stand.log(name)[lines:]),
               VERDICT, 0.02)
    return clock()


def coordinator_kill(stand, row, times):
    """With a job running that it had given out, and new ones right behind its death."""
    for _ in range(times):
        stand.run_second()
        stand.rest("c2")
        began = clock()
        stand.hold_job_of("c2")
        since = clock()
        stand.kill("c2")
        del stand.processes["c2"]
        new = [stand.publish() for _ in range(4)]
        row.moved.append(max(stand.run_of(job, 30).at for job in new) - since)
        row.noticed.append(stand.first("c2", "lost", since, VERDICT).at - since)
        row.alerted.append(await_alert(stand, "c2", since) - since)
        row.wrong += stand.end_jobs()
        runs = Counter(run.job for run in stand.runs() if run.at >= began)
        again = {job: count for job, count in runs.items() if count > 1}
        row.expect(not again, f"run more than once, and not adopted: {again}")
    row.expect_within(0.5, row.noticed, "lost")
    row.expect_within(2, row.moved, "the next four jobs ran")
    row.expect_within(2, row.alerted, "alerted")


def coordinator_leave(stand, row, times):
    for _ in range(times):
        stand.run_second()
        since = clock()
        with living(stand, row):
            stand.send("c2", signal.SIGTERM)
            stand.processes.pop("c2").wait(60)
            time.sleep(10)
        row.expect(stand.states["c2"] == "left", f"c2 is {stand.states['c2']} and not left")
        # Not of the end of what was told before, which may come late.
        fired = [alert for alert in stand.alerts(since) if '"firing"' in json.dumps(alert)]
        row.expect(not fired, f"alerts: {fired}")


def coordinator_unreached(stand, row, seconds):
    """No worker gets to c2, which lives and writes."""
    stand.run_second()
    since = clock()
    stand.network.refuse(stand.ports["c2"])
    with living(stand, row):
        time.sleep(seconds)
    stand.network.heal()
    row.expect(row.suspected > 0, "the workers' connections to c2 were not cut: nothing was tried")
    # c2 may well say of workers that they are degraded: their datagrams get through.
    lost = [alert for _, alert in stand.alerts(since) if "coordinator-lost" in str(alert)]
    row.expect(not lost, f"alerts: {lost}")
    stand.await_state("up", "c2", seconds=60)


def coordinator_stop(stand, row, times):
    for _ in range(times):
        with living(stand, row):
            stand.send("c1", STOP)
            time.sleep(20)
            stand.send("c1", CONT)
            time.sleep(10)
        stand.await_state("up", *all_workers(), seconds=60)


# --- Never noticed, for a long time ---

class living:
    """While it lasts nobody may be called lost: all live."""

    def __init__(self, stand, row):
        self.stand, self.row = stand, row

    def __enter__(self):
        self.since = clock()

    def __exit__(self, *_):
        passed = clock() - self.since
        self.row.node_hours += 4 * passed / HOUR
        self.row.false += self.stand.count("lost", self.since)
        self.row.suspected += self.stand.count("suspect", self.since)
        self.row.degraded += self.stand.count("degraded", self.since)
        self.row.degraded += self.stand.count("one-way", self.since)
        lost = [one for one in self.stand.seen if one.at >= self.since and one.state == "lost"]
        for one in lost:
            self.row.wrong.append(f"{one.node} lost after {one.at - self.since:.1f} s: {one.reason}")


def pauses(stand, row, times):
    with living(stand, row):
        for _ in range(times):
            for name in all_workers():
                stand.send(name, STOP)
            time.sleep(2.5)
            for name in all_workers():
                stand.send(name, CONT)
            time.sleep(7.5)


def starvation(stand, row, seconds):
    cages = {name: Cage(f"{stand.network.prefix}-{name}", 0.05) for name in all_workers()}
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(4 * os.cpu_count())]
    try:
        for name, cage in cages.items():
            cage.take(stand.processes[name].pid)
        with living(stand, row):
            time.sleep(seconds)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
        for cage in cages.values():
            cage.open()
    stand.await_state("up", *all_workers(), seconds=60)


def loss(stand, row, seconds):
    for name in all_workers():
        stand.network.lose(name, "0.30")
    with living(stand, row):
        time.sleep(seconds)
    stand.network.heal()
    stand.await_state("up", *all_workers(), seconds=60)


def clock_jumps(stand, row, seconds):
    """An hour on, an hour back, and a sawtooth of half a second, on a worker and the coordinator."""
    with living(stand, row):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for offset in (HOUR, 0, -HOUR, 0, 0.5, 0, 0.5, 0):
                for one in stand.clocks.values():
                    one.jump(offset)
                time.sleep(1.5)


def clock():
    from chaos.stand import now
    return now()


FAULTS = [
    Fault("kill", "lost within 0.5 s, run elsewhere within 1 s, alerted within 2 s", kill, 1, 4, 200),
    Fault("silence", "lost after 3.5 to 5 s, never under 3", silence, 1, 3, 60),
    Fault("stop", "lost after 3.5 to 5 s, never under 3", stop, 1, 2, 60),
    Fault("pauses", "SIGSTOP 2.5 s every 10 s, four workers: nobody lost", pauses, 2, 4, 500),
    Fault("starvation", "four workers with 5 % of a core each, 4 hogs a core: nobody lost", starvation,
          15, 40, 1_800),
    Fault("loss", "30 % of packets lost each way, four workers: nobody lost", loss, 15, 60, 1_800),
    Fault("clocks", "wall clocks that jump: nobody lost", clock_jumps, 12, 24, 600, jumping=("c1", "w1")),
    Fault("one-way/down", "the worker hears nothing: one-way within 5 s, it says so within 5 s, healed "
          "within 2 s",
          one_way(DOWN), 1, 2, 20),
    Fault("one-way/up", "the coordinator hears nothing: the worker sees it within 5 s, lost within 5 s, healed "
          "within 2 s",
          one_way(UP), 1, 2, 20),
    Fault("coordinator-kill", "one of two: lost within 0.5 s, alerted within 2 s, the next job runs within "
          "2 s, and none runs again", coordinator_kill, 1, 4, 100),
    Fault("coordinator-leave", "one of two leaves as planned: nobody alerted", coordinator_leave, 1, 2, 20),
    Fault("coordinator-unreached", "no worker reaches one of two, which lives: not lost, nobody alerted",
          coordinator_unreached, 10, 30, 600),
    Fault("coordinator-stop", "stopped 20 s and continued: nobody lost", coordinator_stop, 1, 1, 10),
]
