"""A task of Celery, as it was.

    BROKER_URL=amqp://… RESULT_BACKEND=mongodb://… celery -A tasks worker
"""

import os

from celery import Celery

app = Celery("tasks", broker=os.environ["BROKER_URL"], backend=os.environ["RESULT_BACKEND"])


@app.task(
    acks_late=True, autoretry_for=(OSError,), max_retries=4, retry_backoff=True, time_limit=30)
def thumbnail(width, height, box=128):
    scale = min(box / width, box / height, 1)
    return {"width": round(width * scale), "height": round(height * scale)}
