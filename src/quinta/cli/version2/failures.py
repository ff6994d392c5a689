"""How a command ends: the exit codes of the English reference (contract versiontwo 8), and failures that carry one."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Not found, refused values, conflicts and failed deployments are GENERAL; a time-out is NETWORK."""

    OK = 0
    GENERAL = 1
    USAGE = 2
    CONFIGURATION = 3
    NETWORK = 4
    AUTHENTICATION = 5
    PERMISSION = 6


class Failure(Exception):
    """Ends the command with ``code`` after one line on standard error: what was wrong, where, what to do."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ApiFailure(Failure):
    """The server refused: ``status`` is HTTP's, ``name`` the ``error.code`` of its answer."""

    def __init__(self, status: int, name: str, message: str) -> None:
        codes = {401: ExitCode.AUTHENTICATION, 403: ExitCode.PERMISSION}
        super().__init__(codes.get(status, ExitCode.GENERAL), message)
        self.status = status
        self.name = name
