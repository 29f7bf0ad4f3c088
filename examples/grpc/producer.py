#!/usr/bin/env python3
"""A producer in plain gRPC: submits jobs, waits for their outcomes, looks at the cluster's health.

Needs grpcio and protobuf. The messages are made from proto/ by protoc alone, no plugin of gRPC's:

    mkdir -p .build/py; protoc -I proto --python_out=.build/py proto/belfry/v1/*.proto
    PYTHONPATH=.build/py examples/grpc/producer.py --server localhost:7443 --identity certs/me \\
        --kind shout --count 5 hello

The identity is an operator's, made by `belfry cert issue operator me`: a producer's may submit and
wait, but not ask for health.
"""

import argparse
import sys
import uuid
from pathlib import Path

import grpc

from belfry.v1 import cluster_pb2, jobs_pb2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="HOST:PORT of a coordinator")
    parser.add_argument("--identity", required=True, type=Path, help="folder of the certificate")
    parser.add_argument("--kind", required=True)
    parser.add_argument("--lane", default="default")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--id-prefix", default=f"py-{uuid.uuid4().hex[:8]}")
    parser.add_argument("--wait", type=float, default=60, help="seconds for each outcome")
    parser.add_argument("payload")
    options = parser.parse_args()
    with connect(options.server, options.identity) as channel:
        try:
            show_health(channel)
            jobs = [
                jobs_pb2.JobSpec(
                    id=f"{options.id_prefix}-{number}", kind=options.kind, lane=options.lane,
                    payload=options.payload.encode())
                for number in range(1, options.count + 1)
            ]
            submit(channel, jobs)
            states = [wait_for(channel, job.id, options.wait) for job in jobs]
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")
    print(f"{states.count('succeeded')} of {len(states)} jobs succeeded")


def connect(server, identity):
    """Both sides show a certificate. The server's must name the host that is called."""
    return grpc.secure_channel(server, grpc.ssl_channel_credentials(
        root_certificates=(identity / "ca.pem").read_bytes(),
        private_key=(identity / "identity.key").read_bytes(),
        certificate_chain=(identity / "identity.pem").read_bytes()))


def submit(channel, jobs):
    """Gives the jobs to the cluster. Where the call fails nobody knows which were accepted: the
    same ids again, with `repeat`, cannot become second jobs."""
    call = channel.unary_unary(
        "/belfry.v1.Jobs/SubmitMany",
        request_serializer=jobs_pb2.SubmitManyRequest.SerializeToString,
        response_deserializer=jobs_pb2.SubmitManyReply.FromString)
    try:
        reply = call(jobs_pb2.SubmitManyRequest(jobs=jobs), timeout=30)
    except grpc.RpcError as error:
        if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise
        for job in jobs:
            job.repeat = True
        reply = call(jobs_pb2.SubmitManyRequest(jobs=jobs), timeout=30, wait_for_ready=True)
    refused = [verdict for verdict in reply.verdicts if verdict.status != 0]
    if refused:
        sys.exit(f"{refused[0].id} was not accepted: {refused[0].message}")


def wait_for(channel, job, seconds):
    """Waits until the job has its outcome, prints it, and gives back its state."""
    call = channel.unary_unary(
        "/belfry.v1.Jobs/Await",
        request_serializer=jobs_pb2.GetRequest.SerializeToString,
        response_deserializer=jobs_pb2.JobView.FromString)
    outcome = call(jobs_pb2.GetRequest(id=job), timeout=seconds).outcome
    what = outcome.result.decode(errors="replace") or outcome.error_message
    print(f"{job} {outcome.state} on {outcome.worker}: {what}")
    return outcome.state


def show_health(channel):
    """The first message of the stream is the whole picture; more would come with each change."""
    call = channel.unary_stream(
        "/belfry.v1.Cluster/WatchHealth",
        request_serializer=cluster_pb2.WatchHealthRequest.SerializeToString,
        response_deserializer=cluster_pb2.HealthUpdate.FromString)
    updates = call(cluster_pb2.WatchHealthRequest())
    health = next(updates)
    updates.cancel()
    nodes = ", ".join(f"{node.name} {node.state}" for node in health.nodes)
    print(f"cluster {health.cluster}: {health.verdict or 'nothing is wrong'} ({nodes})")


if __name__ == "__main__":
    main()
