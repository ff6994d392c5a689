"""Makes the zip that a repository is created from: ``comments.xlsx`` and ``labels.xlsx`` from the csv files in
``data``.

    python make_input.py input.zip

Needs openpyxl. The column Rated stays out of the workbook: it is what the labels are compared with.
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from pathlib import Path

from openpyxl import Workbook

DATA = Path(__file__).resolve().parent / "data"
WORKBOOKS = {"comments": ("ID", "Comment"), "labels": ("Example", "Label")}


def workbook_of(name: str) -> bytes:
    """``data/<name>.csv`` as an Excel workbook with one sheet."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet(name)
    sheet.append(WORKBOOKS[name])
    with (DATA / f"{name}.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            sheet.append([int(row[column]) if column == "ID" else row[column] for column in WORKBOOKS[name]])
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def main(target: str) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in WORKBOOKS:
            archive.writestr(f"{name}.xlsx", workbook_of(name))


if __name__ == "__main__":
    main(sys.argv[1])
