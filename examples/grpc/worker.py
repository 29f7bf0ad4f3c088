#!/usr/bin/env python3
"""A whole Belfry worker in plain gRPC: runs Python functions, the coordinator records the outcomes.

Needs grpcio and protobuf. What is said and why: proto/belfry/v1/session.proto, docs/protocol.md.
    mkdir -p .build/py; protoc -I proto --python_out=.build/py proto/belfry/v1/*.proto
    PYTHONPATH=.build/py examples/grpc/worker.py --server localhost:7443 --identity certs/p1

SIGTERM: no more jobs, ends what it runs, leaves. Stop, Cancel and time-outs have no effect, since a
function cannot be cut off: that is safe, of two outcomes the first one counts."""
import argparse, queue, secrets, signal, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
import grpc
from belfry.v1 import jobs_pb2, session_pb2 as pb

now_ms = lambda: time.time_ns() // 10**6
KINDS = {"shout": lambda payload: payload.upper(),
         "nap": lambda payload: time.sleep(float(payload)) or payload}

class Worker:
    def __init__(self, options):
        self.name, self.slots, self.lane = options.identity.name, options.slots, options.lane
        # A UUIDv7: of two processes of one name the one that started later counts.
        self.boot = "%012x7%03x8%015x" % (now_ms(), secrets.randbits(12), secrets.randbits(60))
        self.pool = ThreadPoolExecutor(self.slots)
        self.lock, self.draining = threading.RLock(), threading.Event()
        self.runs = {}  # by assignment, until the coordinator has acknowledged the end

    def serve(self, channel):
        """Until drained: a session that ended is opened again, and told what is still here."""
        connect = channel.stream_stream("/belfry.v1.Session/Connect",
                                        pb.WorkerMessage.SerializeToString,
                                        pb.CoordinatorMessage.FromString)
        while self.runs or not self.draining.is_set():
            call, over = connect(iter(self.begin().get, None)), threading.Event()
            threading.Thread(target=self.beat, args=(call, over)).start()
            try:
                for message in call:
                    self.received(message.WhichOneof("message"), message)
            except grpc.RpcError as error:
                print(f"session ended: {error.code().name}: {error.details()}", flush=True)
                time.sleep(0.5)
            finally:
                over.set()
                self.outbox.put(None)  # ends our side of the stream

    def begin(self):
        with self.lock:
            self.outbox, self.heard = queue.SimpleQueue(), time.monotonic()
            self.granted = self.seen = 0
            holding = [pb.Holding(finished=bool(run.finished), hazard=run.hazard, job=run.job.job,
                                  assignment=run.job.assignment, attempt=run.job.attempt)
                       for run in self.runs.values()]
            self.send(hello=pb.Hello(
                version=1, worker=self.name, boot=self.boot, slots=self.slots, kinds=KINDS,
                lanes=[self.lane], coordinator_records=True, holding=holding, software="worker.py"))
            for run in filter(lambda run: run.finished, self.runs.values()):
                self.send(finished=run.finished)  # again: a Finished is never lost, maybe repeated
            return self.outbox

    def send(self, **message):
        self.outbox.put(pb.WorkerMessage(**message))

    def beat(self, call, over, sequence=0):
        """Every 500 ms, on a thread of its own: a worker that is silent for 4 s is lost."""
        while not over.wait(0.5):
            with self.lock:
                sequence, silent = sequence + 1, time.monotonic() - self.heard
                self.send(heartbeat=pb.Heartbeat(
                    sequence=sequence, echo=self.seen, held_ms=int(silent * 1000),
                    running=sum(not run.finished for run in self.runs.values())))
                if self.draining.is_set():
                    self.send(leaving=pb.Leaving())
                    if not self.runs:
                        self.outbox.put(None)
            if silent > 8:
                call.cancel()

    def received(self, what, message):
        with self.lock:
            if what == "welcome":
                if not message.welcome.coordinator_records:
                    raise SystemExit("this coordinator wants its workers to record by themselves")
                self.grant(self.slots - len(self.runs))
            elif what == "heartbeat":
                self.seen, self.heard = message.heartbeat.sequence, time.monotonic()
            elif what == "assign":
                self.assigned(message.assign)
            elif what in ("finished_ack", "recorded"):  # of a failure; of an outcome
                if self.runs.pop(getattr(message, what).assignment, None):
                    self.grant(1)
            elif what == "drain":
                self.draining.set()

    def grant(self, slots):
        self.granted += slots  # a running total of the session: each Assign uses up one
        self.send(credit=pb.Credit(total=self.granted))  # unused once it knows that we leave

    def assigned(self, job):
        ids, runs = {"job": job.job, "assignment": job.assignment}, self.runs.values()
        hazard = job.hazard and any(run.hazard for run in runs)
        refusal = 3 if self.draining.is_set() else 2 if hazard else 0  # see session.proto
        there = next((run for run in runs if run.job.job == job.job), None)
        if there:  # another attempt of the same job runs, or waits to be recorded
            self.send(already=pb.Already(holding=there.job.assignment, hazard=there.hazard, **ids))
        elif refusal:
            self.send(refused=pb.Refused(reason=refusal, **ids))
        else:
            self.runs[job.assignment] = run = SimpleNamespace(
                job=job, hazard=job.hazard, finished=None)
            self.send(started=pb.Started(attempt=job.attempt, hazard=job.hazard, **ids))
            return self.pool.submit(self.work, run)
        self.grant(1)

    def work(self, run):
        job, began, error = run.job, now_ms(), None
        try:
            value = KINDS[job.kind](job.payload)
            if len(value) > 1 << 20:
                raise ValueError("a result has at most 1 MiB")
        except Exception as raised:
            value, error = b"", pb.Failure(code=type(raised).__name__, message=str(raised),
                                           started_at_ms=began, finished_at_ms=now_ms())
        outcome = jobs_pb2.Outcome(
            id=job.job, state="succeeded", kind=job.kind, lane=job.lane, attempt=job.attempt,
            tries=job.tries + sum(line.what != "lost" for line in job.history), losses=job.losses,
            assignment=job.assignment, worker=self.name, submitted_at_ms=job.submitted_at_ms,
            started_at_ms=began, finished_at_ms=now_ms(), result=value, result_size=len(value),
            content_type="text/plain", history=job.history, retry_of=job.retry_of)
        end = {"failed": error} if error else {"unrecorded": outcome}
        with self.lock:
            run.finished = pb.Finished(job=job.job, assignment=job.assignment, **end)
            run.hazard = False  # no longer: its function has returned
            self.send(finished=run.finished)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="HOST:PORT of the coordinator")
    parser.add_argument("--identity", required=True, type=Path, help="folder named as the worker")
    parser.add_argument("--lane", default="default")
    parser.add_argument("--slots", type=int, default=4)
    options = parser.parse_args()
    worker = Worker(options)
    signal.signal(signal.SIGTERM, lambda *_: worker.draining.set())
    files = [options.identity / name for name in ("ca.pem", "identity.key", "identity.pem")]
    credentials = grpc.ssl_channel_credentials(*(file.read_bytes() for file in files))
    limits = [("grpc.max_receive_message_length", -1)]  # a payload alone may have 4 MiB
    with grpc.secure_channel(options.server, credentials, limits) as channel:
        worker.serve(channel)
