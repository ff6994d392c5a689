"""Applications as modules, loaded from their packages as a worker does, and workbooks for them."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from openpyxl import Workbook, load_workbook

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "src" / "quinta" / "applications"
EXAMPLES = ROOT / "examples"
LOGGER = logging.getLogger("application")


def load(file: Path) -> ModuleType:
    """The module in ``file``, which no other test sees."""
    specification = importlib.util.spec_from_file_location(f"{file.parent.name}_{file.stem}", file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Run:
    """Folders for one run of an application below ``folder``."""

    def __init__(self, application: ModuleType, folder: Path) -> None:
        self._application = application
        self.inputs, self.outputs = folder / "inputs", folder / "outputs"
        for path in (self.inputs, self.outputs):
            path.mkdir(parents=True)

    def __call__(self, params: Mapping[str, Any] | None = None) -> Any:
        return self._application.run(self.inputs, self.outputs, dict(params or {}), LOGGER)


def write_workbook(file: Path, rows: Iterable[Sequence[Any]]) -> None:
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Plan1")
    for row in rows:
        sheet.append(list(row))
    workbook.save(file)


def read_workbook(file: Path | IO[bytes]) -> list[tuple[Any, ...]]:
    workbook = load_workbook(file)
    return list(workbook.worksheets[0].iter_rows(values_only=True))
