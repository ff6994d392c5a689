"""A pipeline hands a text to many objects, each of which gets a copy: together these have an end."""

from __future__ import annotations

import pytest

from quinta.core.errors import TooLarge
from quinta.core.pipelines.model import START
from quinta.core.pipelines.plan import MOST_HANDED_ON_BYTES, Plan, PlannedLink, PlannedObject
from quinta.core.requests.reading import Reader
from quinta.engine.reading_process import ReadingProcess

OBJECTS = tuple(PlannedObject(f"object-{number}", "version", None) for number in range(64))
PLAN = Plan("id", "project", "pipeline", "name", OBJECTS, tuple(PlannedLink(START, item.name) for item in OBJECTS), ())
LARGEST = '"' + "a" * (MOST_HANDED_ON_BYTES // len(OBJECTS) - 2) + '"'


async def test_what_is_handed_on_has_an_end() -> None:
    process = ReadingProcess()
    reader = Reader(process)
    inputs = await PLAN.inputs_after(START, LARGEST, reader)
    assert [item for item, _ in inputs] == list(OBJECTS)
    assert {text for _, text in inputs} == {LARGEST}
    with pytest.raises(TooLarge, match="'pipeline_start' gave 1048577 bytes to 64 objects"):
        await PLAN.inputs_after(START, LARGEST[:-1] + 'a"', reader)
    assert await PLAN.inputs_after("object-1", LARGEST * 64, reader) == []
    process.close()


def test_on_the_spot_the_same_holds() -> None:
    assert PLAN.small_inputs_after(START, '"a"') == [(item, '"a"') for item in OBJECTS]
    with pytest.raises(TooLarge):
        PLAN.small_inputs_after(START, LARGEST[:-1] + 'a"')
