"""RQ on Redis: the worker that does not fork for each job, which is its fast one."""

import os
import sys
import time

from redis import Redis
from rq import Queue, SimpleWorker

connection = Redis.from_url(os.environ["QUEUE_URL"])


def square(number, seconds):
    if seconds:
        time.sleep(seconds)
    with open(os.environ["RECORD"], "a") as record:
        record.write(f"{number} {time.time()}\n")
    return number * number


if __name__ == "__main__":
    if sys.argv[1] == "accept":
        queue = Queue("jobs", connection=connection)
        begun = time.perf_counter()
        for number in range(int(sys.argv[2])):
            queue.enqueue("jobs.square", number, float(sys.argv[3]))
        print(time.perf_counter() - begun)
    else:
        SimpleWorker(["jobs"], connection=connection).work(logging_level="ERROR")
