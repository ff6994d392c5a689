"""DBOS on PostgreSQL: a durable workflow for each job. With KILLED set it runs one at a time."""

import os
import sys
import threading
import time

from dbos import DBOS, DBOSClient


@DBOS.workflow(name="square")
def square(number, seconds):
    if seconds:
        time.sleep(seconds)
    with open(os.environ["RECORD"], "a") as record:
        record.write(f"{number} {time.time()}\n")
    return number * number


def launch(url):
    DBOS(config={"name": "jobs", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False})
    DBOS.launch()
    one = 1 if os.environ.get("KILLED") else None
    DBOS.register_queue("jobs", worker_concurrency=one, on_conflict="always_update")


if __name__ == "__main__":
    if sys.argv[1] == "work":
        launch(os.environ["QUEUE_URL"])
        threading.Event().wait()
    if int(sys.argv[2]) == 0:  # makes the tables
        launch(os.environ["QUEUE_URL"])
        DBOS.destroy()
    client = DBOSClient(system_database_url=os.environ["QUEUE_URL"])
    begun = time.perf_counter()
    for number in range(int(sys.argv[2])):
        client.enqueue({"queue_name": "jobs", "workflow_name": "square"}, number, float(sys.argv[3]))
    print(time.perf_counter() - begun)
