"""Both styles of pages: ``limit`` and ``offset``, ``page`` and ``per_page`` (contract brainstem 9.4)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request

from quinta.dialects.brainstem.query_string import Pairs, last_of

_DEFAULT = 20
_MOST = 100
_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class Paging:
    """The part of a list that is asked for. ``limit`` None: all of it. ``by_number``: in the style of ``page``."""

    limit: int | None = None
    offset: int = 0
    by_number: bool = False

    def about(self, total: int, request: Request, pairs: Pairs) -> dict[str, object]:
        """The members that tell of the part, of a list that has ``total`` items in all.

        An HTTPException with 404 for the number of a page that is not there.
        """
        size = total if self.limit is None else self.limit
        page = 1 if self.limit is None else self.offset // self.limit + 1
        pages = max(1, -(-total // size)) if size else 1
        if self.by_number and page > pages:
            raise HTTPException(404, "Invalid page.")
        following = self.offset + size < total
        preceding = self.offset > 0
        return {
            "count": total,
            "next": self._link(request, pairs, self.offset + size, page + 1) if following else None,
            "previous": self._link(request, pairs, self.offset - size, page - 1) if preceding else None,
            "meta": {"page": page, "per_page": size, "total_results": total, "total_pages": pages},
        }

    def _link(self, request: Request, pairs: Pairs, offset: int, page: int) -> str:
        """The address of another part; the first one needs no mark of where it begins."""
        kept = [pair for pair in pairs if pair[0] not in ("limit", "offset", "page", "per_page")]
        if self.by_number:
            kept += [("per_page", str(self.limit)), ("page", str(page))]
        else:
            kept += [("limit", str(self.limit)), *([("offset", str(offset))] if offset > 0 else [])]
        path = request.scope.get("raw_path", request.scope["path"].encode()).decode("ascii", "replace")
        return f"{request.url.scheme}://{request.url.netloc}{path.partition('?')[0]}?{urlencode(kept)}"


def paging_of(pairs: Pairs) -> Paging:
    """The part that a query asks for: without any word of it, all of it.

    What cannot be used is as if it was not given, but for the number of a page: an HTTPException with 404.
    """
    limit, offset, page, per_page = (last_of(pairs, name) for name in ("limit", "offset", "page", "per_page"))
    if limit is not None or offset is not None:
        return Paging(min(_natural(limit, 1) or _DEFAULT, _MOST), min(_natural(offset, 0) or 0, _LARGEST))
    if page is None and per_page is None:
        return Paging()
    size = min(_natural(per_page, 1) or _DEFAULT, _MOST)
    number = 1 if page is None else _natural(page, 1)
    if number is None:
        raise HTTPException(404, "Invalid page.")
    return Paging(size, min((number - 1) * size, _LARGEST), by_number=True)


def _natural(text: str | None, least: int) -> int | None:
    """A whole number of at least ``least``; None for anything else. Thousands of digits are no number."""
    try:
        number = int(text or "")
    except ValueError:
        return None
    return number if number >= least else None
