"""A stand: a cluster of its own lane and database, with a proxy on each of its links.

    c1 -- queue --> RabbitMQ     c1 -- store --> MongoDB
    w1 -- session --> c1         w1 -- record --> MongoDB      w2 has no proxies

A stand may have a second coordinator, c2, beside c1, without proxies: both workers know both. Where
MongoDB has several members, its clients must know them, and there is no proxy before it.
"""

import os
import signal
import threading
import time

from cluster import Cluster, Failed, free_port, wait_until
from crash import clocks
from crash.families import SERVERS
from crash.framing import Amqp, Messages, Mongo, Tls
from crash.ledger import Job, Ledger, Producer, foreign_job
from crash.proxy import Proxy

SLOTS = 2


class Stand(Cluster):
    def __init__(self, number, belfry, folder, certs, servers, is_plain=False,
                 coordinators=("c1",), jumping=()):
        """`is_plain`: the proxies do not look for messages, for a stand of many jobs.

        `jumping`: the processes whose wall clocks can jump.
        """
        amqp = os.environ["BELFRY_TEST_AMQP_URL"]
        folder.mkdir(exist_ok=True)
        super().__init__(belfry, folder, amqp, f"mongodb://{servers.store_hosts}")
        self.certs, self.servers = certs, servers
        self.addresses = {name: self.server if name == "c1" else f"https://127.0.0.1:{free_port()}"
                          for name in coordinators}
        self.gone = set()
        self.lane, foreign = f"crash-{number}", f"foreign-{number}"
        self.foreign, self.database = foreign, f"crash-{number}?{servers.store_options}"
        reader = Stream if is_plain else Messages
        self.links = {
            "queue": Proxy(address(amqp), Amqp, reader),
            "session": Proxy(address(self.server), Tls, reader),
        }
        if servers.is_single:
            self.links |= {name: Proxy(address(self.store_url), Mongo, reader)
                           for name in ("store", "record")}
        self.clocks = {name: clocks.Clock(folder / f"clock-{name}") for name in jumping}
        self.ledger = Ledger(amqp, f"{self.store_url}/{self.database}", self.lane, foreign, folder)
        self.producer = Producer(amqp, self.lane, foreign)
        self.slots, self.numbers = SLOTS, 0

    def __exit__(self, *_):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
        super().__exit__()
        for link in self.links.values():
            link.close()
        self.ledger.close()
        self.producer.close()

    def identity(self, name):
        return self.certs / name

    def at(self, link):
        """Where a process finds the server at the end of this link: at the proxy, if there is one."""
        if link in self.links:
            return f"127.0.0.1:{self.links[link].port}"
        return self.servers.store_hosts

    # --- Processes ---

    def run_coordinator(self, name="c1", **environment):
        credentials, direct = self.queue_url.split("@")
        queue = self.at("queue") if name == "c1" else direct
        store = self.at("store") if name == "c1" else self.servers.store_hosts
        self.start(
            name, "coordinator", "run", "--queue", f"{credentials}@{queue}", "--store",
            f"mongodb://{store}/{self.database}", "--identity", self.identity(name),
            "--state", self.state(name), "--listen", self.addresses[name].removeprefix("https://"),
            "--lanes", self.lane, "--wait", "120s",
            "--attach", f"{self.foreign}=work,id=message-id,lane={self.lane}",
            environment=self.surroundings(name) | environment)

    def run_worker(self, name, **environment):
        store = self.at("record") if name == "w1" else self.servers.store_hosts
        known = self.addresses | ({"c1": f"https://{self.at('session')}"} if name == "w1" else {})
        self.start(
            name, "worker", "run", *(word for url in known.values() for word in ("--server", url)),
            "--store", f"mongodb://{store}/{self.database}",
            "--identity", self.identity(name), "--state", self.state(name), "--lanes", self.lane,
            "--slots", self.slots, "--run", f"work={self.folder}/command {name}",
            environment=self.surroundings(name) | environment)

    def surroundings(self, name):
        return self.clocks[name].environment if name in self.clocks else {}

    def state(self, name):
        folder = self.folder / f"state-{name}"
        folder.mkdir(exist_ok=True)
        return folder

    def revive(self, name):
        """Starts what was killed, as whoever keeps services running would."""
        if name in SERVERS:
            self.servers.script(name, "start")
        else:
            self.processes[name].wait()
            self.run_coordinator(name) if name in self.addresses else self.run_worker(name)

    def send(self, name, number):
        if name in SERVERS:
            self.servers.send(name, number)
        else:
            self.processes[name].send_signal(number)

    def begin(self):
        """Everything runs, and a first job has gone all the way."""
        self.ledger.declare()
        for name in self.addresses:
            self.run_coordinator(name)
        for name in ("w1", "w2"):
            self.run_worker(name)
        self.settle(120)

    def check_alive(self):
        super().check_alive(*self.gone)

    def settle(self, seconds=60):
        """Waits until jobs run on both workers, given out by each coordinator: then the stand is as
        if nothing had happened."""
        end, workers, givers = time.monotonic() + seconds, set(), set()
        while len(workers) < 2 or len(givers) < len(self.addresses):
            jobs = self.make_jobs("probe", 2 * SLOTS, modes=("ok",))
            self.submit(jobs)
            self.ledger.await_complete("jobs go through when nothing is broken",
                                       max(1, end - time.monotonic()), self.check_alive)
            outcomes = [self.ledger.outcomes[job.id] for job in jobs]
            workers |= {outcome["worker"] for outcome in outcomes}
            # An assignment's id begins with the boot id of whoever gave it out.
            givers |= {outcome["assignment"].split("-")[0] for outcome in outcomes}

    def closing_problems(self):
        """What only the end shows: nothing unacknowledged, nothing changed, all leave when told."""
        wrong = []
        try:
            wait_until("nothing is ready or unacknowledged",
                       lambda: not self.servers.held(self.lane), 30, every=0.5)
        except Failed:
            wrong += [f"left in a queue: {one}" for one in self.servers.held(self.lane)]
        wrong += self.ledger.closing_problems()
        wrong += [f"SIGTERM did not end it well: {one}" for one in self.stop()]
        # What a coordinator has not acknowledged is back once it is gone.
        if self.ledger.depth() != 0:
            wrong.append("once the coordinator has left, there are messages again")
        return wrong

    # --- Jobs ---

    def make_jobs(self, name, count, modes=None, pause=0.05):
        """Of twenty: twelve that work, four from the foreign queue, three to be tried again, one hopeless."""
        pattern = modes or ["ok", "foreign", "ok", "retry", "ok"] * 4
        jobs = []
        for index in range(count):
            mode = pattern[index % len(pattern)]
            if modes is None and index == count - 2:
                mode = "never"
            self.numbers += 1
            id = f"{name}-{self.numbers}"
            # A short pause is a publish at once, a long one goes through the store.
            backoff = "fixed:400ms" if index % 3 == 0 else "fixed:100ms"
            jobs.append(foreign_job(self.foreign, id, pause) if mode == "foreign"
                        else Job(id, mode, pause, backoff))
        return jobs

    def submit(self, jobs):
        self.ledger.expect(jobs)
        for job in jobs:
            self.producer.publish(job)

    def submit_aside(self, jobs):
        """Publishes in a thread of its own, which is to be joined: RabbitMQ may be away meanwhile."""
        self.ledger.expect(jobs)
        return Task(lambda: [self.producer.publish(job) for job in jobs])


class Task(threading.Thread):
    """A thread whose failure is its joiner's."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.failure = work, None
        self.start()

    def run(self):
        try:
            self.work()
        except Exception as failure:  # handed on by `finish`
            self.failure = failure

    def finish(self, seconds=90):
        self.join(seconds)
        if self.is_alive():
            raise RuntimeError(f"not done after {seconds} s")
        if self.failure:
            raise self.failure


class Stream:
    """Passes on what comes as it comes."""

    def __init__(self, protocol):
        pass

    def feed(self, data):
        return (data,)


def address(url):
    host, port = url.split("://", 1)[1].split("@")[-1].split("/")[0].split(":")
    return host, int(port)


def make_certificates(belfry, folder):
    """One set for all stands of a run, two hours old where that can be had: a clock may go back."""
    with Cluster(belfry, folder, "", "") as maker:
        if not clocks.lacks():
            clock = clocks.Clock(folder / "clock-of-certificates")
            clock.jump(-7_200)
            maker.environment = clock.environment
        maker.make_certificates("w1", "w2")
        maker.run("cert", "issue", "coordinator", "c2", "--dir", folder / "certs",
                  "--host", "127.0.0.1")
    return folder / "certs"
