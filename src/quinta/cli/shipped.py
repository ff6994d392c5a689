"""The applications that come with the package: folders of ``quinta/applications`` (docs/operating.md)."""

from __future__ import annotations

import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "applications"
_DESCRIPTION = "application.toml"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip can tell
_READABLE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class ShippedApplication:
    """An application's files, and what its ``application.toml`` says."""

    folder: Path
    name: str
    memory_megabytes: int
    time_limit_seconds: int


def shipped_applications(folder: Path = FOLDER) -> dict[str, ShippedApplication]:
    """Those in ``folder``, by name."""
    found = [_read(description) for description in sorted(folder.glob(f"*/{_DESCRIPTION}"))]
    return {application.name: application for application in found}


def write_package(application: ShippedApplication, target: Path) -> None:
    """Writes the zip of the application's files: always the same bytes for the same files, so that it builds once."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in _files(application.folder):
            entry = zipfile.ZipInfo(file.relative_to(application.folder).as_posix(), _LONG_AGO)
            entry.external_attr = _READABLE
            archive.writestr(entry, file.read_bytes())


def _read(description: Path) -> ShippedApplication:
    told = tomllib.loads(description.read_text(encoding="utf-8"))
    return ShippedApplication(
        folder=description.parent,
        name=told["name"],
        memory_megabytes=told["memory_megabytes"],
        time_limit_seconds=told["time_limit_seconds"],
    )


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and file.name != _DESCRIPTION:
            yield file
