"""The data source that a project's UserModel is given: ``self.data_source``, as the DQ0 SDK names it."""

from __future__ import annotations

from typing import Any, Optional

from dq0.makedp.metadata import Dataset
from dq0.makedp.table import Table, path_of, read_columns

try:
    import pandas
except ImportError:
    pandas = None  # a project that wants DataFrames has it in its requirements.txt


class RowsNeeded(Exception):
    """Raised where a model is only defined: the project's code asked for rows."""


class Source:
    """A dataset by the members that the SDK's sources have. Without a dataset (where a model is only defined) ``read``
    raises RowsNeeded, and ``asked`` remembers that it was called, whatever the caller did with the error."""

    def __init__(self, dataset: Optional[Dataset] = None) -> None:
        self.name = dataset.name if dataset else ""
        self.type = str(dataset.connector.get("type_name")) if dataset else ""
        self.path = path_of(dataset) if dataset else None
        self.description = ""
        columns = dataset.columns if dataset else ()
        self.feature_cols = [column.name for column in columns if column.is_feature]
        self.target_cols = [column.name for column in columns if column.is_target]
        self.col_types = {column.name: column.type for column in columns}
        self.read_allowed = self.meta_allowed = self.types_allowed = dataset is not None
        self.asked = False
        self._dataset = dataset

    def read(self, **options: Any) -> Any:
        """All rows: a DataFrame where pandas is there (``options`` go to its read_csv), else lists by column name."""
        self.asked = True
        if self._dataset is None:
            raise RowsNeeded("no rows here: the model is only being defined")
        if pandas is None:
            return self._columns()
        if self._dataset.connector.get("type_name", "csv") != "csv":
            return pandas.DataFrame(self._columns())
        return pandas.read_csv(self.path, **{**_csv_options(self._dataset), **options})

    def _columns(self) -> Table:
        assert self._dataset is not None
        return read_columns(self._dataset, [column.name for column in self._dataset.columns])


def _csv_options(dataset: Dataset) -> Any:
    connector = dataset.connector
    options = {
        "sep": connector.get("separator") or ",",
        "decimal": connector.get("decimal") or ".",
        "skipinitialspace": bool(connector.get("skip_initial_space")),
        "na_values": {name: list(values) for name, values in (connector.get("na_values") or {}).items()},
        "index_col": connector.get("index_column"),
    }
    if not connector.get("use_original_header", True):
        names = connector.get("header_columns") or [column.name for column in dataset.columns]
        options.update(header=None, names=list(names), skiprows=list(connector.get("header_row") or ()))
    return options
