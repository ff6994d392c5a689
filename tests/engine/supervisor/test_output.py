"""Log lines: each with its request, from wherever it was written, and never at the cost of others."""

from __future__ import annotations

import asyncio

import pytest

from quinta.core.observation.model import LogLevel
from quinta.engine.supervisor.logs import MAX_BYTES, MAX_LINES
from tests.engine.supervisor.harness import World, until


async def test_output_of_each_request_and_of_the_start_is_told_apart(world: World) -> None:
    for number in (1, 2, 3):
        assert (await world.run("prints_without_newline", {"x": number}, id=f"r{number}")).success
    assert world.logs.of(None) == ["partial at start"]
    assert [world.logs.of(f"r{number}") for number in (1, 2, 3)] == [[f"partial of {n}"] for n in (1, 2, 3)]


async def test_output_of_c_code_is_flushed_with_its_request(world: World) -> None:
    for number in (1, 2):
        await world.run("prints_from_c", {"x": number}, id=f"r{number}")
    assert [world.logs.of(f"r{n}") for n in (1, 2)] == [["printf 1", "puts"], ["printf 2", "puts"]]


async def test_output_of_child_processes_and_of_logging_is_kept(world: World) -> None:
    await world.run("prints_from_child", {"x": 1}, id="r")
    assert world.logs.of("r") == ["from the shell", "to stderr", "from python", "INFO naughty: from logging"]


async def test_bytes_that_are_no_text_become_text(world: World) -> None:
    await world.run("prints_bytes", {"x": 1}, id="r")
    replacement = "\ufffd"
    assert world.logs.of("r") == [
        f"{replacement}{replacement} not unicode {replacement} nul",
        "pinned \U0001f4cc unicode \u00fc \\ud800 surrogate",
    ]


async def test_a_thread_that_prints_after_its_request_is_not_given_to_it(world: World) -> None:
    await world.run("prints_after_request", {"x": 1}, id="first")
    await until(lambda: "late line 4" in world.logs.of(None), "the thread has printed")
    assert world.logs.of("first") == []
    await world.run("prints_after_request", {"x": -1}, id="second")  # the twin that waits for its thread
    assert world.logs.of("second") == [f"late line {number}" for number in range(5)]


async def test_a_traceback_is_logged_without_our_own_frames(world: World) -> None:
    outcome = await world.run("raises_strange", {"x": "exception"}, id="r")
    assert outcome.error_message == "the price is wrong"
    lines = world.logs.of("r")
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: the price is wrong"
    assert "main.py" not in "".join(lines)


async def test_lines_have_the_level_that_they_name(world: World) -> None:
    await world.run("raises_strange", {"x": "exception"}, id="raises")
    await world.run("prints_from_child", {"x": 1}, id="prints")
    levels = {
        name: [line.level for line in world.logs.lines if line.request_id == name] for name in ("raises", "prints")
    }
    assert set(levels["raises"]) == {LogLevel.ERROR}
    assert levels["prints"] == [None, None, None, LogLevel.INFO]


async def test_a_flood_is_cut_and_counted_while_others_are_served(world: World) -> None:
    await world.unharmed()
    flood = asyncio.create_task(world.run("floods_stdout", {"x": -1}, id="flood"))
    served = 0
    while not flood.done():
        await world.unharmed()
        served += 1
    assert (await flood).success
    assert served > 10
    lines = world.logs.of("flood")
    assert MAX_LINES - 10 <= len(lines) <= MAX_LINES or sum(len(line) + 1 for line in lines) >= MAX_BYTES - 100
    assert len(lines) <= MAX_LINES
    (note,) = world.logs.of("flood", system=True)
    dropped = 1_000_000 - len(lines)
    assert note.startswith(f"{dropped} more lines ({dropped * 100} bytes) of output were dropped")
    # The next request has its whole allowance again.
    await world.run("floods_stdout", {"x": 1}, id="quiet")
    assert world.logs.of("quiet", system=True) == []


async def test_a_flood_without_newline_is_one_line_that_is_cut(world: World) -> None:
    assert (await world.run("floods_without_newline", {"x": 1}, id="r")).success
    lines = world.logs.of("r")
    assert len(lines) == 1
    assert lines[0].endswith("... (cut after 8192 bytes)")
    assert len(lines[0]) < 8300


@pytest.mark.parametrize("package", ["closes_stdout", "closes_descriptors", "replaces_stdout"])
async def test_a_stream_that_is_closed_or_replaced_works_in_the_next_request(world: World, package: str) -> None:
    for number in (-1, 2, -3):
        assert (await world.run(package, {"x": number}, id=f"r{number}")).success
        assert world.logs.of(f"r{number}") == [f"before {number}"]
    await world.unharmed()


async def test_a_stream_wrapped_at_import_stays(world: World) -> None:
    for number in (1, 2):
        await world.run("wraps_stdout_at_import", {"x": number}, id=f"r{number}")
        assert world.logs.of(f"r{number}") == [f"wrapped {number}"]


async def test_lines_say_whose_they_are(world: World) -> None:
    await world.run("good", {"x": 1}, id="r")
    (line,) = (line for line in world.logs.lines if line.request_id == "r")
    assert (line.project_id, line.model_name, line.version_name, line.system) == ("project", "shelf", "good", False)
    assert line.text == "good request {'x': 1}"
    assert world.logs.said("an instance started in ")
