"""What a blob is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Blob:
    """A file with a limited life, kept in the object store under ``object_key``. ``size`` is in bytes."""

    id: str
    project_id: str
    file_name: str
    content_type: str
    size: int
    object_key: str
    ttl_seconds: int
    created_at: datetime
    expires_at: datetime
