"""Labels comments by example: naive Bayes on bags of words. Python 3.8 or newer, with openpyxl.

In: ``labels.xlsx`` (Example, Label; the more examples of a label the better) and ``comments.xlsx`` (ID, Comment).
Out: ``comments_labeled.xlsx`` (ID, Comment, Label).
"""

from __future__ import annotations

import logging
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
SMOOTHING = 0.5  # as if each word had been seen half a time more with each label: an unseen one rules none out


def run(inputs: Path, outputs: Path, params: Mapping[str, Any], logger: logging.Logger) -> dict[str, Any]:
    """Learns from the examples, writes the labels and answers how many comments got each.

    Params: ``threshold``, the lowest probability of a label to be given (0 to 1, 0.1 by default), and
    ``most_relevant_label``: true, the default, gives each comment its likeliest label, false every label that reaches
    the threshold, one row each. A comment for which no label reaches it has one row without a label. Other params are
    ignored.
    FileNotFoundError and ValueError say what is wrong with a file or a param.
    """
    threshold, only_best = _threshold(params), _only_best(params)
    classifier = Classifier()
    for example, label in _rows(inputs / "labels.xlsx", "Example", "Label"):
        classifier.learn(str(example), str(label).strip())
    if not classifier.examples:
        raise ValueError("labels.xlsx has no row with both Example and Label")
    logger.info("Learned %d words of %d labels.", len(classifier.vocabulary), len(classifier.examples))
    given: Counter[str] = Counter()
    comments = 0
    rows: list[tuple[Any, str, str | None]] = []
    for number, comment in _rows(inputs / "comments.xlsx", "ID", "Comment"):
        comments += 1
        likely = [label for label, share in classifier.probabilities(str(comment)) if share >= threshold]
        labels = likely[:1] if only_best else likely
        given.update(labels)
        rows += [(number, str(comment), label) for label in labels] or [(number, str(comment), None)]
    write_labels(outputs / "comments_labeled.xlsx", rows)
    logger.info("Labelled %d comments.", comments)
    return {"comments": comments, "labels": dict(sorted(given.items()))}


def _threshold(params: Mapping[str, Any]) -> float:
    value = params.get("threshold", 0.1)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f'the param "threshold" must be a number from 0 to 1, not {value!r}')
    return float(value)


def _only_best(params: Mapping[str, Any]) -> bool:
    value = params.get("most_relevant_label", True)
    if not isinstance(value, bool):
        raise ValueError(f'the param "most_relevant_label" must be true or false, not {value!r}')
    return value


class Classifier:
    """Multinomial naive Bayes: a comment is as likely to have a label as its words were frequent in the examples."""

    def __init__(self) -> None:
        self.examples: Counter[str] = Counter()
        self.vocabulary: set[str] = set()
        self._words: dict[str, Counter[str]] = {}
        self._totals: Counter[str] = Counter()

    def learn(self, example: str, label: str) -> None:
        words = _words(example)
        self.examples[label] += 1
        self.vocabulary.update(words)
        self._totals[label] += len(words)
        self._words.setdefault(label, Counter()).update(words)

    def probabilities(self, comment: str) -> list[tuple[str, float]]:
        """Each label with its probability, the likeliest first. Words that no example had play no part."""
        words = [word for word in _words(comment) if word in self.vocabulary]
        scores = {label: self._score(words, label) for label in self.examples}
        highest = max(scores.values())
        weights = {label: math.exp(score - highest) for label, score in scores.items()}
        total = sum(weights.values())
        return sorted(
            ((label, weight / total) for label, weight in weights.items()), key=lambda pair: (-pair[1], pair[0])
        )

    def _score(self, words: list[str], label: str) -> float:
        counts = self._words[label]
        size = self._totals[label] + SMOOTHING * len(self.vocabulary)
        prior = math.log(self.examples[label] / sum(self.examples.values()))
        return prior + sum(math.log((counts[word] + SMOOTHING) / size) for word in words)


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def _rows(file: Path, first: str, second: str) -> Iterator[tuple[Any, Any]]:
    """The values of two columns, named in the first row of the first sheet, where the row has both."""
    if not file.is_file():
        raise FileNotFoundError(f"the inputs have no file {file.name}")
    try:
        workbook = load_workbook(file, read_only=True, data_only=True)
    except (LookupError, OSError, SyntaxError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file.name} cannot be read as an Excel workbook (.xlsx): {error}") from error
    try:
        rows = workbook.worksheets[0].iter_rows(values_only=True)
        header = list(next(rows, ()))
        missing = [name for name in (first, second) if name not in header]
        if missing:
            raise ValueError(f'{file.name} has no column "{missing[0]}" in the first row of its first sheet')
        columns = header.index(first), header.index(second)
        for row in rows:
            values = tuple(row[column] if column < len(row) else None for column in columns)
            if all(value is not None and str(value).strip() for value in values):
                yield values[0], values[1]
    finally:
        workbook.close()


def write_labels(file: Path, rows: Iterable[tuple[Any, str, str | None]]) -> None:
    """Writes ID, Comment and Label of each row. Texts stay texts where they begin like a formula; characters that a
    workbook may not hold are left out."""
    workbook = Workbook(write_only=True)
    sheet: Any = workbook.create_sheet("comments_labeled")
    sheet.append(["ID", "Comment", "Label"])
    for number, *texts in rows:
        cells = [WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", text)) if text else None for text in texts]
        for cell in cells:
            if cell is not None:
                cell.data_type = "s"
        sheet.append([number, *cells])
    workbook.save(file)
