"""A stand: a cluster of its own lane and database, with a proxy on each of its links.

    c1 -- queue --> RabbitMQ     c1 -- store --> MongoDB
    w1 -- session --> c1         w1 -- record --> MongoDB      w2 has no proxies
"""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from cluster import Cluster, Failed, wait_until
from crash.families import SERVERS
from crash.framing import Amqp, Messages, Mongo, Tls
from crash.ledger import Job, Ledger, Producer, foreign_job
from crash.proxy import Proxy

SLOTS = 2
FOLDERS = {"rabbit": "BELFRY_TEST_RABBIT_DIR", "mongo": "BELFRY_TEST_MONGO_DIR"}
PROGRAMS = {"rabbit": "beam", "mongo": "mongod"}
SCRIPTS = Path(__file__).resolve().parent.parent.parent


class Servers:
    """RabbitMQ and MongoDB, as whoever pulls their plug sees them."""

    def __init__(self):
        self.folders = {name: os.environ[variable] for name, variable in FOLDERS.items()}

    def pid(self, name):
        return int(Path(self.folders[name], PROGRAMS[name] + ".id").read_text().split()[0])

    def send(self, name, number):
        os.kill(self.pid(name), number)

    def script(self, name, verb, *more):
        done = subprocess.run([SCRIPTS / name, verb, self.folders[name], *more],
                              capture_output=True, text=True, timeout=90)
        if done.returncode != 0:
            raise RuntimeError(f"scripts/{name} {verb}: {done.stderr}")
        return done.stdout

    def held(self, lane):
        """Queues of this lane that hold anything, ready or unacknowledged, as the broker lists them.

        It counts quorum queues every 5 s only: what this says may be that old.
        """
        listed = self.script("rabbit", "ctl", "-q", "list_queues", "--no-table-headers", "name",
                             "messages_ready", "messages_unacknowledged")
        rows = [line.split() for line in listed.splitlines() if lane in line]
        return [" ".join(row) for row in rows
                if not row[0].startswith("events.") and row[1:] != ["0", "0"]]


class Stand(Cluster):
    def __init__(self, number, belfry, folder, certs, servers, is_plain=False):
        """`is_plain`: the proxies do not look for messages, for a stand of many jobs."""
        amqp, mongo = os.environ["BELFRY_TEST_AMQP_URL"], os.environ["BELFRY_TEST_MONGODB_URL"]
        folder.mkdir()
        super().__init__(belfry, folder, amqp, mongo)
        self.certs, self.servers = certs, servers
        self.lane, foreign = f"crash-{number}", f"foreign-{number}"
        self.foreign, database = foreign, f"crash-{number}"
        self.store = mongo.split("/?")[0]
        rabbit_at, mongo_at = address(amqp), address(mongo)
        reader = Stream if is_plain else Messages
        self.links = {
            "queue": Proxy(rabbit_at, Amqp, reader), "store": Proxy(mongo_at, Mongo, reader),
            "session": Proxy(("127.0.0.1", int(self.server.rsplit(":", 1)[1])), Tls, reader),
            "record": Proxy(mongo_at, Mongo, reader),
        }
        self.database = f"{database}?directConnection=true"
        self.ledger = Ledger(amqp, f"{self.store}/{self.database}", self.lane, foreign, folder)
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
        return f"127.0.0.1:{self.links[link].port}"

    # --- Processes ---

    def run_coordinator(self, **environment):
        credentials = self.queue_url.split("@")[0]
        self.start(
            "c1", "coordinator", "run", "--queue", f"{credentials}@{self.at('queue')}", "--store",
            f"mongodb://{self.at('store')}/{self.database}", "--identity", self.identity("c1"),
            "--state", self.state("c1"), "--listen", self.server.removeprefix("https://"),
            "--lanes", self.lane, "--wait", "120s",
            "--attach", f"{self.foreign}=work,id=message-id,lane={self.lane}", environment=environment)

    def run_worker(self, name, **environment):
        server = f"https://{self.at('session')}" if name == "w1" else self.server
        store = f"mongodb://{self.at('record')}" if name == "w1" else self.store
        self.start(
            name, "worker", "run", "--server", server, "--store", f"{store}/{self.database}",
            "--identity", self.identity(name), "--state", self.state(name), "--lanes", self.lane,
            "--slots", self.slots, "--run", f"work={self.folder}/command {name}",
            environment=environment)

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
            self.run_coordinator() if name == "c1" else self.run_worker(name)

    def send(self, name, number):
        if name in SERVERS:
            self.servers.send(name, number)
        else:
            self.processes[name].send_signal(number)

    def begin(self):
        """Everything runs, and a first job has gone all the way."""
        self.ledger.declare()
        self.run_coordinator()
        for name in ("w1", "w2"):
            self.run_worker(name)
        self.settle(120)

    def settle(self, seconds=60):
        """Waits until jobs run on both workers: then the stand is as if nothing had happened."""
        end, workers = time.monotonic() + seconds, set()
        while workers < {"w1", "w2"}:
            jobs = self.make_jobs("probe", 2 * SLOTS, modes=("ok",))
            self.submit(jobs)
            self.ledger.await_complete("jobs go through when nothing is broken",
                                       max(1, end - time.monotonic()), self.check_alive)
            workers |= {self.ledger.outcomes[job.id]["worker"] for job in jobs}

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
    """One set for all stands of a run."""
    with Cluster(belfry, folder, "", "") as maker:
        maker.make_certificates("w1", "w2")
    return folder / "certs"
