"""Files in and out of an instance, honest and forged."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from quinta.core.models.model import DataType, Field, RunnableVersion
from quinta.core.reasons import Reason
from quinta.core.requests.outcome import BlobInput
from quinta.engine.sandbox.sandbox import Sandbox
from tests.engine.supervisor.conftest import open_world
from tests.engine.supervisor.harness import World, until, version_of


def file_version(package: str) -> RunnableVersion:
    return version_of(package, output_fields=(Field("y", DataType.BLOB),))


def blob(field: str, file_name: str, content: str = "content") -> BlobInput:
    async def fetch(path: Path) -> None:
        path.write_text(content)

    return BlobInput(field, "0198-blob", file_name, fetch)


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("relative", "result.txt", "relative result"),
        ("absolute", "out \u00fc.txt", "absolute result"),
        ("passwd", "passwd", "nobody:x:65534:65534:nobody:/tmp:/usr/sbin/nologin\n"),
    ],
)
async def test_a_file_that_the_code_returns_is_handed_over(
    world: World, sandbox: Sandbox, kind: str, name: str, content: str
) -> None:
    if kind == "passwd" and sandbox.bwrap is None:
        content = Path("/etc/passwd").read_text()  # without namespaces the code sees the machine's own
    outcome = await world.ask(file_version("hands_over_files"), kind)
    assert outcome.reason is Reason.COMPLETED
    assert json.loads(outcome.result or b"") == {"y": name}
    path = outcome.files["y"]
    assert (path.name, path.read_text()) == (name, content)
    assert path.is_relative_to(world.root / "staging")
    path.unlink()
    await until(lambda: not list((world.root / "staging").iterdir()), "the emptied folders are removed")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "the field 'y' names a file that does not exist: nothing.txt"),
        ("number", "the field 'y' must be the path of a file, not int"),
        ("folder", "the field 'y' names a file that does not exist: ."),
        ("device", "the field 'y' names a file that does not exist: /dev/zero"),
    ],
)
async def test_what_is_no_file_is_refused(world: World, kind: str, message: str) -> None:
    outcome = await world.ask(file_version("hands_over_files"), kind)
    assert (outcome.reason, outcome.error_message) == (Reason.RESULT_BAD_FILE, message)
    assert (await world.ask(file_version("hands_over_files"), "relative")).success


async def test_a_result_without_the_field_is_left_to_the_caller(world: World) -> None:
    outcome = await world.ask(file_version("hands_over_files"), "none")
    assert (outcome.result, dict(outcome.files)) == (b'{"other":1}', {})


@pytest.mark.parametrize(
    ("file_name", "seen"),
    [
        ("table.csv", "table.csv"),
        ("\u00fc \U0001f4cc.csv", "\u00fc \U0001f4cc.csv"),
        ("../../../etc/passwd", "passwd"),
        ("C:\\data\\table.csv", "table.csv"),
        ("..", "file"),
        ("", "file"),
        ("n" * 300 + ".csv", "n" * 251 + ".csv"),
    ],
)
async def test_an_input_file_keeps_its_name(world: World, file_name: str, seen: str) -> None:
    version = file_version("hands_over_files")
    data = {"x": "input", "file": "id of the blob"}
    outcome = await world.run(version, data, blobs=(blob("file", file_name),))
    assert outcome.reason is Reason.COMPLETED, outcome
    assert (outcome.files["y"].name, outcome.files["y"].read_text()) == (seen, "content")


async def test_two_fields_may_have_files_and_a_cold_instance_gets_them(world: World) -> None:
    blobs = (blob("file", "a.txt"), blob("other", "a.txt"))
    outcome = await world.run(
        file_version("hands_over_files"), {"x": "content", "file": "1", "other": "2"}, blobs=blobs
    )
    value = json.loads(outcome.result or b"")
    assert value["content"] == "content"
    assert value["path"].endswith("/in/0198-blob/a.txt")
    exchange = world.root / "instances"
    await until(lambda: not list(exchange.glob("*/box/exchange/*")), "the request's folder is removed")


async def test_a_fetch_that_takes_too_long_or_fails_ends_the_request(world: World) -> None:
    async def never(path: Path) -> None:
        path.write_text("half")
        await asyncio.Event().wait()

    async def fails(path: Path) -> None:
        raise ConnectionError("the object store is away")

    version = file_version("hands_over_files")
    slow = BlobInput("file", "b", "f", never)
    outcome = await world.run(version, {"x": "input", "file": ""}, within=0.1, blobs=(slow,))
    assert outcome.reason is Reason.INPUT_TIMEOUT
    with pytest.raises(ConnectionError):
        await world.run(version, {"x": "input", "file": ""}, blobs=(BlobInput("file", "b", "f", fails),))
    assert list((world.root / "staging").iterdir()) == []
    assert (await world.run(version, {"x": "input", "file": ""}, blobs=(blob("file", "f"),))).success


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("honest", None),
        ("link", "cannot be opened"),
        ("folder link", "cannot be opened"),
        ("pipe", "is not a regular file"),
        ("folder", "is not a regular file"),
        ("parent", "is not a file name"),
        ("dots", "is not a file name"),
        ("result link", "cannot be opened"),
    ],
)
async def test_a_forged_message_gets_no_file_of_the_server(
    world: World, sandbox: Sandbox, kind: str, message: str | None
) -> None:
    if sandbox.bwrap is None:
        pytest.skip("the path of the exchange folder is that of the sandbox")
    version = file_version("forges_files")
    data = {"x": kind, "number": 1, "exchange": "/quinta/exchange"}
    outcome = await world.run(version, data)
    if message is None:
        assert outcome.files["y"].read_text() == "honest"
    else:
        assert outcome.reason is Reason.RESULT_BAD_FILE
        assert message in (outcome.error_message or "")
        assert not list((world.root / "staging").rglob("*.*"))


@pytest.mark.parametrize("kind", ["foreign field", "link as its folder", "link as the exchange"])
async def test_nothing_of_the_host_is_made_changed_or_removed(
    world: World, sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    if sandbox.bwrap is None:
        pytest.skip("the path of the exchange folder is that of the sandbox")
    version, aim = file_version("forges_files"), tmp_path / "aim"
    kept = aim / "1" / "kept"
    kept.mkdir(parents=True)
    kept.chmod(0o555)
    named = aim / "named"
    data = {
        "x": kind,
        "number": 1,
        "exchange": "/quinta/exchange",
        "aim": str(named if kind == "foreign field" else aim),
    }
    outcome = await world.run(version, data)
    assert outcome.reason is Reason.RESULT_BAD_FILE, outcome
    staged = await world.run(version, {**data, "number": 2}, within=2.0, blobs=(blob("file", "a.txt"),))
    assert not staged.success
    await world.supervisor.retire(version.version_id, Reason.VERSION_DELETED)
    assert sorted(aim.rglob("*")) == [aim / "1", kept]
    assert kept.stat().st_mode & 0o777 == 0o555


async def test_an_instance_may_change_its_copy_of_the_package_but_not_the_package(world: World) -> None:
    assert (await world.ask("looks_around", "write model.py")).success
    assert await world.value("looks_around", "read model.py") == "x"
    await world.supervisor.retire("version-looks_around", Reason.VERSION_DELETED)
    assert "class Model" in await world.value("looks_around", "read model.py")


async def test_a_large_file_of_the_package_is_linked_read_only(
    tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    if sandbox.bwrap is None:
        pytest.skip("read-only by a mount of bubblewrap")
    package = tmp_path / "packages" / "large"
    (package / "weights").mkdir(parents=True)
    (package / "weights" / "large.txt").write_text("w" * (2 << 20))
    (package / "weights" / "small.txt").write_text("w")
    source = Path(__file__).parents[2] / "naughty" / "looks_around" / "model.py"
    (package / "model.py").write_bytes(source.read_bytes())
    async with open_world(tmp_path, environments, sandbox, packages=tmp_path / "packages") as world:
        assert len(await world.value("large", "read weights/large.txt")) == 2 << 20
        assert (await world.ask("large", "write weights/large.txt")).reason is Reason.MODEL_ERROR
        assert (await world.ask("large", "write weights/small.txt")).success
