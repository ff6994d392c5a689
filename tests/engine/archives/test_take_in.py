"""Taking in what was uploaded: each refusal beside a twin that is fine, and round trips of random trees."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
import tracemalloc
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput, TooLarge
from quinta.core.files.model import InputFile
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.archives.members import ArchiveLimits
from tests.engine.archives.hostile import REFUSALS, SMALL
from tests.engine.archives.random_trees import Tree, flat, trees
from tests.engine.builds.archives import Member, archive, entry, tree

ARCHIVES = ZipArchives()
HOLDS_TOO_MUCH = {
    "long name",
    "long name in UTF-8",
    "long path",
    "deep",
    "many members",
    "many folders",
    "bomb",
    "too large",
}


async def taken(folder: Path, *members: Member) -> list[str]:
    """What a zip of these members is taken in as: the paths of files, and of folders without any."""
    files = await ARCHIVES.take_in(archive(folder / "a.zip", *members), "a.zip", folder / "target.zip")
    with zipfile.ZipFile(folder / "target.zip") as opened:
        assert opened.testzip() is None
        listed = opened.namelist()
    (folder / "target.zip").unlink()
    assert [file.path for file in files] == sorted(name for name in listed if not name.endswith("/"))
    return sorted(listed)


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_hostile_archive_is_refused_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    make, message, _ = REFUSALS[case]
    hostile = make(tmp_path / "hostile.zip")

    with pytest.raises(TooLarge if case in HOLDS_TOO_MUCH else InvalidInput) as refusal:
        await ZipArchives(SMALL).take_in(hostile, "hostile.zip", tmp_path / "target.zip")

    assert message in refusal.value.message
    assert refusal.value.field == "file"
    assert set(tree(tmp_path)) == {"hostile.zip"}


@pytest.mark.parametrize("case", REFUSALS)
async def test_the_twin_of_a_hostile_archive_is_fine(case: str, tmp_path: Path) -> None:
    good = REFUSALS[case][2](tmp_path / "good.zip")

    assert await ZipArchives(SMALL).take_in(good, "good.zip", tmp_path / "target.zip")


@pytest.mark.parametrize(
    ("members", "found"),
    [
        (["INPUT/a.csv", "INPUT/b/c.csv"], ["a.csv", "b/c.csv"]),
        (["input/a.csv", "input/"], ["a.csv"]),
        (["Input/INPUT/a.csv"], ["INPUT/a.csv"]),
        (["INPUT/"], []),
        (["INPUT/empty/"], ["empty/"]),
        (["INPUT/a.csv", "__MACOSX/INPUT/._a.csv", ".DS_Store", "INPUT/.DS_Store"], ["a.csv"]),
        (["./INPUT//a.csv"], ["a.csv"]),
        (["INPUT/a.csv", "b.csv"], ["INPUT/a.csv", "b.csv"]),
        (["INPUT/a.csv", "input/b.csv"], ["INPUT/a.csv", "input/b.csv"]),
        (["INPUT"], ["INPUT"]),
        (["INPUTS/a.csv"], ["INPUTS/a.csv"]),
        (["data/a.csv"], ["data/a.csv"]),
        (["a.csv", "empty/", "full/", "full/b"], ["a.csv", "empty/", "full/b"]),
        ([], []),
    ],
)
async def test_a_lone_top_folder_input_is_stripped_and_nothing_else(
    members: list[str], found: list[str], tmp_path: Path
) -> None:
    assert await taken(tmp_path, *((name, "") for name in members)) == found


async def test_a_name_that_becomes_a_drive_without_its_folder_is_refused(tmp_path: Path) -> None:
    assert await taken(tmp_path, ("INPUT/CC:x.csv", "")) == ["CC:x.csv"]
    with pytest.raises(InvalidInput, match="is an absolute path"):
        await taken(tmp_path, ("INPUT/C:x.csv", ""))


@pytest.mark.parametrize(
    ("given_name", "kept_name"),
    [
        ("comments.xlsx", "comments.xlsx"),
        ("Query.XLSX", "Query.XLSX"),
        ("vendas diárias.csv", "vendas diárias.csv"),
        ("C:\\Users\\ana\\data.json", "data.json"),
        ("../../etc/data.csv", "data.csv"),
        ("a.zip.csv", "a.zip.csv"),
    ],
)
async def test_a_single_file_is_kept_under_its_own_name(given_name: str, kept_name: str, tmp_path: Path) -> None:
    """By its extension: an xlsx is a zip itself and is not opened."""
    content = archive(tmp_path / "upload", ("xl/workbook.xml", "<x/>")).read_bytes()

    files = await ARCHIVES.take_in(tmp_path / "upload", given_name, tmp_path / "target.zip")

    assert files == (InputFile(kept_name, len(content)),)
    await ARCHIVES.put_in(tmp_path / "target.zip", tmp_path)
    assert (tmp_path / kept_name).read_bytes() == content


@pytest.mark.parametrize("name", ["a.exe", "a", "", "zip", "a.zip ", "a.csv/", "a.tar.gz", "a.xls"])
async def test_another_extension_is_refused(name: str, tmp_path: Path) -> None:
    archive(tmp_path / "upload", ("a", ""))
    with pytest.raises(InvalidInput, match="upload one of these") as refusal:
        await ARCHIVES.take_in(tmp_path / "upload", name, tmp_path / "target.zip")
    assert refusal.value.field == "file"
    assert await ARCHIVES.take_in(tmp_path / "upload", f"{name}.zip", tmp_path / "target.zip")


@pytest.mark.parametrize("name", ["a\nb.csv", "a\0b.csv", "C:b.csv", "a\udcffb.csv"])
async def test_a_single_file_with_an_unsafe_name_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(b"1")
    with pytest.raises(InvalidInput):
        await ARCHIVES.take_in(tmp_path / "upload", name, tmp_path / "target.zip")
    with pytest.raises(TooLarge):
        await ARCHIVES.take_in(tmp_path / "upload", "n" * 252 + ".csv", tmp_path / "target.zip")
    assert await ARCHIVES.take_in(tmp_path / "upload", "n" * 251 + ".csv", tmp_path / "target.zip")


async def test_a_single_file_may_be_as_large_as_an_archive(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(b"1" * 101)
    with pytest.raises(TooLarge):
        await ZipArchives(ArchiveLimits(total_bytes=100)).take_in(tmp_path / "upload", "a.csv", tmp_path / "t.zip")
    assert await ZipArchives(ArchiveLimits(total_bytes=101)).take_in(tmp_path / "upload", "a.csv", tmp_path / "t.zip")


@pytest.mark.parametrize("name", ["relatório.csv", "½ größe ñ.csv"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
async def test_names_in_utf8_and_in_cp437(encoding: str, name: str, tmp_path: Path) -> None:
    """Neither says what it is: macOS writes UTF-8 without its flag, and old tools for Windows write cp437."""
    raw = name.encode(encoding)
    upload = archive(tmp_path / "a.zip", ("x" * len(raw), b"1"))
    upload.write_bytes(upload.read_bytes().replace(b"x" * len(raw), raw))

    assert await ARCHIVES.take_in(upload, "a.zip", tmp_path / "target.zip") == (InputFile(name, 1),)


async def test_a_zip_within_a_zip_is_left_as_it_is(tmp_path: Path) -> None:
    """A contract may be a zip (contract vbrain 4.1)."""
    contract = archive(tmp_path / "contract.zip", ("document.pdf", b"%PDF")).read_bytes()
    upload = archive(tmp_path / "a.zip", ("INPUT/CONTRATOS/one.zip", contract))

    files = await ARCHIVES.take_in(upload, "a.zip", tmp_path / "target.zip")

    assert files == (InputFile("CONTRATOS/one.zip", len(contract)),)
    await ARCHIVES.put_in(tmp_path / "target.zip", tmp_path)
    assert (tmp_path / "CONTRATOS" / "one.zip").read_bytes() == contract


async def test_names_that_differ_by_case_or_normal_form_are_different(tmp_path: Path) -> None:
    names = ["a.csv", "A.csv", "é.csv", unicodedata.normalize("NFD", "é.csv")]
    assert await taken(tmp_path, *((name, name) for name in names)) == sorted(names)


async def test_zip64_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened, opened.open("a.csv", "w", force_zip64=True) as member:
        member.write(b"1")

    assert await ARCHIVES.take_in(tmp_path / "a.zip", "a.zip", tmp_path / "target.zip") == (InputFile("a.csv", 1),)


async def test_what_does_not_shrink_is_stored_and_all_else_deflated(tmp_path: Path) -> None:
    contents = {"a.csv": b"id,comment\n" * 1_000, "b.pdf": os.urandom(20_000), "empty": b""}
    upload = archive(tmp_path / "a.zip", *contents.items())
    await ARCHIVES.take_in(upload, "a.zip", tmp_path / "taken.zip")
    (tmp_path / "inputs").mkdir()
    await ARCHIVES.put_in(tmp_path / "taken.zip", tmp_path / "inputs")
    await ARCHIVES.pack(tmp_path / "inputs", tmp_path / "packed.zip")
    for name in ("taken.zip", "packed.zip"):
        with zipfile.ZipFile(tmp_path / name) as opened:
            methods = {info.filename: info.compress_type for info in opened.infolist()}
        assert methods == {"a.csv": zipfile.ZIP_DEFLATED, "b.pdf": zipfile.ZIP_STORED, "empty": zipfile.ZIP_STORED}
    assert tree(tmp_path / "inputs") == contents


async def test_a_large_archive_takes_little_memory(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as opened:
        for number in range(2):
            with opened.open(f"{number}.bin", "w") as member:
                for _ in range(16):
                    member.write(os.urandom(4096) * 256)
    (tmp_path / "inputs").mkdir()
    tracemalloc.start()
    try:
        await ARCHIVES.take_in(tmp_path / "a.zip", "a.zip", tmp_path / "target.zip")
        await ARCHIVES.put_in(tmp_path / "target.zip", tmp_path / "inputs")
        await ARCHIVES.pack(tmp_path / "inputs", tmp_path / "packed.zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(path.stat().st_size for path in (tmp_path / "inputs").iterdir()) == 32 << 20
    assert peak < 12 << 20


async def test_an_upload_of_many_folders_takes_files_and_folders_together(tmp_path: Path) -> None:
    limits = ArchiveLimits(entries=4)
    fine = archive(tmp_path / "fine.zip", ("a/b/c", ""), ("d", ""))
    over = archive(tmp_path / "over.zip", ("a/b/c/d", ""), ("e", ""))
    assert len(await ZipArchives(limits).take_in(fine, "a.zip", tmp_path / "target.zip")) == 2
    with pytest.raises(TooLarge):
        await ZipArchives(limits).take_in(over, "a.zip", tmp_path / "other.zip")


@settings(max_examples=40)
@given(nested=trees, top=st.sampled_from(["", "INPUT/", "input/"]), data=st.data())
def test_what_is_taken_in_is_what_was_uploaded(nested: Tree, top: str, data: st.DataObject) -> None:
    expected = flat(nested)
    members = [(f"{top}{name}" + ("/" if value is None else ""), value or b"") for name, value in expected.items()]

    async def round_trip(folder: Path) -> None:
        upload = archive(folder / "a.zip", *data.draw(st.permutations(members)))
        files = await ARCHIVES.take_in(upload, "a.zip", folder / "target.zip")
        assert {file.path: file.size for file in files} == {k: len(v) for k, v in expected.items() if v is not None}
        (folder / "inputs").mkdir()
        await ARCHIVES.put_in(folder / "target.zip", folder / "inputs")
        assert tree(folder / "inputs") == expected
        again = await ARCHIVES.take_in(folder / "target.zip", "a.zip", folder / "again.zip")
        assert again == files

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(round_trip(Path(folder)))


def _good() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("INPUT/a.csv", "id,comment\n" * 20)
        opened.writestr(entry("INPUT/b/"), "")
        opened.writestr("INPUT/b/é", os.urandom(40), zipfile.ZIP_STORED)
    return target.getvalue()


GOOD = _good()
edits = st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6)


@settings(max_examples=150)
@given(edits=edits, end=st.one_of(st.none(), st.integers(0, len(GOOD))))
@example(edits=[(len(GOOD) - 6, 0xFF)], end=None)
def test_a_damaged_archive_is_taken_in_or_refused(edits: list[tuple[int, int]], end: int | None) -> None:
    content = bytearray(GOOD)
    for position, value in edits:
        content[position] = value

    async def attempt(folder: Path) -> None:
        (folder / "a.zip").write_bytes(content[:end])
        try:
            await ARCHIVES.take_in(folder / "a.zip", "a.zip", folder / "target.zip")
        except (InvalidInput, TooLarge):
            assert set(tree(folder)) == {"a.zip"}
        else:
            (folder / "inputs").mkdir()
            await ARCHIVES.put_in(folder / "target.zip", folder / "inputs")

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(attempt(Path(folder)))
