#!/usr/bin/env python3
"""A consumer as it was before Belfry: a callback, a document in MongoDB, an answer, an ack.

    consumer.py AMQP_URL MONGODB_URL
"""

import json
import sys

import pika
import pymongo

QUEUE = "orders"


def total(order):
    return {"cents": sum(pieces * cents for pieces, cents in order["lines"])}


def main(amqp_url, mongodb_url):
    db = pymongo.MongoClient(mongodb_url).shop
    channel = pika.BlockingConnection(pika.URLParameters(amqp_url)).channel()
    channel.queue_declare(QUEUE, durable=True)
    channel.basic_qos(prefetch_count=4)

    def on_message(channel, method, properties, body):
        try:
            result = total(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            print(f"{properties.message_id}: {error}", file=sys.stderr)
            channel.basic_reject(method.delivery_tag, requeue=False)
            return
        db.totals.replace_one({"_id": properties.message_id}, result, upsert=True)
        if properties.reply_to:
            channel.basic_publish(
                "", properties.reply_to, json.dumps(result).encode(),
                pika.BasicProperties(correlation_id=properties.correlation_id))
        channel.basic_ack(method.delivery_tag)

    channel.basic_consume(QUEUE, on_message)
    channel.start_consuming()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
