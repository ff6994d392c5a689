"""By hand, for as long as you like: ``python -m tests.chaos --seconds 300 --seed 7 --database postgres``."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.storm import BACKENDS, storm


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--database", choices=BACKENDS, default="sqlite")
    parser.add_argument("--gap", type=float, default=2.5, help="longest pause between faults, in seconds")
    given = parser.parse_args()
    sys.stdout.write(f"seed {given.seed}, {given.database}, {given.seconds:.0f} s\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="quinta-chaos-") as folder:
        record = storm(Path(folder), given.database, seconds=given.seconds, seed=given.seed, longest_gap=given.gap)
    sys.stdout.write(json.dumps(record.summary(), indent=1) + "\n")
    for text in record.wrong[:50]:
        sys.stdout.write(f"WRONG: {text}\n")
    sys.stdout.write(f"{len(record.wrong)} wrong\n")
    return 1 if record.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
