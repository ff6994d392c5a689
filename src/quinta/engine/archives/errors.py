"""Why an archive is not taken."""

from __future__ import annotations

from quinta.core.reasons import Reason


class ArchiveRefused(Exception):
    """The archive breaks a rule; ``message`` is a sentence for the person who made it."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class NotAnArchive(ArchiveRefused):
    """The file is not a zip archive at all, or its end is missing."""
