"""Why a build ends without a package that can run. Both are the fault of what was uploaded, not of the server."""

from __future__ import annotations

from typing import Final

from quinta.core.reasons import Reason

MESSAGE_LENGTH: Final = 500
"""Longest ``message`` in characters: clients refuse longer ones (contract ubiops 0, rule 8)."""


class BuildError(Exception):
    """Base of both. ``message`` is a sentence for the person who uploaded the package, at most 500 characters."""

    def __init__(self, reason: Reason, message: str) -> None:
        if len(message) > MESSAGE_LENGTH:
            message = message[: MESSAGE_LENGTH - 1] + "…"
        super().__init__(message)
        self.reason = reason
        self.message = message


class PackageRejected(BuildError):
    """The archive, or the package in it, is not acceptable; nothing of it was kept."""


class BuildFailed(BuildError):
    """The package is fine, but its environment could not be made; the build log has the whole story."""
