"""The applications that come with the package: found by their descriptions, zipped to the same bytes every time."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from quinta.cli.shipped import shipped_applications, write_package


def make(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    (folder / "application.py").write_text("def run(inputs, outputs, params, logger): ...")
    (folder / "requirements.txt").write_text("openpyxl==3.1.5")
    (folder / "data").mkdir()
    (folder / "data" / "words.txt").write_text("à")
    (folder / "application.toml").write_text(f'name = "{name}"\nmemory_megabytes = 256\ntime_limit_seconds = 60\n')


def test_a_folder_with_a_description_is_an_application(tmp_path: Path) -> None:
    make(tmp_path / "second", "Zweite Anwendung")
    make(tmp_path / "first", "Erste")
    (tmp_path / "__pycache__").mkdir()
    found = shipped_applications(tmp_path)
    assert list(found) == ["Erste", "Zweite Anwendung"]
    application = found["Zweite Anwendung"]
    assert (application.folder, application.memory_megabytes) == (tmp_path / "second", 256)
    assert application.time_limit_seconds == 60


def test_equal_files_make_equal_bytes(tmp_path: Path) -> None:
    for place in ("here", "there"):
        make(tmp_path / place / "one", "One")
    left = tmp_path / "there" / "one" / "__pycache__"
    left.mkdir()
    (left / "application.cpython-311.pyc").write_bytes(b"compiled")
    (tmp_path / "there" / "one" / "application.py").chmod(0o600)
    os.utime(tmp_path / "there" / "one" / "application.py", (1, 1))
    for place in ("here", "there"):
        (application,) = shipped_applications(tmp_path / place).values()
        write_package(application, tmp_path / f"{place}.zip")
    assert (tmp_path / "here.zip").read_bytes() == (tmp_path / "there.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "here.zip") as archive:
        assert archive.namelist() == ["application.py", "data/words.txt", "requirements.txt"]
        assert archive.read("data/words.txt").decode() == "à"


def test_what_ships_can_be_read() -> None:
    assert {"Tutorial", "Palavras Mais Citadas"} <= set(shipped_applications())
