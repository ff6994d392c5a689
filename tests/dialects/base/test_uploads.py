"""Uploads: one file to disk, whatever the pieces it comes in; nothing stays behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from quinta.core.errors import InvalidInput, QuintaError, TooLarge
from quinta.dialects.base.uploads import UploadedFile, uploaded_file

BOUNDARY = b"boundary"
HEADERS = {b"content-type": b"multipart/form-data; boundary=" + BOUNDARY}
LIMIT = 1_000


def part(content: bytes, disposition: bytes = b'form-data; name="file"; filename="a.bin"', kind: bytes = b"") -> bytes:
    head = b"Content-Disposition: " + disposition + b"\r\n"
    if kind:
        head += b"Content-Type: " + kind + b"\r\n"
    return b"--" + BOUNDARY + b"\r\n" + head + b"\r\n" + content + b"\r\n"


END = b"--" + BOUNDARY + b"--\r\n"


def arriving(body: bytes, size: int = 100, *, breaks: bool = False) -> Callable[[], Awaitable[dict[str, Any]]]:
    """The ASGI side of a body that comes in pieces of ``size`` bytes; ``breaks``: the caller goes away at the end."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if breaks:
        messages.append({"type": "http.disconnect"})
    else:
        messages[-1]["more_body"] = False
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    return receive


async def received(folder: Path, body: bytes, size: int = 100, headers: dict[bytes, bytes] = HEADERS) -> bytes:
    file, content = await received_file(folder, body, size, headers)
    assert not file.path.exists()
    return content


async def received_file(
    folder: Path, body: bytes, size: int = 100, headers: dict[bytes, bytes] = HEADERS
) -> tuple[UploadedFile, bytes]:
    async with uploaded_file(arriving(body, size), headers, field="file", folder=folder, limit=LIMIT) as file:
        assert file.path.parent == folder
        return file, file.path.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(content=st.binary(max_size=LIMIT), size=st.integers(1, 200))
async def test_content_is_whole_in_any_pieces(tmp_path: Path, content: bytes, size: int) -> None:
    assert await received(tmp_path, part(content) + END, size) == content


async def test_other_fields_are_passed_over(tmp_path: Path) -> None:
    body = part(b"x" * 2_000, b'form-data; name="note"') + part(b"content") + part(b"y", b'form-data; name="z"') + END
    assert await received(tmp_path, body) == b"content"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a.jpg", "a.jpg"),
        ("пример é.zip".encode(), "пример é.zip"),
        (b"/etc/cron.d/evil", "evil"),
        (b"..\\..\\evil", "..\\..\\evil"),  # one name where / alone separates; downloads make it harmless
        (b"a\x01b", "a_b"),
        (b'qu\\"ote', 'qu"ote'),
        (b"n" * 255, "n" * 255),
    ],
)
async def test_file_names(tmp_path: Path, sent: bytes, kept: str) -> None:
    file, _ = await received_file(tmp_path, part(b"", b'form-data; name="file"; filename="' + sent + b'"') + END)
    assert file.file_name == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"image/jpeg", "image/jpeg"),
        (b"Text/Plain; charset=utf-8", "text/plain"),
        (b"", "application/octet-stream"),
        (b"nonsense\xff", "application/octet-stream"),
    ],
)
async def test_content_types(tmp_path: Path, sent: bytes, kept: str) -> None:
    file, _ = await received_file(tmp_path, part(b"", kind=sent) + END)
    assert file.content_type == kept


REFUSED: list[tuple[str, bytes, type[QuintaError], str]] = [
    ("too large", part(b"x" * (LIMIT + 1)) + END, TooLarge, "limit of 1000 bytes"),
    ("cut short", part(b"content"), InvalidInput, "cut short"),
    ("empty", b"", InvalidInput, "cut short"),
    ("no form", b"content" + END, InvalidInput, "cannot be read"),
    ("other field", part(b"x", b'form-data; name="data"; filename="a"') + END, InvalidInput, "lacks the file"),
    ("no file name", part(b"x", b'form-data; name="file"') + END, InvalidInput, "lacks the file"),
    ("two files", part(b"x") + part(b"y") + END, InvalidInput, "more than one"),
    ("empty name", part(b"x", b'form-data; name="file"; filename=""') + END, InvalidInput, "name"),
    ("a folder's name", part(b"x", b'form-data; name="file"; filename="a/.."') + END, InvalidInput, "name"),
    ("long name", part(b"x", b'form-data; name="file"; filename="' + b"n" * 256 + b'"') + END, InvalidInput, "255"),
]


@pytest.mark.parametrize(("body", "error", "text"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_refused_and_nothing_stays(tmp_path: Path, body: bytes, error: type[QuintaError], text: str) -> None:
    with pytest.raises(error, match=text):
        await received(tmp_path, body)
    assert list(tmp_path.iterdir()) == []
    assert await received(tmp_path, part(b"x" * LIMIT) + END) == b"x" * LIMIT


@pytest.mark.parametrize("kind", [b"application/json", b"multipart/form-data", b"multipart/mixed; boundary=b", b""])
async def test_other_content_types_are_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        await received(tmp_path, part(b"x") + END, headers={b"content-type": kind})
    assert caught.value.status_code == 415


async def test_announced_length_is_refused_before_reading(tmp_path: Path) -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    headers = {**HEADERS, b"content-length": b"1000000000"}
    with pytest.raises(TooLarge):
        async with uploaded_file(receive, headers, field="file", folder=tmp_path, limit=LIMIT):
            pass
    assert list(tmp_path.iterdir()) == []


async def test_caller_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    receive = arriving(part(b"x" * 500), breaks=True)
    with pytest.raises(ClientDisconnect):
        async with uploaded_file(receive, HEADERS, field="file", folder=tmp_path, limit=LIMIT):
            pass
    assert list(tmp_path.iterdir()) == []


async def test_failure_of_the_user_of_the_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="later"):
        async with uploaded_file(arriving(part(b"x") + END), HEADERS, field="file", folder=tmp_path, limit=LIMIT):
            raise RuntimeError("later")
    assert list(tmp_path.iterdir()) == []
