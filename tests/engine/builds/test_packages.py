"""The package store: the same content is one package, and whatever happens a package is whole or absent."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quinta.engine.builds.archive import unpack
from quinta.engine.builds.errors import PackageRejected
from quinta.engine.builds.folders import WorkFolder
from quinta.engine.builds.packages import PackageStore, package_digest
from tests.engine.builds.archives import MODEL, archive, entry, tree

files = st.dictionaries(st.sampled_from(["a", "b", "c/d", "c/e", "f/g/h"]), st.binary(max_size=50), min_size=1)


@settings(deadline=None, max_examples=40)
@given(content=files, seed=st.integers(), folders=st.booleans())
def test_the_digest_depends_on_content_alone(content: dict[str, bytes], seed: int, folders: bool) -> None:
    members = [(f"model_package/{name}", data) for name, data in content.items()]
    shuffled = random.Random(seed).sample(members, len(members))
    if folders and any(name.startswith("c/") for name in content):
        shuffled.append(("model_package/c/", b""))
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        unpack(archive(there / "1.zip", *members), there / "1")
        unpack(archive(there / "2.zip", *shuffled, method=zipfile.ZIP_STORED), there / "2")

        assert package_digest(there / "1") == package_digest(there / "2")


@pytest.mark.parametrize(
    "other",
    [
        {"a": b"1", "b": b"3"},
        {"a": b"1", "c": b"2"},
        {"a": b"1"},
        {"a": b"12", "b": b""},
        {"a": b"1", "b": b"2", "c/": b""},
        {"a": b"1", "b/b": b"2"},
    ],
)
def test_another_content_is_another_package(other: dict[str, bytes], tmp_path: Path) -> None:
    unpack(archive(tmp_path / "1.zip", MODEL, ("model_package/a", b"1"), ("model_package/b", b"2")), tmp_path / "1")
    unpack(archive(tmp_path / "2.zip", MODEL, *((f"model_package/{k}", v) for k, v in other.items())), tmp_path / "2")

    assert package_digest(tmp_path / "1") != package_digest(tmp_path / "2")


def test_a_program_is_another_content_than_a_file(tmp_path: Path) -> None:
    for name, mode in (("1", 0o644), ("2", 0o755)):
        unpack(archive(tmp_path / f"{name}.zip", (entry("run", stat.S_IFREG | mode), "")), tmp_path / name)

    assert package_digest(tmp_path / "1") != package_digest(tmp_path / "2")


def test_a_package_is_kept_read_only_and_once(tmp_path: Path) -> None:
    store = PackageStore(tmp_path / "packages")
    run = entry("model_package/data/run", stat.S_IFREG | 0o755)
    first = store.add(archive(tmp_path / "a.zip", MODEL, (run, "")), "model")
    again = store.add(archive(tmp_path / "b.zip", (run, ""), MODEL), "model")

    assert (first.is_new, again.is_new) == (True, False)
    assert first.digest == again.digest == package_digest(first.path)
    assert first.path == tmp_path / "packages" / first.digest == store.path(first.digest)
    assert (first.root, first.files, first.size) == ("model_package/", 2, len(MODEL[1]))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (first.path, *first.path.rglob("*"))}
    assert modes == {first.digest: 0o555, "model.py": 0o444, "data": 0o555, "run": 0o555}
    assert set(tree(tmp_path / "packages" / ".work")) == set()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["model_package/a", "model_package/b/c"],
            "neither model.py nor application.py in its root (model_package/); found: a, b/.",
        ),
        (["a", "b/c"], "The package has neither model.py nor application.py in its root; found: a, b/."),
        ([f"{n:02}" for n in range(12)], "found: 00, 01, 02, 03, 04, 05, 06, 07, 08, 09 and 2 more."),
        (["model_package/"], "found: nothing."),
        (["model_package/model.py/"], "found: model.py/."),
    ],
)
def test_a_package_without_its_model_file_is_refused(names: list[str], message: str, tmp_path: Path) -> None:
    store = PackageStore(tmp_path / "packages")

    with pytest.raises(PackageRejected) as refusal:
        store.add(archive(tmp_path / "a.zip", *((name, "") for name in names)), "model")

    assert refusal.value.message.endswith(message)
    assert set(tree(tmp_path / "packages")) == {".work"}
    others = [(name, "") for name in names if not name.endswith("model.py/")]
    assert store.add(archive(tmp_path / "a.zip", *others, MODEL), "model").is_new


CRASH = """
import os, sys
from pathlib import Path
from quinta.engine.builds import packages
from quinta.engine.builds.folders import publish

def crash(*arguments):
    if sys.argv[3] == "after":
        publish(*arguments)
    os.kill(os.getpid(), 9)

packages.publish = crash
packages.PackageStore(Path(sys.argv[1])).add(Path(sys.argv[2]), "model")
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_server_killed_while_it_unpacks_leaves_nothing_half_done(moment: str, tmp_path: Path) -> None:
    packages, packed = tmp_path / "packages", archive(tmp_path / "a.zip", MODEL)
    done = subprocess.run([sys.executable, "-c", CRASH, str(packages), str(packed), moment], check=False)
    assert done.returncode == -9

    left = [path for path in packages.iterdir() if path.name != ".work"]
    assert len(left) == (1 if moment == "after" else 0)
    store = PackageStore(packages)
    assert len(store.remove_leftovers()) == 1
    assert set(tree(packages / ".work")) == set()
    stored = store.add(packed, "model")
    assert stored.is_new == (moment == "before")
    assert set(tree(stored.path)) == {"model.py"}


def test_leftovers_that_somebody_holds_stay(tmp_path: Path) -> None:
    store = PackageStore(tmp_path)
    held = WorkFolder.claim(tmp_path / ".work" / "held")
    assert held
    (held.path / "file").write_text("being made")
    (tmp_path / ".work" / "dead").mkdir()

    assert WorkFolder.claim(held.path) is None
    assert store.remove_leftovers() == ["dead"]
    assert (held.path / "file").is_file()

    held.release()
    assert not held.path.exists()
    assert store.remove_leftovers() == []


def test_a_left_over_tree_is_removed_however_deep_or_closed_it_is(tmp_path: Path) -> None:
    store = PackageStore(tmp_path)
    left = tmp_path / ".work" / "left"
    left.mkdir(parents=True)
    (left / "link").symlink_to(tmp_path)
    (left / "closed").mkdir()
    (left / "closed" / "file").touch()
    (left / "closed").chmod(0)
    descriptor = os.open(left, os.O_RDONLY)
    for _ in range(3_000):  # deeper than any path can say and than Python's recursion goes
        os.mkdir("deep", dir_fd=descriptor)
        below = os.open("deep", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)

    assert store.remove_leftovers() == ["left"]
    assert not left.exists()
    assert tmp_path.exists()
