"""Frames: what goes in comes out, in pieces of any size, and nothing else is taken."""

from __future__ import annotations

import contextlib
import struct
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.wire.messages import (
    MAX_ANSWER_HEADER_BYTES,
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    Decoder,
    Done,
    Failed,
    Message,
    Ready,
    Run,
    Start,
    StartFailed,
    Stop,
    WireError,
    encode,
)

texts = st.text(max_size=20)
seconds = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.integers(0, 2**53)
names = st.dictionaries(texts, texts, max_size=3)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Start, texts, texts, texts, names, names, st.lists(texts, max_size=3), numbers, names, names),
    st.builds(Run, numbers, texts, names),
    st.just(Stop()),
    st.just(Ready()),
    st.builds(StartFailed, texts, texts),
    st.builds(Done, numbers, seconds, texts, names),
    st.builds(Failed, numbers, seconds, texts, texts),
)


@given(st.lists(st.tuples(messages, st.binary(max_size=50)), max_size=5), st.integers(1, 60))
def test_messages_arrive_whole_whatever_the_pieces(sent: list[tuple[Message, bytes]], size: int) -> None:
    stream = b"".join(encode(message, payload) for message, payload in sent)
    decoder, received = Decoder(), []
    for start in range(0, len(stream), size):
        received += list(decoder.feed(stream[start : start + size]))
    assert received == sent
    assert [type(message) for message, _ in received] == [type(message) for message, _ in sent]


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_waited_for(data: bytes) -> None:
    with contextlib.suppress(WireError):
        list(Decoder().feed(data))


def frame(header: bytes, length: int | None = None) -> bytes:
    return struct.pack(">II", len(header) if length is None else length, len(header)) + header


@pytest.mark.parametrize(
    "header",
    [
        b"nope",
        b"\xff",
        b"{}",
        b"3",
        b"[]",
        b"[3]",
        b"[[]]",
        b'["Other"]',
        b'["Ready",1]',
        b'["Done",true,0.5,"",{}]',
        b'["Done",1,1,"",{}]',
        b'["Done",1,0.5,"",{"y":1}]',
        b'["Failed",1,0.5,true,""]',
        b'["StartFailed","",null]',
        b"[" * 100_000,
        b"\x03" + bytes(16),
        b"\x01" + bytes(15),
        b"\x02" + bytes(17),
    ],
)
def test_each_wrong_message_is_refused(header: bytes) -> None:
    with pytest.raises(WireError):
        list(Decoder().feed(frame(header)))
    assert list(Decoder().feed(frame(b'["Done",1,0.5,"",{"y":"n"}]'))) == [(Done(1, 0.5, "", {"y": "n"}), b"")]


@pytest.mark.parametrize("lengths", [(MAX_FRAME_BYTES + 1, 2), (10, 11), (MAX_FRAME_BYTES, MAX_HEADER_BYTES + 1)])
def test_lengths_are_refused_before_anything_is_kept(lengths: tuple[int, int]) -> None:
    with pytest.raises(WireError):
        list(Decoder().feed(struct.pack(">II", *lengths)))
    assert list(Decoder().feed(struct.pack(">II", MAX_FRAME_BYTES, MAX_HEADER_BYTES))) == []


def test_what_comes_from_an_instance_has_a_smaller_message() -> None:
    for length, refused in ((MAX_ANSWER_HEADER_BYTES, False), (MAX_ANSWER_HEADER_BYTES + 1, True)):
        with pytest.raises(WireError) if refused else nullcontext():
            Decoder(MAX_ANSWER_HEADER_BYTES).feed(struct.pack(">II", MAX_FRAME_BYTES, length))


@pytest.mark.parametrize("message", [Run(1, "", {}), Run(1, "data.json", {}), Done(1, 0.5, "", {})])
def test_a_frame_has_a_largest_size(message: Message) -> None:
    lengths, header = struct.unpack_from(">II", encode(message))
    assert lengths == header
    frame_of_full_size = encode(message, b"x" * (MAX_FRAME_BYTES - header))
    assert len(list(Decoder().feed(frame_of_full_size))) == 1
    with pytest.raises(WireError):
        encode(message, b"x" * (MAX_FRAME_BYTES - header + 1))


def test_a_message_of_any_kind_has_a_largest_size() -> None:
    with pytest.raises(WireError):
        encode(StartFailed("", "x" * MAX_HEADER_BYTES))
