#!/usr/bin/env python3
"""What stood where `.delay()`, `.apply_async()` and `.get()` stood: pika to submit, pymongo to read.

    send.py AMQP_URL MONGODB_URL
"""

import json
import math
import sys
import time
import uuid
from datetime import datetime, timezone

import pika
import pymongo


class Failed(Exception):
    pass


def apply_async(channel, kind, kwargs, countdown=0, headers=None, lane="default"):
    """Returns the job's id once RabbitMQ has confirmed it. The channel must confirm deliveries."""
    job = str(uuid.uuid4())
    headers = dict(headers or {})
    if countdown:
        # Whole seconds is all that AMQP has: rounded up, so that nothing runs early.
        due = math.ceil(time.time() + countdown)
        headers["belfry-run-at"] = datetime.fromtimestamp(due, timezone.utc)
    channel.basic_publish(
        "belfry.jobs", lane, json.dumps(kwargs).encode(), mandatory=True,
        properties=pika.BasicProperties(
            message_id=job, type=kind, delivery_mode=2, content_type="application/json",
            headers=headers))
    return job


def get(db, job, timeout):
    """The result, or what went wrong; looks ten times a second."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        outcome = db.outcomes.find_one({"_id": job})
        if outcome is None:
            time.sleep(0.1)
        elif outcome["state"] == "succeeded":
            return json.loads(outcome["result"]["bytes"])
        else:
            error = outcome.get("error", {})
            last_line = error.get("stderr", "").strip().rpartition("\n")[2]
            raise Failed(f"{outcome['state']}, {error.get('code')}: {last_line}")
    raise TimeoutError(job)


def main(amqp_url, mongodb_url):
    channel = pika.BlockingConnection(pika.URLParameters(amqp_url)).channel()
    channel.confirm_delivery()
    db = pymongo.MongoClient(mongodb_url).get_default_database("belfry")
    policy = {"belfry-tries-max": 5, "belfry-backoff": "exp:1s:2:10m", "belfry-timeout-ms": 30_000}
    now = apply_async(channel, "thumbnail", {"width": 4000, "height": 3000, "box": 200}, headers=policy)
    later = apply_async(channel, "thumbnail", {"width": 400, "height": 300}, countdown=2)
    wrong = apply_async(channel, "thumbnail", {"width": 0, "height": 3000}, headers=policy)
    for name, job in (("now", now), ("later", later), ("wrong", wrong)):
        try:
            print(name, get(db, job, timeout=20))
        except Failed as error:
            print(name, error)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
