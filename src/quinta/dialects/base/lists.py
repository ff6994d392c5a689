"""JSON arrays on their way out, without holding a large one whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from starlette.responses import Response, StreamingResponse

_JSON = "application/json"


async def list_response(pieces: AsyncIterator[Sequence[str]]) -> Response:
    """An array of the JSON texts in ``pieces``. What fits into one piece goes with its length, as nearly all do."""
    first = await anext(pieces, ())
    second = await anext(pieces, None)
    if second is None:
        return Response(f"[{', '.join(first)}]", media_type=_JSON)
    return StreamingResponse(_array(first, second, pieces), media_type=_JSON)


async def _array(first: Sequence[str], second: Sequence[str], rest: AsyncIterator[Sequence[str]]) -> AsyncIterator[str]:
    yield "[" + ", ".join(first)
    empty = not first
    yield _joined(second, empty)
    empty = empty and not second
    async for texts in rest:
        yield _joined(texts, empty)
        empty = empty and not texts
    yield "]"


def _joined(texts: Sequence[str], first: bool) -> str:
    return ("" if first or not texts else ", ") + ", ".join(texts)
