"""Which of its two languages a call is answered in (contract versiontwo 3)."""

from __future__ import annotations

from enum import StrEnum

_MOST_RANGES = 50


class Language(StrEnum):
    ENGLISH = "en"
    PORTUGUESE = "pt"


def language_of(accepted: str) -> Language:
    """The one that the value of an ``Accept-Language`` header prefers; English where it names neither."""
    ranges = [_weighed(item) for item in accepted.split(",")[:_MOST_RANGES]]
    for tag, weight in sorted(ranges, key=lambda item: -item[1]):  # stable: the first one wins among equals
        if weight <= 0:
            break
        if tag == "*":
            return Language.ENGLISH
        for language in Language:
            if tag.partition("-")[0] == language:
                return language
    return Language.ENGLISH


def _weighed(item: str) -> tuple[str, float]:
    tag, _, parameter = item.partition(";")
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return tag.strip().lower(), 1.0
    try:
        return tag.strip().lower(), float(value)
    except ValueError:
        return tag.strip().lower(), 0.0
