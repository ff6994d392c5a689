"""How grave a log line is, by what stands at its beginning (contract versiontwo 5.5, decision 0032).

Code says it in the form of whatever library it logs with; the platform's own lines say it by how they end.
"""

from __future__ import annotations

import re
from typing import Final

from quinta.core.observation.model import LogLevel
from quinta.core.reasons import Reason

_LOOKED_AT: Final = 400
"""Characters of a line in which its level stands, but for JSON."""

_LEVELS: Final = {
    "trace": LogLevel.DEBUG,
    "debug": LogLevel.DEBUG,
    "info": LogLevel.INFO,
    "notice": LogLevel.INFO,
    "success": LogLevel.INFO,
    "warn": LogLevel.WARN,
    "warning": LogLevel.WARN,
    "err": LogLevel.ERROR,
    "error": LogLevel.ERROR,
    "critical": LogLevel.ERROR,
    "fatal": LogLevel.ERROR,
    "alert": LogLevel.ERROR,
    "emergency": LogLevel.ERROR,
}
_LETTERS: Final = {
    "D": LogLevel.DEBUG,
    "I": LogLevel.INFO,
    "W": LogLevel.WARN,
    "E": LogLevel.ERROR,
    "F": LogLevel.ERROR,
}

_WORDS: Final = "|".join(sorted(_LEVELS, key=len, reverse=True))
_MOMENT: Final = (
    r"[\[(]?(?:\d{4}[-/.]\d\d[-/.]\d\d[T ]?)?(?:\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?: ?[-+]\d\d:?\d\d|Z)?)?[\])]?"
)
_BEGINNING: Final = re.compile(
    rf"(?:(?P<moment>(?=[\[(]?\d){_MOMENT})[ |:-]{{0,4}})?"
    r"(?:\[\d{1,10}\] )?"  # the process, as gunicorn has it
    r"(?:"
    rf"[\[(<] ?(?P<bracketed>(?i:{_WORDS}))(?:/[\w-]{{0,60}})? {{0,10}}[\])>]"
    rf"|(?P<capitals>{_WORDS.upper()})(?![\w'/-])"
    rf"|(?P<colon>(?i:{_WORDS})) ?:"
    # Behind a moment: the names of a logger or a thread come before the level, or one letter stands for it.
    rf"|(?(moment)(?:\S{{1,60}} {{1,16}}){{1,3}}?\[?(?P<named>{_WORDS.upper()})(?![\w'/-])|(?!))"
    r"|(?(moment)(?P<letter>[DIWEF]) \S*/|(?P<glog>[DIWEF])\d{4} \d\d:\d\d:\d\d)"
    rf"|(?:(?:time|ts|t)=(?:\"[^\"]{{0,40}}\"|\S{{0,40}}) )?(?:level|lvl|severity)=\"?(?P<pair>(?i:{_WORDS}))\b"
    r"|\S{1,200}\.py:\d{1,9}: (?P<warning>\w*Warning): "
    r")"
)
_JSON: Final = re.compile(rf'"(?:level|levelname|level_name|log\.level|severity|lvl)"\s*:\s*"((?i:{_WORDS}))"')
_TRACEBACK: Final = re.compile(r"\s{0,40}(?:\+ Exception Group )?Traceback \(most recent call last\):")
_BETWEEN: Final = ("During handling of the above exception", "The above exception was the direct cause")
_CODES: Final = frozenset(Reason)


def level_of(text: str) -> LogLevel | None:
    """What one line that code wrote says of its level; None when it says nothing."""
    if text.startswith("{"):
        found = _JSON.search(text)
        return None if found is None else _LEVELS[found[1].lower()]
    match = None if text.startswith((" ", "\t")) else _BEGINNING.match(text, 0, _LOOKED_AT)
    if match is None:
        return LogLevel.ERROR if _TRACEBACK.match(text) or text.startswith(_BETWEEN) else None
    if match.lastgroup == "warning":
        return LogLevel.WARN
    said = match[match.lastgroup or 0]
    return _LETTERS.get(said) or _LEVELS[said.lower()]


def level_of_platform(text: str) -> LogLevel:
    """The level of a line of the platform: error where it ends with the code of a failure, else what it begins with
    (what the installer of packages says is passed on), else info."""
    if text.endswith("]") and text[text.rfind("[") + 1 : -1] in _CODES:
        return LogLevel.ERROR
    return level_of(text) or LogLevel.INFO


class Levels:
    """The levels of the lines of one writer in their order: what belongs to a line above, as the lines of a traceback
    do, has its level."""

    __slots__ = ("_above", "_traceback")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """What comes has nothing to do with what was before."""
        self._above: LogLevel | None = None
        self._traceback = False

    def of(self, text: str) -> LogLevel | None:
        """The level of the next line, which is not empty."""
        level, inside = level_of(text), text[0] in " \t"
        if level is None and (inside or self._traceback):
            level = self._above
        # The line that ends a traceback is the first one that is not indented.
        self._traceback = (self._traceback and inside) or (level is LogLevel.ERROR and bool(_TRACEBACK.match(text)))
        self._above = level
        return level
