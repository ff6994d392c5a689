"""procrastinate on PostgreSQL: one job at a time. Results are not kept."""

import os
import sys
import time

import procrastinate

connector = procrastinate.SyncPsycopgConnector if sys.argv[1] != "work" else procrastinate.PsycopgConnector
app = procrastinate.App(connector=connector(conninfo=os.environ["QUEUE_URL"]))


@app.task(name="square")
def square(number, seconds):
    if seconds:
        time.sleep(seconds)
    with open(os.environ["RECORD"], "a") as record:
        record.write(f"{number} {time.time()}\n")
    return number * number


if __name__ == "__main__":
    if sys.argv[1] == "accept":
        with app.open():
            if int(sys.argv[2]) == 0:
                app.schema_manager.apply_schema()
            begun = time.perf_counter()
            for number in range(int(sys.argv[2])):
                square.defer(number=number, seconds=float(sys.argv[3]))
            print(time.perf_counter() - begun)
    else:
        app.run_worker(concurrency=1)
