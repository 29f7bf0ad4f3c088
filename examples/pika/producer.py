#!/usr/bin/env python3
"""A producer as it was before Belfry, and as it stays: puts orders on a queue, waits for the answers.

    producer.py AMQP_URL COUNT
"""

import json
import sys
import uuid

import pika

QUEUE = "orders"


def main(url, count):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare(QUEUE, durable=True)
    answers = channel.queue_declare("", exclusive=True).method.queue
    wanted = set()
    for number in range(1, count + 1):
        # The last order is broken on purpose.
        order = {"lines": [[number, 250]]} if number < count else {"lines": "none"}
        order_id = f"order-{uuid.uuid4().hex[:8]}"
        channel.basic_publish(
            "", QUEUE, json.dumps(order).encode(), mandatory=True,
            properties=pika.BasicProperties(
                message_id=order_id, delivery_mode=2, content_type="application/json",
                reply_to=answers, correlation_id=order_id))
        wanted.add(order_id)
    for _, properties, body in channel.consume(answers, auto_ack=True, inactivity_timeout=10):
        if properties is None:
            print(f"no answer for {len(wanted)}")
            break
        state = (properties.headers or {}).get("belfry-state", "")
        print(properties.correlation_id, body.decode(), state)
        wanted.discard(properties.correlation_id)
        if not wanted:
            break
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
