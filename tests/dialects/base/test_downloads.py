"""Files on their way out: names, lengths, and an object that is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from quinta.core.errors import NotFound
from quinta.core.models.packages import Download
from quinta.dialects.base.downloads import file_response

NAMES = {
    "plain": ("a.zip", "a.zip"),
    "blanks": ("a b;c=d.zip", "a b;c=d.zip"),
    "quotes": ('a"b\\c.zip', "a_b_c.zip"),
    "line ends": ("a\r\nSet-Cookie: x=1\n.zip", "a__Set-Cookie: x=1_.zip"),
    "unicode": ("grüße 世界.zip", "grüße 世界.zip"),
    "other controls": ("a\x00\x7f\x9fb", "a___b"),
}


async def sent(name: str, content: AsyncIterator[bytes], size: int) -> httpx2.Response:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await file_response(Download(name, "text/html", size, content))
        await response(scope, receive, send)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.get("/")


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES)
async def test_names(name: str, shown: str) -> None:
    answer = await sent(name, pieces(b"ab", b"c"), 3)
    assert answer.content == b"abc"
    assert answer.headers["content-length"] == "3"
    raw = dict(answer.headers.raw)
    assert raw[b"Content-Disposition".lower()].decode() == f'attachment; filename="{shown}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "text/html"


async def test_empty_file() -> None:
    answer = await sent("empty", pieces(), 0)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_missing_object_is_noticed_before_the_answer_begins() -> None:
    async def gone() -> AsyncIterator[bytes]:
        raise NotFound("there is no such object")
        yield b""

    with pytest.raises(NotFound):
        await file_response(Download("a", "text/plain", 3, gone()))
