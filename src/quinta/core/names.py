"""Rules for the names and texts that people choose (contract ubiops 5.3)."""

from __future__ import annotations

import re

from quinta.core.errors import InvalidInput

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VERSION = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z](?:[A-Za-z_]{0,62}[A-Za-z])?")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
MAXIMUM_DESCRIPTION = 200


def check_name(value: str, noun: str) -> str:
    """``value`` if it can name an organization, project or model: lower-case letters, digits, dashes; 1 to 64."""
    if not _NAME.fullmatch(value):
        raise InvalidInput(
            f"{_quoted(value)} cannot be the name of {noun}: 1 to 64 lower-case letters, digits and dashes (-), "
            "the first a letter",
            field="name",
        )
    return value


def check_version_name(value: str) -> str:
    """Like check_name, with ``.`` and ``_`` too."""
    if not _VERSION.fullmatch(value):
        raise InvalidInput(
            f"{_quoted(value)} cannot be the name of a version: 1 to 64 lower-case letters, digits, dashes (-), "
            "dots and underscores, the first a letter",
            field="version",
        )
    return value


def check_field_name(value: str) -> str:
    if not _FIELD.fullmatch(value):
        raise InvalidInput(
            f"{_quoted(value)} cannot be the name of a field: 1 to 64 letters, digits, underscores and dashes, "
            "the first a letter",
            field="name",
        )
    return value


def check_variable_name(value: str) -> str:
    """Digits are not in the rule (contract ubiops 10.30)."""
    if not _VARIABLE.fullmatch(value):
        raise InvalidInput(
            f"{_quoted(value)} cannot be the name of an environment variable: 1 to 64 letters and underscores, "
            "the first and the last a letter",
            field="name",
        )
    return value


def check_description(value: str) -> str:
    if len(value) > MAXIMUM_DESCRIPTION:
        raise InvalidInput(
            f"the description has {len(value)} characters; at most {MAXIMUM_DESCRIPTION} are kept", field="description"
        )
    return value


def check_email(value: str) -> str:
    """The address in lower case, by which it is unique; 254 characters at most."""
    email = value.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise InvalidInput("the email is not an address of the form name@host (254 characters at most)", field="email")
    return email


def check_personal_name(value: str | None, field: str) -> str | None:
    """A name of a person or service user: 256 characters at most; an empty one is none."""
    if value is not None and len(value) > 256:
        raise InvalidInput(f"the {field} has {len(value)} characters; 256 at most", field=field)
    return value or None


def _quoted(value: str) -> str:
    """The value for a message: cut, since it may be of any length."""
    return f"'{value}'" if len(value) <= 80 else f"'{value[:77]}...'"
