"""Crash cells from inside: a debug build that breaks itself at a named step of a job.

The proxies hit every message, but not the moments between two of them: an answer that is here and not
yet heard, an effect decided and not yet sent. `BELFRY_FAILPOINT` names those.
"""

import signal
import time

from cluster import Failed, wait_until
from crash.cells import COMPLETE_WITHIN, JOBS, PAST_LOST, Result, finish_cell

# A thread that hangs is nothing that anybody mends but whoever starts the process again.
HANGS_FOR = 10


def run_point(stand, one):
    """Starts one process so that it breaks at this point, and gives it jobs."""
    began, name, point, action = time.monotonic(), one.victim, one.point, one.fault
    result = Result(one.family, 1, point)
    stand.send(name, signal.SIGKILL)
    stand.processes[name].wait()
    logged = len(stand.log(name))
    start = stand.run_coordinator if name == "c1" else lambda **more: stand.run_worker(name, **more)
    start(BELFRY_FAILPOINT=f"{point}:{action}")
    jobs, rounds = [], []

    def reached():
        if f"failpoint {point}" in stand.log(name)[logged:]:
            return True
        # Once more when others have run all of them, while this one was still starting.
        if stand.ledger.is_complete() and not (rounds and rounds[-1].is_alive()):
            more = stand.make_jobs(f"{point}-{action}", JOBS)
            jobs.extend(more)
            rounds.append(stand.submit_aside(more))
        return False

    try:
        wait_until(f"{name} comes to {point}", reached, COMPLETE_WITHIN, every=0.02)
        mend(stand, name, action)
    except Failed as failure:
        result.wrong.append(str(failure))
    finish_cell(stand, result, jobs, rounds[-1], 1)
    result.seconds = time.monotonic() - began
    return result


def mend(stand, name, action):
    if action == "stop":
        # How long the fault lasts is the fault, not a wait for something.
        time.sleep(PAST_LOST)
        stand.send(name, signal.SIGCONT)
        return
    if action == "hang":
        time.sleep(HANGS_FOR)
        stand.send(name, signal.SIGKILL)
    stand.revive(name)
