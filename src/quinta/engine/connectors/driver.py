"""What a driver is, and what it is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from quinta.core.models.model import Field
from quinta.core.reasons import Reason

CONNECT_SECONDS = 10.0
WRITE_SECONDS = 30.0


class StoreFailure(Exception):
    """A store could not be reached, or refused. The message is a sentence for the project's log, without secrets once
    ``redaction.redacted`` has seen it. ``passing``: trying again may help."""

    def __init__(self, reason: Reason, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Place:
    """Where to write, with secrets in the clear: parameters by name as core.connectors.catalogue has them."""

    credentials: Mapping[str, str]
    configuration: Mapping[str, str]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What to write: a value for each field, or a file under the name that it has in the store.

    ``id`` is the same in each try, for stores that can tell by it what they have already.
    """

    id: str
    values: Mapping[str, Any]
    path: Path | None = None
    file_name: str = ""


class Driver(Protocol):
    """One type of store. Everything raises StoreFailure, and takes bounded time."""

    async def check_credentials(self, credentials: Mapping[str, str]) -> None:
        """Whether the store knows who signs in."""
        ...

    async def check(self, place: Place) -> None:
        """Whether messages can be written there."""
        ...

    async def write(self, place: Place, message: Message) -> None: ...


def reason_of_status(status: int) -> Reason:
    """What a store that speaks HTTP means by the status of a refusal."""
    known = {
        401: Reason.CREDENTIALS_REFUSED,
        403: Reason.PERMISSION_MISSING,
        404: Reason.PLACE_MISSING,
        408: Reason.STORE_TIMEOUT,
        413: Reason.VALUE_REJECTED,
        425: Reason.STORE_BUSY,
        429: Reason.STORE_BUSY,
        504: Reason.STORE_TIMEOUT,
    }
    return known.get(status) or (Reason.STORE_BUSY if status >= 500 else Reason.STORE_REFUSED)


def needed(module: str, extra: str) -> ModuleType:
    """The module of an optional package; StoreFailure with the command that installs it when it is missing.

    Imported at the first use: most servers have few types of connectors, and some packages take a second.
    """
    try:
        return import_module(module)
    except ImportError:
        raise StoreFailure(
            Reason.DRIVER_MISSING,
            f"this server has no driver for that: its operator can install one (pip install 'quinta[{extra}]')",
        ) from None
