"""Celery on Redis, with results in Redis and acknowledgement after the work."""

import os
import sys
import time

from celery import Celery

app = Celery("jobs", broker=os.environ["QUEUE_URL"], backend=os.environ["QUEUE_URL"])
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, broker_connection_retry_on_startup=True)


@app.task
def square(number, seconds):
    if seconds:
        time.sleep(seconds)
    with open(os.environ["RECORD"], "a") as record:
        record.write(f"{number} {time.time()}\n")
    return number * number


if __name__ == "__main__":
    if sys.argv[1] == "accept":
        begun = time.perf_counter()
        for number in range(int(sys.argv[2])):
            square.delay(number, float(sys.argv[3]))
        print(time.perf_counter() - begun)
    else:
        # Started by its name, as users do: the tasks of a main module would be called __main__.square.
        os.execv(sys.executable, [sys.executable, "-m", "celery", "-A", "jobs", "worker", "-c", "1", "-l", "ERROR"])
