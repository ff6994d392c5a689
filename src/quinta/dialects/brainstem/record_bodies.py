"""Bodies that make or change a data record (contract brainstem 6, 7, 8, 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quinta.core.files.model import DataRecord
from quinta.core.files.record_query import RecordField
from quinta.core.tenancy.groups import Groups
from quinta.core.unset import UNSET, Unset
from quinta.dialects.brainstem.bodies import Texts
from quinta.dialects.brainstem.calls import Visit
from quinta.dialects.brainstem.fields import Fields
from quinta.dialects.brainstem.vocabulary import GROUPS, Vocabulary

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 500
LONGEST_LOCATION = 100
_MOST_GROUPS = 1_000
_JSON = (RecordField.ORGANIZATION, RecordField.PROTOCOLS)


@dataclass(frozen=True, slots=True)
class RecordBody:
    """What was given, checked, by the core's names; UNSET is what was not."""

    name: str | Unset
    description: str | Unset
    is_public: bool | Unset
    organization: str | Unset | None
    protocols: str | Unset | None
    location: str | Unset
    groups: tuple[int, ...] | Unset

    @property
    def given(self) -> dict[str, Any]:
        members = {field: getattr(self, field) for field in self.__slots__}
        return {field: value for field, value in members.items() if value is not UNSET}


async def read_record(
    visit: Visit,
    words: Vocabulary,
    *,
    required: Sequence[str] = (),
    stored: DataRecord | None = None,
) -> RecordBody:
    """Reads the body of a call. BadRequest names all members that are wrong, with DRF's sentences.

    ``required`` are members that must be there; ``stored`` is the record that is changed.
    """
    names = [name for name, field in words.members.items() if field is not RecordField.ID]
    json_members = [name for name in names if words.members[name] in _JSON]
    texts = await visit.texts(names, wrapper=words.single, lists=(GROUPS,), json_members=json_members)
    plain = {name: text for name, text in texts.items() if name not in json_members}
    fields = Fields(await visit.values(plain))
    body = RecordBody(
        name=fields.text("name", required="name" in required, most=LONGEST_NAME),
        description=fields.text("description", blank=True, most=LONGEST_DESCRIPTION),
        is_public=fields.boolean("is_public"),
        organization=_json(fields, texts, words, RecordField.ORGANIZATION, stored),
        protocols=_json(fields, texts, words, RecordField.PROTOCOLS, stored),
        location=fields.text("location", blank=True, most=LONGEST_LOCATION),
        groups=await _groups(fields, visit.services.groups, required=GROUPS in required),
    )
    fields.check()
    return body


def _json(
    fields: Fields, texts: Texts, words: Vocabulary, field: RecordField, stored: DataRecord | None
) -> str | Unset | None:
    """The text of a JSON member, None for null.

    Where it has two names and both are given, as by whoever sends a whole record back, the one that differs from what
    is stored counts.
    """
    given = {name: texts[name] for name, known in words.members.items() if known is field and name in texts}
    if not given:
        return UNSET
    kept = "null" if stored is None else getattr(stored, field.value) or "null"
    changed = sorted({text for text in given.values() if text != kept})
    if len(changed) > 1:
        first, second = given
        fields.refuse(first, f'This field differs from "{second}": send one of them.')
    text = changed[0] if changed else kept
    return None if text == "null" else text


async def _groups(fields: Fields, groups: Groups, *, required: bool) -> tuple[int, ...] | Unset:
    value = fields.value(GROUPS, required=required)
    if isinstance(value, Unset):
        return UNSET
    # One group alone is what older tools make of a list of one (contract brainstem 6).
    items = value if isinstance(value, (list, dict)) else [value]
    if not items:
        fields.refuse(GROUPS, "This list may not be empty.")
        return UNSET
    if len(items) > _MOST_GROUPS:
        fields.refuse(GROUPS, f"Ensure this field has no more than {_MOST_GROUPS} elements.")
        return UNSET
    numbers = [None if isinstance(value, dict) else _number(item) for item in items]
    known = await groups.known([number for number in numbers if number is not None])
    for item, number in zip(items, numbers, strict=True):
        if number is None:
            fields.refuse(GROUPS, f"Incorrect type. Expected pk value, received {type(item).__name__}.")
            return UNSET
        if number not in known:
            fields.refuse(GROUPS, f'Invalid pk "{str(item)[:80]}" - object does not exist.')
            return UNSET
    return tuple(dict.fromkeys(number for number in numbers if number is not None))


def _number(item: object) -> int | None:
    """The number of a group, sent as a number or as text; None for what is neither."""
    if isinstance(item, bool) or not isinstance(item, (int, str)):
        return None
    try:
        return int(item)
    except ValueError:
        return None
