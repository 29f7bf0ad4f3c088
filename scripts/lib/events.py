"""Outcome events as any subscriber sees them, with pika: a queue bound to `belfry.events`."""

import json
import time

import pika

QUEUE = "demo.events"


def subscribe(url):
    """Makes a queue that keeps every job's event from now on."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare(queue=QUEUE)
    channel.queue_bind(queue=QUEUE, exchange="belfry.events", routing_key="job.#")
    connection.close()


def collect(url, count, seconds):
    """The state that was announced for each job, by id, and how many events said so.

    Returns when `count` jobs were announced or the time is over, and removes the queue. An event may
    come twice: readers go by its message id, which is the job's.
    """
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    states, events = {}, 0
    deadline = time.monotonic() + seconds
    while len(states) < count and time.monotonic() < deadline:
        method, properties, body = channel.basic_get(QUEUE, auto_ack=True)
        if method is None:
            time.sleep(0.05)
            continue
        events += 1
        states[properties.message_id] = json.loads(body)["state"]
    channel.queue_delete(QUEUE)
    connection.close()
    return states, events
