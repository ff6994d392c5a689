"""Rules for the names and texts that people choose (contract ubiops 5.3)."""

from __future__ import annotations

import re
import unicodedata

from quinta.core.errors import InvalidInput

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VERSION = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z](?:[A-Za-z_]{0,62}[A-Za-z])?")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
MAXIMUM_NAME = 64
MAXIMUM_HEADER_NAME = 200
MAXIMUM_GROUP_NAME = 150
MAXIMUM_DESCRIPTION = 200
MAXIMUM_TITLE = 100


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


def check_header_name(value: str, noun: str) -> str:
    """``value`` if it can name a client or an application: any text that comes out of a header as it went in (contract
    vbrain 2), so printable, without a blank at either end; 1 to 200 characters."""
    if not 1 <= len(value) <= MAXIMUM_HEADER_NAME or not value.isprintable() or value != value.strip():
        raise InvalidInput(
            f"{_quoted(value)} cannot be the name of {noun}: 1 to {MAXIMUM_HEADER_NAME} printable characters, "
            "the first and the last no blank",
            field="name",
        )
    return value


def check_group_name(value: str) -> str:
    """``value`` without the blanks at its ends, if it can name a group: 1 to 150 printable characters, as many as the
    groups of Django have, which these are to their callers (contract brainstem 10)."""
    name = value.strip()
    if not 1 <= len(name) <= MAXIMUM_GROUP_NAME or not name.isprintable():
        raise InvalidInput(
            f"{_quoted(value)} cannot be the name of a group: 1 to {MAXIMUM_GROUP_NAME} printable characters",
            field="name",
        )
    return name


def check_title(value: str, noun: str) -> str:
    """``value`` without the blanks at its ends, if it can be the title of a project or the name of a workspace: 1 to
    100 printable characters (contract versiontwo 5.1)."""
    title = value.strip()
    if not 1 <= len(title) <= MAXIMUM_TITLE or not title.isprintable():
        raise InvalidInput(
            f"{_quoted(title)} cannot be the name of {noun}: 1 to {MAXIMUM_TITLE} printable characters", field="name"
        )
    return title


def name_from(text: str, fallback: str) -> str:
    """What check_name allows, as near to ``text`` as can be: accents go, anything else foreign becomes a dash.
    ``fallback`` where nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not name[:1].isalpha():
        name = f"{fallback}-{name}" if name else fallback
    return name[:MAXIMUM_NAME].rstrip("-")


def numbered(name: str, number: int) -> str:
    """The name for the first, ``name-2`` for the second that would have it, and so on; 64 characters at most."""
    end = "" if number == 1 else f"-{number}"
    return name[: MAXIMUM_NAME - len(end)].rstrip("-") + end


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
