"""What of a folder is deployed (contract dq0 9.8)."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from quinta.gateway.calls import GatewayFailure
from quinta.gateway.ignoring import Ignored, patterns_of
from quinta.gateway.packing import LARGEST_FILE_BYTES, MOST_FILES, pack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    put(made, "MLproject", "name: x\n")
    return made


def put(folder: Path, name: str, text: str = "") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def names(folder: Path) -> list[str]:
    return [name for name, _ in pack(folder).files]


def test_caches_and_the_gateways_own_file_stay(folder: Path) -> None:
    for name in (
        ".git/config",
        ".meta",
        "__pycache__/a.pyc",
        "code/__pycache__/b.pyc",
        ".venv/bin/python",
        "mlruns/0/x",
    ):
        put(folder, name)
    for name in ("code/model.py", "code/.meta", ".env"):
        put(folder, name)
    assert names(folder) == [".env", "MLproject", "code/.meta", "code/model.py"]


def test_the_same_content_is_the_same_zip(folder: Path) -> None:
    put(folder, "b.py", "x")
    before = pack(folder).data
    os.utime(folder / "b.py", (1, 1))
    (folder / "b.py").chmod(0o700)
    assert pack(folder).data == before
    put(folder, "b.py", "y")
    assert pack(folder).data != before


def test_large_files_stay_and_are_named(folder: Path) -> None:
    with open(folder / "data.csv", "wb") as file:
        file.truncate(LARGEST_FILE_BYTES + 1)
    with open(folder / "fits.bin", "wb") as file:
        file.truncate(LARGEST_FILE_BYTES)
    packed = pack(folder)
    assert packed.left_out == ("data.csv",)
    assert [name for name, _ in packed.files] == ["MLproject", "fits.bin"]


def test_too_much_is_refused(folder: Path) -> None:
    for number in range(3):
        with open(folder / f"{number}.bin", "wb") as file:
            file.truncate(LARGEST_FILE_BYTES)
    assert len(names(folder)) == 4
    with open(folder / "3.bin", "wb") as file:
        file.truncate(LARGEST_FILE_BYTES)
    refuses(folder, 413, "gitignore")
    put(folder, ".gitignore", "*.bin\n")
    for number in range(MOST_FILES):
        (folder / f"{number}.txt").touch()
    refuses(folder, 413, f"{MOST_FILES} files")


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, "secret.txt", "s")
    (folder / "inside.py").symlink_to("MLproject")
    assert names(folder) == ["MLproject", "inside.py"]
    for target in ("../secret.txt", str(tmp_path / "secret.txt"), "../../etc/passwd"):
        (folder / "out").symlink_to(target)
        refuses(folder, None, "out")
        put(folder, ".gitignore", "out\n")
        assert "out" not in names(folder)
        (folder / "out").unlink()
        (folder / ".gitignore").unlink()


@pytest.mark.parametrize("target", ["code", "nowhere", "itself"])
def test_other_links_are_refused(folder: Path, target: str) -> None:
    put(folder, "code/a.py")
    (folder / "itself").symlink_to(target)
    refuses(folder, None, "itself")


def test_what_is_no_file_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    refuses(folder, 400, "pipe")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, ".meta")
    refuses(tmp_path, 400, "no file")


def refuses(folder: Path, status: int | None, said: str) -> None:
    with pytest.raises(GatewayFailure, match=said) as refused:
        pack(folder)
    assert status in (None, refused.value.status)


def test_ignore_files_of_inner_folders_count_there_only(folder: Path) -> None:
    put(folder, ".gitignore", "*.log\n/top.txt\nkept/\n")
    put(folder, "inner/.gitignore", "!wanted.log\nhere.txt\n")
    for name in (
        "a.log",
        "top.txt",
        "here.txt",
        "kept/x",
        "inner/a.log",
        "inner/wanted.log",
        "inner/here.txt",
        "inner/top.txt",
    ):
        put(folder, name)
    assert names(folder) == [
        ".gitignore",
        "MLproject",
        "here.txt",
        "inner/.gitignore",
        "inner/top.txt",
        "inner/wanted.log",
    ]


@pytest.mark.parametrize(
    ("line", "path", "is_folder", "ignored"),
    [
        ("*.pyc", "a/b.pyc", False, True),
        ("*.pyc", "a/b.py", False, False),
        ("build/", "build", True, True),
        ("build/", "build", False, False),
        ("/build", "a/build", True, False),
        ("build", "a/build", True, True),
        ("a/*", "a/b", False, True),
        ("a/*", "a/b/c", False, False),
        ("a/**", "a/b/c", False, True),
        ("**/c", "a/b/c", False, True),
        ("**/c", "c", False, True),
        ("a/**/c", "a/c", False, True),
        ("a/**/c", "a/x/y/c", False, True),
        ("a?c", "abc", False, True),
        ("a?c", "a/c", False, False),
        ("[ab].txt", "b.txt", False, True),
        ("[!ab].txt", "b.txt", False, False),
        ("[!ab].txt", "c.txt", False, True),
        ("[a-c]x", "bx", False, True),
        ("# a", "# a", False, False),
        (r"\#a", "#a", False, True),
        (r"\!a", "!a", False, True),
        ("a  ", "a", False, True),
        ("a.b", "axb", False, False),
        ("[", "[", False, True),
        ("*", "anything", False, True),
        ("", "a", False, False),
    ],
)
def test_patterns_mean_what_git_says(line: str, path: str, is_folder: bool, ignored: bool) -> None:
    rules = Ignored(((PurePosixPath(), tuple(patterns_of([line]))),))
    assert rules.matches(PurePosixPath(path), is_folder=is_folder) is ignored


def test_the_last_pattern_decides() -> None:
    rules = Ignored(((PurePosixPath(), tuple(patterns_of(["*.txt", "!a.txt", "b.txt"]))),))
    kept = [name for name in ("a.txt", "b.txt", "c.txt") if not rules.matches(PurePosixPath(name), is_folder=False)]
    assert kept == ["a.txt"]
