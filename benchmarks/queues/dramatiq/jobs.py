"""Dramatiq on Redis: one process with one thread. Results are not kept."""

import os
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["QUEUE_URL"]))


@dramatiq.actor
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
            square.send(number, float(sys.argv[3]))
        print(time.perf_counter() - begun)
    else:
        os.execv(sys.executable, [sys.executable, "-m", "dramatiq", "jobs", "--processes", "1", "--threads", "1"])
