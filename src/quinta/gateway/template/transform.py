"""Makes new rows of the attached dataset's: here, the marked columns of all rows, as data.csv among the artifacts."""

import csv
import os

from dq0.makedp.metadata import attached, read_dataset
from dq0.makedp.table import read_columns

dataset = read_dataset(attached(dict(os.environ))[0])
names = [column.name for column in dataset.columns if column.is_feature or column.is_target]
table = read_columns(dataset, names)
with open(os.path.join(os.environ["DQ0_OUTPUT_DIR"], "data.csv"), "w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(names)
    rows.writerows(zip(*(table[name] for name in names)))
