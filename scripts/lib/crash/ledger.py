"""The ledger: what became of every job, seen only from outside Belfry.

It knows what RabbitMQ confirmed, what the command wrote down when it ran, what MongoDB holds, what
was announced on `belfry.events`, and what is left in the queues. None of it is Belfry's own word.
"""

import hashlib
import json
import shutil
import subprocess
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pika
import pymongo
from bson.raw_bson import RawBSONDocument
from pika.exceptions import AMQPError, UnroutableError

import outcomes as outcome_documents
from cluster import Failed, wait_until

# What command.c does with a job of this mode: the state it ends in, and how often it runs.
MODES = {"ok": ("succeeded", 1), "retry": ("succeeded", 2), "never": ("failed", 1)}
COMPARED = ("state", "reason", "attempt", "tries", "losses", "assignment", "worker")


@dataclass
class Job:
    id: str
    mode: str = "ok"
    pause: float = 0.05
    backoff: str = "fixed:100ms"
    # On an attached queue a message's own id is not the job's.
    foreign_id: str = ""
    # Seconds from the publish; 0: it has none.
    deadline: int = 0


def foreign_job(queue, message_id, pause):
    """A job of an attached queue: its id is made of the queue's name and the message's id."""
    digest = hashlib.sha256(f"{queue}\0{message_id}".encode()).hexdigest()
    return Job(digest, "ok", pause, foreign_id=message_id)


@dataclass
class Effects:
    """What the command wrote down about one job: runs that started, and those that came to their end."""
    started: list = field(default_factory=list)
    ended: set = field(default_factory=set)


class Broker:
    """A connection that is opened again when it is lost."""

    def __init__(self, url):
        self.parameters = pika.URLParameters(url)
        self.parameters.heartbeat = 0
        self.parameters.socket_timeout = 5
        self.connection = None

    def channel(self):
        if self.connection is None or not self.connection.is_open or not self.opened.is_open:
            self.close()
            self.connection = pika.BlockingConnection(self.parameters)
            self.opened = self.connection.channel()
            self.prepare(self.opened)
        return self.opened

    def prepare(self, channel):
        pass

    def close(self):
        try:
            if self.connection and self.connection.is_open:
                self.connection.close()
        except AMQPError:
            pass  # gone already
        self.connection = None


class Producer(Broker):
    """Publishes until RabbitMQ confirms; when it cannot know, the same id again, marked as a repeat."""

    def __init__(self, url, lane, foreign):
        super().__init__(url)
        self.lane, self.foreign = lane, foreign
        self.repeats = 0

    def prepare(self, channel):
        channel.confirm_delivery()

    def publish(self, job, seconds=60):
        deadline, repeated = time.monotonic() + seconds, False
        while True:
            try:
                self.send(job, repeated)
                return
            except UnroutableError as error:
                failure = error  # the queue is not there now: nothing was accepted
            except (AMQPError, OSError) as error:
                failure, repeated = error, True
                self.repeats += 1
                self.close()
            if time.monotonic() >= deadline:
                raise failure
            time.sleep(0.05)

    def send(self, job, repeated):
        body = f"{job.mode} {job.pause}\n".encode()
        if job.foreign_id:
            self.channel().basic_publish("", self.foreign, body, pika.BasicProperties(
                message_id=job.foreign_id, delivery_mode=2), mandatory=True)
            return
        headers = {"belfry-backoff": job.backoff}
        if job.deadline:
            headers["belfry-deadline"] = datetime.now(timezone.utc) + timedelta(seconds=job.deadline)
        if repeated:
            headers["belfry-repeat"] = True
        self.channel().basic_publish("belfry.jobs", self.lane, body, pika.BasicProperties(
            message_id=job.id, type="work", delivery_mode=2, headers=headers), mandatory=True)


class Ledger(Broker):
    def __init__(self, queue_url, store_url, lane, foreign, folder):
        super().__init__(queue_url)
        self.lane, self.folder = lane, folder
        self.events_queue = f"events.{lane}"
        self.queues = [f"belfry.{kind}.{lane}" for kind in ("lane", "again", "parked")]
        self.queues += [f"belfry.lane.{lane}.{level}" for level in ("high", "low")] + [foreign]
        self.foreign = foreign
        # As bytes, since a long run has millions of them.
        self.db = outcome_documents.database(
            store_url, document_class=RawBSONDocument, serverSelectionTimeoutMS=2_000,
            socketTimeoutMS=5_000)
        self.jobs, self.open = {}, set()
        self.outcomes, self.events = {}, defaultdict(list)
        self.effects, self.effects_read, self.runs = defaultdict(Effects), 0, Counter()
        (folder / "failed").mkdir(parents=True)
        subprocess.run([shutil.which("cc") or "clang", "-O2", "-static", "-o", folder / "command",
                        Path(__file__).parent / "command.c"], check=True)
        (folder / "effects").touch()

    # --- Before ---

    def declare(self):
        """The foreign queue and one for events; quorum queues, so that a crash keeps them."""
        channel = self.channel()
        for name in (self.foreign, self.events_queue):
            channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
        channel.exchange_declare("belfry.events", "topic", durable=True)
        channel.queue_bind(self.events_queue, "belfry.events", f"job.*.{self.lane}")

    def expect(self, jobs):
        """These are being published, until RabbitMQ has confirmed each."""
        for job in jobs:
            self.jobs[job.id] = job
            self.open.add(job.id)

    # --- Looking ---

    def read_effects(self):
        with open(self.folder / "effects", "rb") as file:
            file.seek(self.effects_read)
            data = file.read()
        whole = data[:data.rfind(b"\n") + 1]
        self.effects_read += len(whole)
        for line in whole.decode().splitlines():
            what, job, assignment = line.split()[:3]
            if what == "start":
                self.effects[job].started.append(assignment)
                self.runs[assignment] += 1
            else:
                self.effects[job].ended.add(assignment)

    def read_events(self):
        channel, last = self.channel(), None
        try:
            for method, properties, body in channel.consume(self.events_queue, inactivity_timeout=0.01):
                if method is None:
                    break
                self.events[properties.message_id].append(body)
                last = method.delivery_tag
            if last:
                channel.basic_ack(last, multiple=True)
        except ValueError:
            self.close()  # pika's word for a consumer whose channel has gone

    def read_outcomes(self):
        wanted = [id for id in list(self.open) if id not in self.outcomes]
        majority = self.db.get_collection(
            "outcomes", read_concern=pymongo.read_concern.ReadConcern("majority"))
        for start in range(0, len(wanted), 5_000):
            for document in majority.find({"_id": {"$in": wanted[start:start + 5_000]}}):
                self.outcomes[document["_id"]] = document

    def look(self):
        """Looks at everything; what is away just now is looked at the next time."""
        for read in (self.read_effects, self.read_events, self.read_outcomes):
            try:
                read()
            except (AMQPError, OSError, pymongo.errors.PyMongoError):
                if read == self.read_events:
                    self.close()
        self.open -= {id for id in list(self.open) if id in self.outcomes and id in self.events}

    def is_complete(self):
        self.look()
        return not self.open

    def await_complete(self, what, seconds, check=lambda: None):
        """Polls until every job has an outcome and an event; else says which has not, and what it has."""
        try:
            wait_until(what, self.is_complete, seconds, every=0.02, check=check)
        except Failed as failure:
            left = [f"{id}: {'an' if id in self.outcomes else 'no'} outcome, "
                    f"{len(self.events.get(id, []))} events, runs {self.effects[id]}"
                    for id in sorted(self.open)]
            raise Failed(f"{failure}; {len(left)} open, {self.depth()} messages ready:\n    "
                         + "\n    ".join(left[:8])) from None

    def depth(self):
        """Messages that are ready in any of the cluster's queues."""
        try:
            channel = self.channel()
            return sum(channel.queue_declare(name, passive=True).method.message_count
                       for name in self.queues)
        except (AMQPError, OSError):
            self.close()
            return -1

    # --- Judging ---

    def problems(self, jobs, extra_max):
        """What is wrong with these jobs, as sentences. `extra_max`: runs above what the command asks for."""
        found = []
        self.look()  # the last outcomes were seen before the notes of their runs were read
        for job in jobs:
            found += self.problems_of(job, extra_max)
        return found

    def problems_of(self, job, extra_max):
        document, events = self.outcomes.get(job.id), self.events.get(job.id, [])
        if document is None:
            return [f"{job.id}: LOST, no outcome; {len(events)} events, runs {self.effects[job.id]}"]
        found = [] if events else [f"{job.id}: no event"]
        for event in map(json.loads, events):
            differs = [name for name in COMPARED
                       if (event.get(name) or None) != (document.get(name) or None)]
            if differs:
                found.append(f"{job.id}: an event differs from the outcome in {', '.join(differs)}")
        state, runs = MODES[job.mode]
        if document["state"] != state:
            found.append(f"{job.id}: {document['state']}, not {state}: {dict(document.get('error') or {})}")
        winner = document.get("assignment")
        if state == "succeeded":
            result = bytes(document["result"]["bytes"]).decode()
            if result != f"{job.id} {winner}":
                found.append(f"{job.id}: the result is another run's: {result}, recorded {winner}")
        effects = self.effects[job.id]
        if winner not in effects.started or winner not in effects.ended:
            found.append(f"{job.id}: recorded {winner}, which did not run to its end")
        extra = len(effects.started) - runs
        if not 0 <= extra <= extra_max:
            found.append(f"{job.id}: ran {len(effects.started)} times, not {runs} (+{extra_max})")
        found += [f"{job.id}: assignment {run} started twice"
                  for run in effects.started if self.runs[run] > 1]
        return found

    def extra_runs(self, jobs):
        return sum(len(self.effects[job.id].started) - MODES[job.mode][1] for job in jobs)

    def closing_problems(self):
        """At the very end: nothing else was recorded, and no outcome has changed since it was first seen."""
        found, seen = [], 0
        for document in outcome_documents.each(self.db):
            seen += 1
            if document["_id"] not in self.jobs:
                found.append(f"{document['_id']}: an outcome of a job that nobody submitted")
            elif document != self.outcomes.get(document["_id"]):  # compares all their bytes
                found.append(f"{document['_id']}: its outcome has changed")
        if seen != len(self.jobs):
            found.append(f"{seen} outcomes of {len(self.jobs)} jobs")
        return found
