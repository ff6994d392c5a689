"""What answers look like (contract brainstem 6, 7, 8)."""

from __future__ import annotations

from pydantic import BaseModel


class Detail(BaseModel):
    """Most refusals."""

    detail: str
