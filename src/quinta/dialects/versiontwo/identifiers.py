"""Ids on the wire: a prefix that says what it is of, and the row's UUID in base32 (contract versiontwo 2)."""

from __future__ import annotations

from enum import StrEnum

from quinta.core.errors import NotFound
from quinta.kit.ids import parse_short_id, short_id


class Noun(StrEnum):
    """What has an id, by its prefix."""

    PROJECT = "proj"
    WORKSPACE = "ws"
    DEPLOYMENT = "dep"
    KEY = "key"
    WEBHOOK = "wh"
    DELIVERY = "whd"
    EVENT = "evt"


_WORDS = {
    Noun.PROJECT: "project",
    Noun.WORKSPACE: "workspace",
    Noun.DEPLOYMENT: "deployment",
    Noun.KEY: "API key",
    Noun.WEBHOOK: "webhook",
    Noun.DELIVERY: "delivery",
    Noun.EVENT: "event",
}


def wire_id(noun: Noun, row_id: str) -> str:
    """The id on the wire of the row with the UUID ``row_id``."""
    return f"{noun}_{short_id(row_id)}"


def row_id(noun: Noun, text: str) -> str:
    """The UUID of the row that is ``text`` on the wire; NotFound for what is no id of a ``noun``."""
    prefix, _, rest = text.partition("_")
    found = parse_short_id(rest) if prefix == noun else None
    if found is None:
        raise NotFound(f"there is no {_WORDS[noun]} with this id; its ids begin with '{noun}_'")
    return found
