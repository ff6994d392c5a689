"""SmartNoise SQL on pandas, in its own environment: one JSON request on the input, one JSON answer on the output.

It is asked with an epsilon of its own for each statement, found so that what it says it charges is the total. Loading
the table is timed apart from the questions, which are timed from the text of the statement to the rows of the answer.
"""

import json
import resource
import sys
import time
import warnings

import pandas as pd
from snsql import Privacy, from_df

STEPS = 8


def main() -> None:
    warnings.simplefilter("ignore")
    request = json.load(sys.stdin)
    begun = time.perf_counter()
    frame = pd.read_csv(request["path"])
    read = time.perf_counter() - begun
    reader = from_df(frame, privacy=Privacy(epsilon=1.0, delta=request["delta"]), metadata=request["metadata"])
    loaded = time.perf_counter() - begun
    answers = {name: measured(reader, request, statement) for name, statement in request["statements"].items()}
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    json.dump({"read": read, "loaded": loaded, "megabytes": kibibytes / 1024, "answers": answers}, sys.stdout)


def measured(reader, request, statement):
    reader.privacy.epsilon = 1.0
    for _ in range(STEPS):
        charged = reader.get_privacy_cost(statement)[0]
        reader.privacy.epsilon *= request["epsilon"] / charged
    charged, delta = reader.get_privacy_cost(statement)
    processor, rows = [], []
    for _ in range(request["repetitions"]):
        used = time.process_time()
        answer = reader.execute(statement)
        processor.append(time.process_time() - used)
        rows.append([[plain(value) for value in row] for row in answer[1:]])
    told = {"asked": reader.privacy.epsilon, "charged": charged, "delta": delta}
    return {**told, "processor": processor, "rows": rows}


def plain(value):
    return value.item() if hasattr(value, "item") else value


if __name__ == "__main__":
    main()
