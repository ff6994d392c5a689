"""What callers name by id, uuid or name, as it suits them (contract dq0 4.1)."""

from __future__ import annotations

from collections.abc import Mapping

from quinta.core.access.references import Reference
from quinta.core.datasets.sight import DatasetReference
from quinta.core.errors import InvalidInput, NotFound
from quinta.dialects.dq0.listing import number_in
from quinta.dialects.dq0.members import Members
from quinta.kit.ids import parse_id

_LONGEST_NUMBER = 19


def role_in(members: Members, path: str = "") -> Reference:
    """The role that a body is about, or the one of the path."""
    return _reference(members, "role", path)


def group_in(members: Members, path: str = "") -> Reference:
    return _reference(members, "group", path)


def user_in(members: Members, path: str = "") -> Reference:
    """The name of a user is its e-mail, which stands in ``user_email``, or ``user_name`` as in lists."""
    number = number_of(path, "user") if path else members.integer("user_id")
    return Reference(number, members.text("user_email") or members.text("user_name") or None)


def user_if_any(members: Members) -> Reference | None:
    """None where the body is about nobody, which is everybody."""
    user = user_in(members)
    return user if user.number or user.name else None


def dataset_in(members: Members, path: str = "") -> DatasetReference:
    """The dataset of the body; what the path says, a uuid, must not contradict it."""
    found = members.text("data_uuid")
    if path and found and parse_id(path) != parse_id(found):
        raise InvalidInput("data_uuid is of another dataset than the path", field="data_uuid")
    return DatasetReference(
        number=members.integer("data_id"), name=members.text("data_name"), id=_uuid_text(path or found)
    )


def dataset_asked(query: Mapping[str, str]) -> DatasetReference | None:
    """The dataset that a list is filtered by; None for all."""
    reference = DatasetReference(
        number=number_in(query, "data_id"),
        name=query.get("data_name", "").replace("\0", "\ufffd"),
        id=_uuid_text(query.get("data_uuid", "")),
    )
    return reference if reference.number or reference.name or reference.id else None


def number_of(text: str, noun: str) -> int:
    """The number in a path; NotFound where it is none."""
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_NUMBER:
        raise NotFound(f"there is no {noun} '{text[:80]}': {noun}s are known by numbers", field=f"{noun}_id")
    return int(text)


def uuid_of(text: str, noun: str) -> str:
    """The id in a path or a body; NotFound where it is none."""
    found = parse_id(text)
    if found is None:
        raise NotFound(f"there is no such {noun}", field=f"{noun}_uuid")
    return found


def uuid_asked(query: Mapping[str, str], name: str) -> str | None:
    """The id that a list is filtered by; None where nothing is said. InvalidInput where it is none."""
    if not (text := query.get(name, "")):
        return None
    found = parse_id(text)
    if found is None:
        raise InvalidInput(f"'{name}' must be a UUID", field=name)
    return found


def _reference(members: Members, noun: str, path: str) -> Reference:
    number = members.integer(f"{noun}_id")
    if path:
        in_path = number_of(path, noun)
        if number not in (0, in_path):
            raise InvalidInput(f"{noun}_id is of another {noun} than the path", field=f"{noun}_id")
        number = in_path
    return Reference(number, members.text(f"{noun}_name") or None)


def _uuid_text(text: str) -> str:
    """In the form that it is kept in; a text that is no UUID finds nothing."""
    return parse_id(text) or text.replace("\0", "\ufffd")
