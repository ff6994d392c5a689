"""The one family of errors that the core raises (decision 0004).

    QuintaError
    ├── InvalidInput          what the caller sent breaks a rule: wrong type, unknown member, bad reference
    ├── NotAuthenticated      no credentials, or none that we know
    ├── NotPermitted          the caller may see the object, but not do this with it
    ├── NotFound              the object does not exist, or the caller may not know that it does
    ├── AlreadyExists         a name is taken
    ├── StateConflict         the object's state forbids this now: in use, not available yet, last of its kind
    ├── LimitReached          a count or quota of the subscription is used up
    ├── TooLarge              a body, an upload or a value is over its limit
    ├── TooManyRequests       more waits already than may, or this caller has asked too often: waiting helps
    └── Unavailable           the server cannot do this at the moment; trying again later may help

Errors carry no HTTP status: each dialect has a table from ``code`` to its own answer, and a test demands a row for
every class here in every dialect.
"""

from __future__ import annotations

from typing import ClassVar

from quinta.core.reasons import Reason


class QuintaError(Exception):
    """Base of the family.

    ``message`` is a sentence for the person who made the call; ``field`` names the member it is about, if any.
    ``reason`` is why a request fails when this ends one that was accepted, where the error knows.

    For the audit trail alone, and never for the caller (decision 0024): ``refusal`` says whether somebody was kept from
    something; without it, ``refuses`` of the class does. ``project_id`` and ``organization_id`` say where, if known.
    """

    code: ClassVar[str] = "error"
    refuses: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        reason: Reason | None = None,
        refusal: bool | None = None,
        project_id: str | None = None,
        organization_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.reason = reason
        self.is_refusal = self.refuses if refusal is None else refusal
        self.project_id = project_id
        self.organization_id = organization_id


class InvalidInput(QuintaError):
    code = "invalid_input"


class NotAuthenticated(QuintaError):
    """``refusal`` is False where no credentials were shown at all."""

    code = "not_authenticated"
    refuses = True


class NotPermitted(QuintaError):
    code = "not_permitted"
    refuses = True


class NotFound(QuintaError):
    """``refusal`` is True where it hides something that is there."""

    code = "not_found"


class AlreadyExists(QuintaError):
    code = "already_exists"


class StateConflict(QuintaError):
    code = "state_conflict"


class LimitReached(QuintaError):
    code = "limit_reached"


class TooLarge(QuintaError):
    code = "too_large"


class TooManyRequests(QuintaError):
    """``wait_seconds`` is after how long trying again may help, where that is known."""

    code = "too_many_requests"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        reason: Reason | None = None,
        refusal: bool | None = None,
        wait_seconds: int | None = None,
    ) -> None:
        super().__init__(message, field=field, reason=reason, refusal=refusal)
        self.wait_seconds = wait_seconds


class Unavailable(QuintaError):
    code = "unavailable"
