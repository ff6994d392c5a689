"""What callers and user code send is read with the same outcome on the spot and apart; large texts let others go on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from quinta.core.errors import InvalidInput, QuintaError, TooLarge, Unavailable
from quinta.core.models.model import DataType, Field, ValueType
from quinta.core.requests.reading import MOST_MEMBERS, SMALL_BYTES, Reader
from quinta.engine.reading_process import ReadingProcess

BLOB = "0188c0de-0000-7000-8000-000000000001"
FIELDS = (Field("numbers", DataType.ARRAY_INT), Field("file", DataType.BLOB))
LARGE = b" " * SMALL_BYTES


@pytest.fixture
async def process() -> AsyncIterator[ReadingProcess]:
    process = ReadingProcess()
    yield process
    process.close()


@pytest.fixture
def reader(process: ReadingProcess) -> Reader:
    return Reader(process)


@pytest.mark.parametrize("padding", [b"", LARGE], ids=["on the spot", "apart"])
async def test_both_ways_read_alike(reader: Reader, padding: bytes) -> None:
    good = b'{"numbers":[1,2],"file":"%b"}' % BLOB.upper().encode()
    assert await reader.input(good + padding, ValueType.STRUCTURED, FIELDS) == {"file": BLOB}
    for bad, field in ((b'{"numbers":[1]}', "file"), (b'{"numbers":["1"],"file":""}', "numbers"), (b"[", None)):
        with pytest.raises(InvalidInput) as refused:
            await reader.input(bad + padding, ValueType.STRUCTURED, FIELDS)
        assert refused.value.field == field
    items = await reader.batch(b"[" + good + b"," + good + b"]" + padding, ValueType.STRUCTURED, FIELDS, 2)
    assert [item.blob_ids for item in items] == [{"file": BLOB}] * 2
    with pytest.raises(InvalidInput, match="1 to 2 requests, not 3"):
        await reader.batch(b"[1,2,3]" + padding, ValueType.STRUCTURED, FIELDS, 2)
    with pytest.raises(InvalidInput, match="item 2 of the batch lacks the field 'numbers'"):
        await reader.batch(b"[" + good + b",{}]" + padding, ValueType.STRUCTURED, FIELDS, 2)
    result = await reader.result(
        b'{"extra":1,"numbers":[1],"file":"name"}' + padding, ValueType.STRUCTURED, FIELDS, {"file": BLOB}
    )
    assert result.text == f'{{"numbers":[1],"file":"{BLOB}"}}'
    assert result.undeclared == ("extra",)
    with pytest.raises(InvalidInput, match="the result must be a string"):
        await reader.result(b"1" + padding, ValueType.PLAIN, (), {})
    assert (await reader.result(b'"text"', ValueType.PLAIN, (), {})).text == '"text"'


@pytest.mark.parametrize("padding", [b"", LARGE], ids=["on the spot", "apart"])
async def test_a_body_has_an_end(reader: Reader, padding: bytes) -> None:
    text = b'{"a":[' + b"{}," * 4_998 + b'{"b":[' + b"0," * 4_998 + b"0]}]}"
    value = await reader.value(text + padding)
    assert len(value["a"]) + len(value["a"][-1]["b"]) + 2 == MOST_MEMBERS
    for more in (text.replace(b"{},", b'{"c":0},', 1), b"[" + text + b"]", b"[" + b"[]," * 10_000 + b"0]"):
        with pytest.raises(InvalidInput, match="more than 10,000 members and items"):
            await reader.value(more + padding)


@pytest.mark.parametrize("padding", [b"", LARGE], ids=["on the spot", "apart"])
async def test_objects_and_their_members_become_texts(reader: Reader, padding: bytes) -> None:
    text = '{"a": {"x": [1, 2.5]}, "b": null, "a": {"é": "\\ud800"}}'.encode() + padding
    assert await reader.object(text) == '{"a":{"\\u00e9":"\\ud800"},"b":null}'
    assert await reader.members(text, ("a", "b", "c")) == {"a": '{"\\u00e9":"\\ud800"}', "b": "null"}
    for wrong in (b"[]", b"null", b'"{}"', b"{", b'{"a": NaN}', b'{"a": 1e999}', b"\xff", b"", b"[" * 200_000):
        with pytest.raises(InvalidInput):
            await reader.object(wrong + padding)
    for depth in range(800, 1_100, 50):  # writing goes less deep than reading
        deep = b'{"a":' + b"[" * depth + b"]" * depth + b"}" + padding
        reads = (reader.object(deep), reader.members(deep, ("a",)))
        for outcome in await asyncio.gather(*reads, return_exceptions=True):
            assert "too deeply" in str(outcome) if isinstance(outcome, InvalidInput) else "[]" in str(outcome)
    assert await reader.members(b'{"a": 1e999, "b": 1}' + padding, ("b",)) == {"b": "1"}


HOSTILE = {
    "empty lists": b"[" + b"[]," * 5_000_000 + b"[]]",
    "short keys": b"{" + b",".join(b'"%x":0' % number for number in range(1_400_000)) + b"}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_others_go_on_while_a_large_text_is_read(reader: Reader, text: bytes) -> None:
    reading = asyncio.create_task(reader.result(text, ValueType.PLAIN, (), {}))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.001)
        turns += 1
    with pytest.raises(InvalidInput, match="the result must be a string"):
        reading.result()
    assert turns > 20  # read on the spot, it would be done after the first


async def test_a_process_that_is_lost_fails_one_text_only(reader: Reader, process: ReadingProcess) -> None:
    assert await reader.result(b'"a"' + LARGE, ValueType.PLAIN, (), {})
    pid = await process.call(os.getpid)
    assert pid != os.getpid()
    with pytest.raises(Unavailable):
        await process.call(os.kill, pid, signal.SIGKILL)
    assert await reader.result(b'"a"' + LARGE, ValueType.PLAIN, (), {})
    with pytest.raises(TooLarge):
        await process.call(bytes, 8 << 30)
    assert await reader.result(b'"a"' + LARGE, ValueType.PLAIN, (), {})


async def test_what_waits_has_an_end(process: ReadingProcess) -> None:
    """One is being read and two wait: a third is too much, and a small one is read on the spot all the same."""
    process.most_waiting_bytes = 2 << 20
    reader, text = Reader(process), b'"' + b"a" * ((1 << 20) - 100) + b'"'
    first = [asyncio.create_task(reader.result(text, ValueType.PLAIN, (), {})) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="wait to be read"):
        await reader.result(b'"a"' + LARGE, ValueType.PLAIN, (), {})
    assert (await reader.result(b'"a"', ValueType.PLAIN, (), {})).text == '"a"'
    await asyncio.gather(*first)
    assert await reader.result(b'"a"' + LARGE, ValueType.PLAIN, (), {})


async def test_a_call_that_is_given_up_leaves_the_next_its_own_answer(process: ReadingProcess) -> None:
    given_up = asyncio.create_task(process.call(int, "1" * 4_000))
    await asyncio.sleep(0)
    given_up.cancel()
    answers = await asyncio.gather(*(process.call(int, str(number)) for number in range(20)))
    assert answers == list(range(20))
    assert given_up.cancelled()


async def test_a_call_that_is_given_up_in_the_queue_is_not_worked_on(process: ReadingProcess) -> None:
    pid = await process.call(os.getpid)
    under_way = asyncio.create_task(process.call(sorted, range(100_000)))
    waiting = asyncio.create_task(process.call(os.kill, pid, signal.SIGKILL))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await under_way
    assert await process.call(os.getpid) == pid


async def test_a_value_too_deep_to_be_handed_over_is_refused(reader: Reader, process: ReadingProcess) -> None:
    pid = await process.call(os.getpid)
    assert await reader.value(b"[" * 300 + b"]" * 300 + LARGE)
    for depth in (800, 5_000):
        with pytest.raises(InvalidInput, match="nested too deeply"):
            await reader.value(b"[" * depth + b"]" * depth + LARGE)
    assert await process.call(os.getpid) == pid


async def test_each_error_of_the_family_comes_back_whole(process: ReadingProcess) -> None:
    for kind in QuintaError.__subclasses__():
        with pytest.raises(kind) as raised:
            await process.call(kind, "no", field="name")
        assert (type(raised.value), raised.value.message, raised.value.field) == (kind, "no", "name")
