"""The example comment classifier: from the workbooks its script makes, as well as its README says."""

from __future__ import annotations

import csv
import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.applications.loading import EXAMPLES, Run, load, read_workbook, write_workbook

CLASSIFIER = EXAMPLES / "comment_classifier"
DATA = CLASSIFIER / "data"
README = (CLASSIFIER / "README.md").read_text(encoding="utf-8")
LABELS = [("Example", "Label"), ("good great", "praise"), ("great love", "praise"), ("bad broken", "complaint")]


@pytest.fixture
def classifier(tmp_path: Path) -> Run:
    return Run(load(CLASSIFIER / "model_package" / "application.py"), tmp_path)


def give(run: Run, *comments: Any, labels: Any = LABELS) -> None:
    write_workbook(run.inputs / "labels.xlsx", labels)
    write_workbook(run.inputs / "comments.xlsx", [("ID", "Comment"), *enumerate(comments, start=1)])


def labelled(run: Run) -> list[tuple[Any, ...]]:
    header, *rows = read_workbook(run.outputs / "comments_labeled.xlsx")
    assert header == ("ID", "Comment", "Label")
    return rows


@pytest.mark.parametrize("name", ["labels.csv", "comments.csv"])
def test_the_data_is_the_file_told(name: str) -> None:
    assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() in README


def test_it_labels_as_well_as_its_document_says(classifier: Run) -> None:
    archive = classifier.inputs.parent / "input.zip"
    load(CLASSIFIER / "make_input.py").main(str(archive))
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(classifier.inputs)
    answer = classifier()
    with (DATA / "comments.csv").open(newline="", encoding="utf-8") as lines:
        rated = {int(row["ID"]): row for row in csv.DictReader(lines)}
    rows = labelled(classifier)
    assert [(number, comment) for number, comment, _ in rows] == [(n, row["Comment"]) for n, row in rated.items()]
    right = sum(label == rated[number]["Rated"] for number, _, label in rows)
    assert f"{right} of {len(rows)}" in README
    assert answer == {
        "comments": 300,
        "labels": {name: sum(label == name for *_, label in rows) for name in ("complaint", "praise")},
    }


def test_every_label_that_reaches_the_threshold_has_a_row(classifier: Run) -> None:
    give(classifier, "great bad", "xyz")
    classifier()
    assert [label for *_, label in labelled(classifier)] == ["praise", "praise"]
    classifier({"most_relevant_label": False})
    assert [(number, label) for number, _, label in labelled(classifier)] == [
        (1, "praise"),
        (1, "complaint"),
        (2, "praise"),
        (2, "complaint"),
    ]
    answer = classifier({"most_relevant_label": False, "threshold": 0.6})
    assert [(number, label) for number, _, label in labelled(classifier)] == [(1, "praise"), (2, "praise")]
    assert answer["labels"] == {"praise": 2}


def test_a_comment_without_a_likely_label_keeps_its_row(classifier: Run) -> None:
    give(classifier, "great great great", "xyz")
    classifier({"threshold": 0.8})
    assert [label for *_, label in labelled(classifier)] == ["praise", None]


def test_a_comment_like_a_formula_stays_text(classifier: Run) -> None:
    give(classifier)
    workbook = load_workbook(classifier.inputs / "comments.xlsx")
    sheet = workbook.worksheets[0]
    sheet.append([1, "=1+1"])
    sheet["B2"].data_type = "s"
    workbook.save(classifier.inputs / "comments.xlsx")
    classifier()
    cell = load_workbook(classifier.outputs / "comments_labeled.xlsx").worksheets[0]["B2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"threshold": "0.1"}, "the param \"threshold\" must be a number from 0 to 1, not '0.1'"),
        ({"threshold": 1.1}, 'the param "threshold" must be a number from 0 to 1, not 1.1'),
        ({"most_relevant_label": 1}, 'the param "most_relevant_label" must be true or false, not 1'),
    ],
)
def test_params_out_of_range_are_refused(classifier: Run, params: dict[str, Any], sentence: str) -> None:
    give(classifier, "great")
    assert classifier({"threshold": 1, "most_relevant_label": True, "device": -1})["comments"] == 1
    with pytest.raises(ValueError, match="param") as failure:
        classifier(params)
    assert str(failure.value) == sentence


def test_what_is_wrong_with_a_file_is_said(classifier: Run) -> None:
    write_workbook(classifier.inputs / "comments.xlsx", [("ID", "Comment"), (1, "great")])
    with pytest.raises(FileNotFoundError, match=r"the inputs have no file labels\.xlsx"):
        classifier()
    for labels, sentence in (
        ([("Example", "Tag")], r'labels\.xlsx has no column "Label"'),
        ([("Example", "Label"), ("good", None)], r"labels\.xlsx has no row with both Example and Label"),
    ):
        give(classifier, "great", labels=labels)
        with pytest.raises(ValueError, match=sentence):
            classifier()
    give(classifier, "great")
    assert classifier()["comments"] == 1
    (classifier.inputs / "comments.xlsx").write_bytes(b"ID;Comment")
    with pytest.raises(ValueError, match=r"comments\.xlsx cannot be read as an Excel workbook"):
        classifier()
