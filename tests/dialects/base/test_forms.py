"""Forms with fields beside the file: in any order and any pieces, with limits for each."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput, QuintaError, TooLarge
from quinta.dialects.base.uploads import UploadedForm, uploaded_form
from tests.dialects.base.test_uploads import END, HEADERS, arriving, part

FIELDS = ("params", "metadata")
FILE_LIMIT, FIELD_LIMIT = 1_000, 200
FILE = part(b"content")


def field(name: str, content: bytes, rest: str = "", kind: bytes = b"") -> bytes:
    return part(content, f'form-data; name="{name}"{rest}'.encode(), kind)


async def received(folder: Path, body: bytes, size: int = 100) -> tuple[UploadedForm, bytes | None]:
    """The form, and the content of its file."""
    async with uploaded_form(
        arriving(body, size),
        HEADERS,
        file="file",
        folder=folder,
        limit=FILE_LIMIT,
        fields=FIELDS,
        field_limit=FIELD_LIMIT,
    ) as form:
        content = None if form.file is None else form.file.path.read_bytes()
    assert list(folder.iterdir()) == []
    return form, content


PARTS = st.permutations(["params", "metadata", "file", "note"]).flatmap(
    lambda order: st.integers(0, 4).map(lambda count: order[:count])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(order=PARTS, text=st.binary(max_size=FIELD_LIMIT // 2), size=st.integers(1, 300))
async def test_any_order_in_any_pieces(tmp_path: Path, order: list[str], text: bytes, size: int) -> None:
    parts = [part(text * 3) if name == "file" else field(name, text) for name in order]
    form, content = await received(tmp_path, b"".join(parts) + END, size)
    assert form.fields == {name: text for name in order if name in FIELDS}
    assert content == (text * 3 if "file" in order else None)


async def test_fields_may_look_like_files(tmp_path: Path) -> None:
    body = field("params", b"{}", '; filename="params.json"', b"application/json") + FILE + END
    form, content = await received(tmp_path, body)
    assert (form.fields, content) == ({"params": b"{}"}, b"content")
    assert form.file is not None
    assert form.file.file_name == "a.bin"


@pytest.mark.parametrize(
    ("body", "error", "about"),
    [
        (field("params", b"1") + field("params", b"2"), InvalidInput, "params"),
        (FILE + FILE, InvalidInput, "file"),
        (field("file", b"no name"), InvalidInput, "file"),
        (field("file", b"x", '; filename=".."'), InvalidInput, "file"),
        (field("params", b"x" * (FIELD_LIMIT + 1)), TooLarge, None),
        (field("params", b"x" * FIELD_LIMIT) + field("metadata", b"x"), TooLarge, None),
        (part(b"x" * (FILE_LIMIT + 1)), TooLarge, None),
    ],
)
async def test_refused_and_nothing_stays(
    tmp_path: Path, body: bytes, error: type[QuintaError], about: str | None
) -> None:
    with pytest.raises(error) as refused:
        await received(tmp_path, body + END)
    assert refused.value.field == about
    assert list(tmp_path.iterdir()) == []


async def test_limits_may_be_reached(tmp_path: Path) -> None:
    body = field("params", b"x" * FIELD_LIMIT) + part(b"y" * FILE_LIMIT) + END
    form, content = await received(tmp_path, body)
    assert (form.fields, content) == ({"params": b"x" * FIELD_LIMIT}, b"y" * FILE_LIMIT)
