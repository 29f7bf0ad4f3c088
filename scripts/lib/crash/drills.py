"""The drills: what breaks, for how long, and how it comes back."""

import signal
from dataclasses import dataclass

from crash import clocks
from crash.proxy import DOWN, UP
from crash.servers import Replicas, SmallDisk

MEMORY = "set_vm_memory_high_watermark"
HOUR = 3_600


@dataclass
class Drill:
    name: str
    # What health and alerts are about: broker, store, a node, or nothing when it is over too soon.
    subject: str
    seconds: float
    begin: object
    end: object
    # How often a job may run more than asked for.
    extra: int = 0
    only_long: bool = False
    # Work goes on while the part is away, within so many seconds of its loss.
    during: float = 0
    # No steady load: four jobs that run for so long fill all slots when it breaks; more come afterwards.
    held: float = 0
    # The store it needs, instead of the one that all share.
    servers: object = None
    coordinators: tuple = ("c1",)
    # The processes whose wall clocks can jump: nobody may be called lost, nothing may be alerted.
    jumping: tuple = ()
    # Fires every minute meanwhile.
    has_schedule: bool = False
    # One job in five fails once and is tried again.
    retries: bool = False
    # All have their outcomes while the part is away, but those of the last seconds.
    settles: bool = False
    # Says whether what was to break did, for what cannot be seen otherwise.
    has_broken: object = None

    @property
    def rule(self):
        return "node-lost" if self.subject == "w1" else f"{self.subject}-down"

    @property
    def must_fire(self):
        """What is away for 5 s raises an alert, a worker at once."""
        return self.subject and (self.seconds >= 10 or self.subject == "w1")

    def lacks(self):
        """What this machine has not, and the drill needs; nothing if it can be run."""
        if self.jumping:
            return clocks.lacks()
        return self.servers.lacks() if self.servers else None


def ctl(*words):
    return lambda stand: stand.servers.script("rabbit", "ctl", "-q", *words)


def script(name, verb):
    return lambda stand: stand.servers.script(name, verb)


def send(name, number):
    return lambda stand: stand.send(name, number)


def revive(name):
    return lambda stand: stand.revive(name)


def store(verb):
    return lambda stand: getattr(stand.servers, verb)()


def jump(name, seconds):
    return lambda stand: stand.clocks[name].jump(seconds)


def kill_for_good(name):
    def kill(stand):
        stand.gone.add(name)
        stand.send(name, KILL)
    return kill


def delete_lane(stand):
    """With nothing in it that is not in work: what was waiting there would be gone with it."""
    stand.ledger.channel().queue_delete(f"belfry.lane.{stand.lane}")


def consumer_timeout(milliseconds, tick):
    """A channel takes them when it is opened, so all connections go."""
    words = (f"application:set_env(rabbit, consumer_timeout, {milliseconds}), "
             f"application:set_env(rabbit, channel_tick_interval, {tick}).")

    def change(stand):
        ctl("eval", words)(stand)
        ctl("close_all_connections", "drill")(stand)
    return change


def has_timed_out(stand):
    return "Timeout value used: 3000 ms" in stand.servers.broker_log()


def nothing(stand):
    pass


def silence(link):
    return lambda stand: stand.links[link].silence(UP, DOWN)


def heal(link):
    return lambda stand: stand.links[link].heal()


STOP, CONT, KILL = signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL
PAIR = ("c1", "c2")
DRILLS = [
    Drill("rabbit/stop/5s", "broker", 5, script("rabbit", "stop"), script("rabbit", "start")),
    Drill("rabbit/stop/60s", "broker", 60, script("rabbit", "stop"), script("rabbit", "start")),
    Drill("rabbit/kill/5s", "broker", 5, script("rabbit", "kill"), script("rabbit", "start")),
    Drill("rabbit/kill/60s", "broker", 60, script("rabbit", "kill"), script("rabbit", "start")),
    Drill("rabbit/hang/30s", "broker", 30, send("rabbit", STOP), send("rabbit", CONT)),
    Drill("rabbit/alarm/15s", "broker", 15, ctl(MEMORY, "absolute", "1MB"), ctl(MEMORY, "absolute", "1GB")),
    Drill("rabbit/close", "", 0, ctl("close_all_connections", "maintenance"), nothing),
    Drill("rabbit/delete-queue", "", 0, delete_lane, nothing, held=1.5),
    Drill("rabbit/consumer-timeout", "", 10, consumer_timeout(3_000, 500),
          consumer_timeout(1_800_000, 60_000), held=12, has_broken=has_timed_out),
    Drill("mongo/kill/5s", "store", 5, script("mongo", "kill"), script("mongo", "start")),
    Drill("mongo/kill/60s", "store", 60, script("mongo", "kill"), script("mongo", "start")),
    Drill("mongo/kill/300s", "store", 300, script("mongo", "kill"), script("mongo", "start"), only_long=True),
    Drill("mongo/hang/30s", "store", 30, send("mongo", STOP), send("mongo", CONT)),
    Drill("mongo/disk-full/20s", "store", 20, store("fill"), store("free"), servers=SmallDisk),
    Drill("rs/step-down", "", 15, store("step_down"), nothing, during=10, servers=Replicas),
    Drill("rs/kill-primary/30s", "store", 30, store("kill_primary"), store("start_victim"), during=22,
          servers=Replicas),
    Drill("rs/cut-off-primary/40s", "store", 40, store("cut_off_primary"), store("heal"), during=32,
          servers=Replicas),
    Drill("c1/kill", "", 0, send("c1", KILL), revive("c1"), extra=1),
    Drill("c1/stop/10s", "", 10, send("c1", STOP), send("c1", CONT), extra=1),
    Drill("w1/kill/5s", "w1", 5, send("w1", KILL), revive("w1"), extra=1),
    Drill("w1/stop/10s", "w1", 10, send("w1", STOP), send("w1", CONT), extra=1),
    Drill("pair/c1/kill-for-good", "", 65, kill_for_good("c1"), nothing, extra=1, during=10,
          coordinators=PAIR, has_schedule=True),
    Drill("pair/c1/stop/10s", "", 10, send("c1", STOP), send("c1", CONT), extra=1, during=10,
          coordinators=PAIR),
    Drill("pair/w1/kill/5s", "w1", 5, send("w1", KILL), revive("w1"), extra=1, coordinators=PAIR),
    Drill("pair/rabbit/kill/5s", "broker", 5, script("rabbit", "kill"), script("rabbit", "start"),
          coordinators=PAIR),
    # c1 alone does not reach it: it gives its jobs to c2.
    Drill("pair/store/cut/40s", "", 40, silence("store"), heal("store"), extra=1, during=10, coordinators=PAIR,
          retries=True, settles=True),
    Drill("clock/c1/forward-1h", "", 10, jump("c1", HOUR), jump("c1", 0), during=10, jumping=("c1",),
          has_schedule=True),
    Drill("clock/c1/back-1h", "", 10, jump("c1", -HOUR), jump("c1", 0), during=10, jumping=("c1",),
          has_schedule=True),
    Drill("clock/w1/forward-1h", "", 10, jump("w1", HOUR), jump("w1", 0), during=10, jumping=("w1",)),
    Drill("clock/w1/back-1h", "", 10, jump("w1", -HOUR), jump("w1", 0), during=10, jumping=("w1",)),
]
