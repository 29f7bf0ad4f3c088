"""Crash cells: a fault at message k of a link, for every k of a run of twenty jobs."""

import signal
import time
from dataclasses import dataclass, field

from cluster import Failed, wait_until
from crash.proxy import DOWN, UP, await_struck

JOBS = 20
# A worker that is silent is lost after 4 s.
PAST_LOST = 6
COMPLETE_WITHIN = 90


SILENCES = {"cut": (UP, DOWN), "cut-up": (UP,), "cut-down": (DOWN,)}


@dataclass
class Result:
    family: str
    k: int
    at: str
    seconds: float = 0
    extra_runs: int = 0
    wrong: list = field(default_factory=list)


def count_messages(stand):
    """How many messages each link carries in a run where nothing breaks."""
    for link in stand.links.values():
        link.arm(None, None)
    jobs = stand.make_jobs("count", JOBS)
    stand.submit(jobs)
    stand.ledger.await_complete("a run without a fault", 30, stand.check_alive)
    wrong = stand.ledger.problems(jobs, 0)
    if wrong:
        raise Failed("a run without a fault is wrong already:\n  " + "\n  ".join(wrong))
    return {name: link.count for name, link in stand.links.items()}


def run_cell(stand, family, k):
    """One fault, and what became of its jobs; nothing if the run ended before message k."""
    began, link = time.monotonic(), stand.links[family.link]
    link.arm(k, lambda proxy, way: strike(stand, family, proxy, way))
    jobs = stand.make_jobs(f"{family.name.replace('/', '-')}-{k}", JOBS)
    publishing = stand.submit_aside(jobs)
    reached = await_struck(link, stand.ledger.is_complete, COMPLETE_WITHIN)
    link.arm(None, None) if not reached else None
    if reached:
        mend(stand, family, link)
    result = Result(family.name, k, link.struck or "")
    finish_cell(stand, result, jobs, publishing, family.extra)
    result.seconds = time.monotonic() - began
    return result if reached else None


def finish_cell(stand, result, jobs, publishing, extra):
    """Waits until the ledger is complete, judges, and leaves the stand as if nothing had happened."""
    try:
        publishing.finish()
        stand.ledger.await_complete("every job has an outcome and an event", COMPLETE_WITHIN,
                                    stand.check_alive)
        wait_until("the queues are empty", lambda: stand.ledger.depth() == 0, 20)
    except (Failed, RuntimeError) as failure:
        result.wrong.append(str(failure))
    result.wrong += stand.ledger.problems(jobs, extra)
    result.extra_runs = stand.ledger.extra_runs(jobs)
    if not result.wrong:
        stand.settle()


def strike(stand, family, proxy, way):
    """Called by the proxy with message k in its hand; says whether that one still goes through."""
    if family.fault == "kill":
        stand.send(family.victim, signal.SIGKILL)
        return not touches(family)
    if family.fault == "stop":
        stand.send(family.victim, signal.SIGSTOP)
        return True
    if family.fault == "reset":
        proxy.reset()
        return False
    proxy.silence(*SILENCES[family.fault])
    return True


def touches(family):
    """Is the victim an end of the link? Then what it was sending or about to hear is gone with it."""
    ends = {"queue": {"c1", "rabbit"}, "store": {"c1", "mongo"}, "session": {"w1", "c1"},
            "record": {"w1", "mongo"}}
    return family.victim in ends[family.link]


def mend(stand, family, link):
    if family.fault == "kill":
        stand.revive(family.victim)
    elif family.fault != "reset":
        # How long the fault lasts is the fault, not a wait for something.
        time.sleep(PAST_LOST)
        if family.fault == "stop":
            stand.send(family.victim, signal.SIGCONT)
        else:
            link.heal()


def points(messages, every, most):
    """The k of a family: each n-th, or as many as asked for, spread over the run."""
    step = every or max(1, messages // most)
    return range(1 + (step - 1) // 2, messages + 1, step)
