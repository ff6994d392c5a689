"""Which files may be registered as datasets."""

from __future__ import annotations

from pathlib import Path

import pytest

from quinta.core.datasets.files import FileRules, local_files
from quinta.core.errors import InvalidInput


def refusal(rules: FileRules, uri: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        rules.place(uri)
    assert caught.value.field == "meta"
    return caught.value.message


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "my people.csv"
    path.parent.mkdir()
    path.write_text("id\n1\n")
    return path.resolve()


def test_any_file_that_can_be_read(file: Path) -> None:
    for uri in (str(file), file.as_uri(), f"file://localhost{file.as_uri().removeprefix('file://')}"):
        assert FileRules().place(uri) == file
    for other in (
        str(file.parent),
        f"{file}.gone",
        "/dev/null",
        "/a\0b",
        "/" + "x" * 5000,
        "file://[",
        "data.csv",
        f"http://host{file}",
    ):
        assert "the uri of the connector" in refusal(FileRules(), other)


def test_the_folders_that_are_allowed(file: Path, tmp_path: Path) -> None:
    rules = FileRules(folders=(tmp_path / "none", file.parent))
    assert rules.place(str(file)) == rules.place(file.name) == file
    outside = tmp_path / "outside.csv"
    told = refusal(rules, str(outside))
    outside.write_text("id\n")
    assert FileRules().place(str(outside)) == outside.resolve()
    assert refusal(rules, str(outside)) == told, "whether it is there is not told"
    (file.parent / "link.csv").symlink_to(outside)
    assert refusal(rules, "link.csv") == refusal(rules, "../outside.csv") == told
    assert "no file that the server can read" in refusal(rules, "gone.csv")


def test_the_servers_own_files_are_kept(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    rules = FileRules(private=(file.parent,))
    for uri in (str(file), str(link), "/proc/self/environ", "/sys/kernel/vmcoreinfo"):
        assert "it belongs to the server or the machine" in refusal(rules, uri)
    assert FileRules().place(str(link)) == file


def test_where_the_server_keeps_things() -> None:
    assert local_files("s3://bucket", "postgresql://host/name", "file:///data/my%20objects") == (
        Path("/data/my objects"),
    )
    database = Path("/data/q.db")
    expected = (database, *(Path(f"{database}{end}") for end in ("-wal", "-shm", "-journal")))
    assert local_files("sqlite+aiosqlite:////data/q.db") == expected
    assert local_files("sqlite:///q.db")[0] == Path("q.db")
