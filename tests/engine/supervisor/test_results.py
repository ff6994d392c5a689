"""What code returns and raises: falsy results are results, and what JSON cannot hold is named."""

from __future__ import annotations

import json

import pytest

from quinta.core.reasons import Reason
from tests.engine.supervisor.harness import World, version_of


async def test_each_result_arrives_as_it_is(world: World) -> None:
    for kind, expected in {
        "zero": 0,
        "empty text": "",
        "empty list": [],
        "empty object": {},
        "false": False,
        "none": None,
        "scalar": {"y": 7},
        "array": {"y": [1.5, 2.5]},
        "unicode": {"y": "\u00fc \U0001f4cc \u0000 \u2028 \u202e"},
    }.items():
        outcome = await world.ask("returns_strange", kind)
        assert outcome.reason is Reason.COMPLETED, kind
        assert outcome.result is not None, kind
        value = json.loads(outcome.result)
        assert value == expected, kind
        assert type(value) is type(expected), kind


async def test_each_result_that_cannot_be_answered_is_named(world: World) -> None:
    text = "the field 'y' of the result cannot be answered: "
    for kind, message in {
        "nan": "the result cannot be answered: it holds NaN or an infinity, which JSON has no form for",
        "infinity": text + "it holds NaN or an infinity, which JSON has no form for",
        "opaque": text + "model.Opaque is not a value that JSON has a form for (a value of type model.Opaque)",
        "bytes": text + "bytes is not a value that JSON has a form for (a value of type bytes)",
        "set": text + "set is not a value that JSON has a form for (a value of type set)",
        "breaks": "cannot be converted",
        "breaks without text": "UnprintableError",
        "cycle": text + "it contains itself",
        "deep": text + "it is nested too deeply",
        "surrogate": text + "its text is not valid Unicode",
        "key": text + "dict is not a value that JSON has a form for "
        "(keys must be str, int, float, bool or None, not tuple)",
        "coroutine": "the result cannot be answered: coroutine is not a value that JSON has a form for "
        "(a value of type coroutine)",
        "too huge": "the result has 17000008 bytes; the limit is 16777216",
    }.items():
        outcome = await world.ask(version_of("returns_strange", memory_megabytes=1024), kind)
        reason = Reason.RESULT_TOO_LARGE if kind == "too huge" else Reason.RESULT_NOT_JSON
        assert (outcome.reason, outcome.error_message) == (reason, message), kind
    assert await world.value(version_of("returns_strange", memory_megabytes=1024), "scalar") == 7
    await world.unharmed()


async def test_a_result_and_an_input_larger_than_a_frame_travel_as_files(world: World) -> None:
    assert await world.value(version_of("returns_strange", memory_megabytes=1024), "huge") == "h" * 12_000_000
    text = "\u00fc" * 3_000_000
    assert await world.value("returns_input", text) == text
    assert list((world.root / "staging").iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("exception", "the price is wrong"),
        ("empty", "KeyError"),
        ("number", "42"),
        ("unprintable", "UnprintableError"),
        ("exits when printed", "ExitingError"),
        ("strange text", "not to be cut"),
        ("exit", "the code called sys.exit(None)"),
        ("interrupt", "KeyboardInterrupt"),
        ("base", "not an Exception"),
        ("generator", "GeneratorExit"),
        ("recursion", "maximum recursion depth exceeded"),
        ("memory", "MemoryError"),
        ("unicode", "? \u00fc \U0001f4cc "),
        ("long", "l" * 4000),
    ],
)
async def test_each_exception_fails_one_request(world: World, kind: str, message: str) -> None:
    outcome = await world.ask("raises_strange", kind)
    reasons = {"exit": Reason.MODEL_CALLED_EXIT, "memory": Reason.MEMORY}
    assert (outcome.reason, outcome.error_message) == (reasons.get(kind, Reason.MODEL_ERROR), message)
    assert await world.value("raises_strange", "nothing") == "nothing"
    assert world.pool("raises_strange").ready == 1


@pytest.mark.parametrize(
    "kind",
    [
        "garbage",
        "too long",
        "header longer",
        "not json",
        "unknown",
        "not a list",
        "wrong id",
        "wrong types",
        "no fields",
        "wrong files",
        "ready again",
        "start",
    ],
)
async def test_an_instance_that_breaks_the_protocol_is_killed(world: World, kind: str) -> None:
    assert await world.value("writes_to_protocol", "fine") == "fine"
    outcome = await world.ask("writes_to_protocol", kind)
    assert outcome.reason is Reason.PROTOCOL_BROKEN
    assert outcome.error_message is not None
    assert "it broke the protocol" in outcome.error_message
    assert await world.value("writes_to_protocol", "fine") == "fine"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("closes", Reason.EXITED), ("shuts down", Reason.CONNECTION_CLOSED)],  # the first cannot answer, and ends
)
async def test_an_instance_that_closes_its_connection_is_ended(world: World, kind: str, reason: Reason) -> None:
    outcome = await world.ask("writes_to_protocol", kind)
    assert outcome.reason is reason
    assert await world.value("writes_to_protocol", "fine") == "fine"


async def test_the_world_is_put_right_after_each_request(world: World) -> None:
    home = await world.value("changes_world", 0)
    for number in (1, 2, 3, 4, 0):
        assert await world.value("changes_world", number) == home


@pytest.mark.parametrize("package", ["locks_its_folder", "digs_deep"])
async def test_a_folder_that_the_code_locks_or_makes_too_deep_is_still_removed(world: World, package: str) -> None:
    assert await world.value(package, 1) == 1
    await world.supervisor.retire(f"version-{package}", Reason.VERSION_DELETED)
    assert list((world.root / "instances").iterdir()) == []
