"""Makes ``data/labels.csv`` and ``data/comments.csv`` from ``amazonReviewSnippets_GroundTruth.txt`` (README.md says
where that comes from).

    python select_comments.py amazonReviewSnippets_GroundTruth.txt

Takes the sentences that twenty people rated clearly: praise from 1.5 upwards, complaint from -1.5 downwards on a scale
from -4 to 4. Draws as many of each, with a fixed seed: most to learn from, the others to be labelled.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterable
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
CLEAR = 1.5
LEARNED, LABELLED = 400, 150  # of each label
MOST_CHARACTERS = 250
SEED = 2004


def main(rated_file: str) -> None:
    sentences: dict[str, list[str]] = {"praise": [], "complaint": []}
    with open(rated_file, encoding="utf-8") as lines:
        for line in lines:
            _, rating, text = line.rstrip("\n").split("\t")
            if abs(float(rating)) >= CLEAR and len(text) <= MOST_CHARACTERS:
                sentences["praise" if float(rating) > 0 else "complaint"].append(text.strip())
    chance = random.Random(SEED)
    learned, labelled = [], []
    for label, texts in sentences.items():
        drawn = chance.sample(sorted(set(texts)), LEARNED + LABELLED)
        learned += [(text, label) for text in drawn[:LEARNED]]
        labelled += [(text, label) for text in drawn[LEARNED:]]
    chance.shuffle(labelled)
    _write("labels.csv", ["Example", "Label"], sorted(learned))
    _write("comments.csv", ["ID", "Comment", "Rated"], ((i, *row) for i, row in enumerate(labelled, start=1)))


def _write(name: str, columns: list[str], rows: Iterable[tuple[object, ...]]) -> None:
    with (DATA / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


if __name__ == "__main__":
    main(sys.argv[1])
