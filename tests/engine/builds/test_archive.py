"""Unpacking: each hostile archive beside a twin that differs in one thing and is fine."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput
from quinta.engine.archives.members import DEFAULT_LIMITS
from quinta.engine.builds.archive import check_is_zip, unpack
from quinta.engine.builds.errors import PackageRejected
from tests.engine.archives.hostile import REFUSALS, SMALL
from tests.engine.archives.random_trees import Tree, flat, trees
from tests.engine.builds.archives import MODEL, archive, entry, tree


@pytest.mark.parametrize("case", REFUSALS)
def test_a_hostile_archive_is_refused_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    make, message, _ = REFUSALS[case]
    hostile = make(tmp_path / "hostile.zip")
    (tmp_path / "out").mkdir()

    with pytest.raises(PackageRejected) as refusal:
        unpack(hostile, tmp_path / "out" / "package", SMALL)

    assert message in refusal.value.message
    assert len(refusal.value.message) <= 500
    assert tree(tmp_path) == {"hostile.zip": hostile.read_bytes(), "out": None}


@pytest.mark.parametrize("case", REFUSALS)
def test_the_twin_of_a_hostile_archive_is_fine(case: str, tmp_path: Path) -> None:
    good = REFUSALS[case][2](tmp_path / "good.zip")

    unpack(good, tmp_path / "package", SMALL)

    assert (tmp_path / "package" / "model.py").read_text() == MODEL[1]


def test_only_what_is_no_zip_at_all_is_refused_at_upload(tmp_path: Path) -> None:
    for case in ("not a zip", "empty file", "end cut off"):
        with pytest.raises(InvalidInput, match="not a zip archive") as refusal:
            check_is_zip(REFUSALS[case][0](tmp_path / "a.zip"))
        assert refusal.value.field == "file"
    for case in ("link", "encrypted", "bomb", "many members"):
        check_is_zip(REFUSALS[case][0](tmp_path / "a.zip"))


def test_a_central_directory_of_any_announced_size_is_not_read(tmp_path: Path) -> None:
    comment = entry("x")
    comment.comment = b"c" * 60_000
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr(*MODEL)
        for number in range(150):
            comment.filename = comment.orig_filename = f"{number}"
            opened.writestr(comment, "")

    check_is_zip(tmp_path / "a.zip")
    with pytest.raises(PackageRejected, match="list of members is too long"):
        unpack(tmp_path / "a.zip", tmp_path / "package")


@pytest.mark.parametrize(
    ("members", "root", "found"),
    [
        (["model_package/model.py", "model_package/a/b"], "model_package/", {"model.py", "a", "a/b"}),
        (["model_package/model.py", "other/model.py", "model.py"], "model_package/", {"model.py"}),
        (["some/model.py", "some/a"], "some/", {"model.py", "a"}),
        (["some/model.py", "other/a", "README"], "some/", {"model.py"}),
        (["some/model.py", "__MACOSX/some/._model.py", ".DS_Store", "some/.DS_Store"], "some/", {"model.py"}),
        (["model.py", "a"], "", {"model.py", "a"}),
        (["model.py", "some/model.py"], "", {"model.py", "some", "some/model.py"}),
        (["model.py", "__MACOSX/._model.py"], "", {"model.py"}),
        (["a/model.py", "b/model.py"], "", {"a", "a/model.py", "b", "b/model.py"}),
        (["./model.py", "./a//b"], "", {"model.py", "a", "a/b"}),
        (["model_package/", "model_package/empty/"], "model_package/", {"empty"}),
        (["some/other.py"], "", {"some", "some/other.py"}),
    ],
)
def test_which_folder_of_the_archive_is_the_package(
    members: list[str], root: str, found: set[str], tmp_path: Path
) -> None:
    packed = archive(tmp_path / "a.zip", *((name, "") for name in members))

    assert unpack(packed, tmp_path / "package") == root
    assert set(tree(tmp_path / "package")) == found


def test_the_model_file_decides_between_top_folders(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.zip", ("a/predict.py", ""), ("b/model.py", ""))

    assert unpack(packed, tmp_path / "first", model_file="predict") == "a/"
    assert unpack(packed, tmp_path / "second", model_file="model") == "b/"


def test_modes_are_reduced_to_readable_and_executable(tmp_path: Path) -> None:
    packed = archive(
        tmp_path / "a.zip",
        (entry("model.py", stat.S_IFREG | 0o600), ""),
        (entry("run.sh", stat.S_IFREG | 0o777), ""),
        (entry("open/", stat.S_IFDIR | 0o2777), ""),
        ("plain", ""),
    )
    unpack(packed, tmp_path / "package")

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("package/*")}
    assert modes == {"model.py": 0o644, "run.sh": 0o755, "open": 0o755, "plain": 0o644}
    assert stat.S_IMODE((tmp_path / "package").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("flag", "encoding", "name"), [(0, "utf-8", "däta"), (0x800, "utf-8", "däta"), (0, "cp437", "däta")]
)
def test_names_arrive_as_they_were_meant(flag: int, encoding: str, name: str, tmp_path: Path) -> None:
    """macOS writes UTF-8 without the flag that says so."""
    raw = name.encode(encoding)
    packed = archive(tmp_path / "a.zip", MODEL, ("model_package/" + "x" * len(raw), ""))
    packed.write_bytes(packed.read_bytes().replace(b"x" * len(raw), raw))
    if flag:
        content = bytearray(packed.read_bytes())
        for signature, at in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
            start = content.rindex(signature)
            content[start + at : start + at + 2] = flag.to_bytes(2, "little")
        packed.write_bytes(content)

    unpack(packed, tmp_path / "package")

    assert set(tree(tmp_path / "package")) == {"model.py", name}


def test_a_name_that_is_not_utf8_though_it_says_so(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.zip", MODEL, ("é", ""))
    packed.write_bytes(packed.read_bytes().replace("é".encode(), b"\xff\xff"))

    with pytest.raises(PackageRejected, match="not valid UTF-8"):
        unpack(packed, tmp_path / "package")


def test_the_total_is_measured_by_the_size_of_the_archive(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.zip", MODEL, ("zeros", b"0" * (2 << 20)))
    allowed = replace(DEFAULT_LIMITS, expansion_free_bytes=0, expansion=2_000)

    unpack(packed, tmp_path / "package", allowed)
    with pytest.raises(PackageRejected, match="for an archive of this size"):
        unpack(packed, tmp_path / "other", replace(allowed, expansion=20))


@settings(deadline=None, max_examples=60)
@given(nested=trees, method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]), data=st.data())
def test_what_is_unpacked_is_what_was_packed(nested: Tree, method: int, data: st.DataObject) -> None:
    expected = flat(nested)
    members = [
        (f"model_package/{name}" + ("/" if value is None else ""), value or b"") for name, value in expected.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        packed = archive(
            Path(folder, "a.zip"), ("model_package/", b""), *data.draw(st.permutations(members)), method=method
        )
        unpack(packed, Path(folder, "package"))

        assert tree(Path(folder, "package")) == expected


def _good() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("model_package/model.py", "class Model: pass\n" * 20)
        opened.writestr("model_package/data/", "")
        opened.writestr("model_package/data/é", os.urandom(40), zipfile.ZIP_STORED)
    return target.getvalue()


GOOD = _good()
edits = st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6)


@settings(deadline=None, max_examples=200)
@given(edits=edits, end=st.one_of(st.none(), st.integers(0, len(GOOD))))
@example(edits=[(len(GOOD) - 6, 0xFF)], end=None)
def test_a_damaged_archive_is_unpacked_or_refused(edits: list[tuple[int, int]], end: int | None) -> None:
    content = bytearray(GOOD)
    for position, value in edits:
        content[position] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.zip")
        path.write_bytes(content[:end])
        try:
            unpack(path, Path(folder, "package"))
        except PackageRejected:
            assert set(tree(Path(folder))) == {"a.zip"}
        else:
            assert {path.name for path in Path(folder).iterdir()} == {"a.zip", "package"}
