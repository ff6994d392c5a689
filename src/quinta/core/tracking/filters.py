"""MLflow's language of filters and orders, as much as its own stores take (mlflow 3.17, docs "Search Runs").

filter    = condition { "AND" condition }
condition = name operator value | name ["NOT"] "IN" "(" text { "," text } ")" | name "IS" ["NOT"] "NULL"
name      = [ kind "." ] key        key: a word, or anything in backticks or double quotes
order     = name [ "ASC" | "DESC" ]
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from quinta.core.errors import InvalidInput
from quinta.core.tracking.conditions import Condition, Kind, Operator, Order

LONGEST_FILTER = 10_000
MOST_CONDITIONS = 100


@dataclass(frozen=True, slots=True)
class Language:
    """Which attributes there are: by the names that callers use, in lower case, the name of the value; ``numbers`` are
    numbers, the others texts. ``kinds``: what else there is."""

    attributes: Mapping[str, str]
    numbers: frozenset[str]
    kinds: frozenset[Kind]


_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), Kind.ATTRIBUTE),
    **dict.fromkeys(("metric", "metrics"), Kind.METRIC),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), Kind.PARAM),
    **dict.fromkeys(("tag", "tags"), Kind.TAG),
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'[^']*'|"[^"]*")|(?P<tick>`[^`]*`)|(?P<operator><=|>=|!=|<>|=|<|>)|(?P<mark>[(),])"""
    r"""|(?P<word>[^\s'"`<>=!(),]+))"""
)
_ORDERED = frozenset({Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST})
_EXACT = frozenset({Operator.EQUAL, Operator.DIFFERENT})
_TEXTUAL = _EXACT | {Operator.LIKE, Operator.ILIKE}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def parse_filter(text: str, language: Language) -> list[Condition]:
    """The conditions, all of which must hold. InvalidInput (``filter``) says what is wrong and where."""
    if len(text) > LONGEST_FILTER:
        raise InvalidInput(f"the filter has {len(text)} characters; at most {LONGEST_FILTER}", field="filter")
    reader = _Reader(text, "filter")
    conditions: list[Condition] = []
    while reader.peek() is not None:
        if conditions:
            reader.keyword("AND")
        if len(conditions) == MOST_CONDITIONS:
            raise reader.refusal(f"more than {MOST_CONDITIONS} conditions")
        conditions.append(_condition(reader, language))
    return conditions


def parse_order(text: str, language: Language) -> Order:
    """InvalidInput (``order_by``) says what is wrong."""
    if len(text) > LONGEST_FILTER:
        raise InvalidInput(f"the order has {len(text)} characters; at most {LONGEST_FILTER}", field="order_by")
    reader = _Reader(text, "order_by")
    kind, key = _name(reader, language)
    descending = reader.has_keyword("DESC")
    if not descending:
        reader.has_keyword("ASC")
    if (more := reader.peek()) is not None:
        raise reader.refusal(f"ASC, DESC or the end is expected, not '{more.text[:40]}'")
    return Order(kind, key, descending)


def _condition(reader: _Reader, language: Language) -> Condition:
    kind, key = _name(reader, language)
    numeric = kind is Kind.METRIC or (kind is Kind.ATTRIBUTE and key in language.numbers)
    operator = _operator(reader)
    if operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
        if kind not in (Kind.PARAM, Kind.TAG):
            raise reader.refusal(f"{operator} is for parameters and tags")
        return Condition(kind, key, operator)
    allowed = _ORDERED | _EXACT if numeric else _TEXTUAL
    if operator in (Operator.IN, Operator.NOT_IN):
        if kind is not Kind.ATTRIBUTE or numeric:
            raise reader.refusal(f"{operator} is for attributes that are texts")
        return Condition(kind, key, operator, tuple(_texts(reader)))
    if operator not in allowed:
        raise reader.refusal(
            f"'{key[:40]}' cannot be compared by {operator}: {', '.join(sorted(allowed))} are possible"
        )
    return Condition(kind, key, operator, _number(reader) if numeric else _text(reader))


def _name(reader: _Reader, language: Language) -> tuple[Kind, str]:
    token = reader.next("the name of a metric, parameter, tag or attribute")
    kind, key = Kind.ATTRIBUTE, token.text
    if token.kind == "word":
        first, dot, rest = token.text.partition(".")
        known = _KINDS.get(first.lower())
        if dot and known is not None:
            kind = known
            key = rest or reader.quoted(f"the name after '{first}.'")
        elif dot:
            raise reader.refusal(f"'{first[:40]}' is no kind: metrics, params, tags and attributes are")
    elif token.kind not in ("tick", "string"):
        raise reader.refusal(f"a name is expected, not '{token.text[:40]}'")
    if kind is Kind.ATTRIBUTE:
        known_as = language.attributes.get(key.lower())
        if known_as is None:
            raise reader.refusal(f"there is no attribute '{key[:40]}': {', '.join(sorted(language.attributes))} are")
        return kind, known_as
    if kind not in language.kinds:
        raise reader.refusal(f"nothing here has a {kind}")
    return kind, key


def _operator(reader: _Reader) -> Operator:
    token = reader.next("an operator")
    text = token.text.upper()
    if token.kind == "operator":
        return Operator.DIFFERENT if text == "<>" else Operator(text)
    if token.kind == "word" and text in ("LIKE", "ILIKE", "IN"):
        return Operator(text)
    if token.kind == "word" and text == "NOT":
        reader.keyword("IN")
        return Operator.NOT_IN
    if token.kind == "word" and text == "IS":
        denied = reader.has_keyword("NOT")
        reader.keyword("NULL")
        return Operator.IS_NOT_NULL if denied else Operator.IS_NULL
    raise reader.refusal(f"an operator is expected, not '{token.text[:40]}'")


def _text(reader: _Reader) -> str:
    token = reader.next("a text in quotes")
    if token.kind != "string":
        raise reader.refusal(f"a text in quotes is expected, not '{token.text[:40]}'")
    return token.text


def _texts(reader: _Reader) -> Iterator[str]:
    reader.mark("(")
    while True:
        yield _text(reader)
        if not reader.has_mark(","):
            break
    reader.mark(")")


def _number(reader: _Reader) -> float:
    token = reader.next("a number")
    try:
        number = float(token.text) if token.kind == "word" else math.nan
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise reader.refusal(f"a number is expected, not '{token.text[:40]}'")
    return number


class _Reader:
    """The tokens of a text, one after the other. ``field`` is what a refusal is about."""

    def __init__(self, text: str, field: str) -> None:
        self._field = field
        self._tokens: list[_Token] = []
        self._at = 0
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise self.refusal(f"it cannot be read from '{text[at : at + 40].strip()}' on")
            kind, token = found.lastgroup, found[found.lastgroup]
            self._tokens.append(_Token(kind, token[1:-1] if kind in ("string", "tick") else token))
            at = found.end()

    def peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def next(self, wanted: str) -> _Token:
        token = self.peek()
        if token is None:
            raise self.refusal(f"it ends where {wanted} is expected")
        self._at += 1
        return token

    def quoted(self, wanted: str) -> str:
        token = self.next(wanted)
        if token.kind not in ("tick", "string"):
            raise self.refusal(f"{wanted} is expected, not '{token.text[:40]}'")
        return token.text

    def has_keyword(self, keyword: str) -> bool:
        token = self.peek()
        found = token is not None and token.kind == "word" and token.text.upper() == keyword
        self._at += found
        return found

    def keyword(self, keyword: str) -> None:
        if not self.has_keyword(keyword):
            raise self._expected(keyword)

    def has_mark(self, mark: str) -> bool:
        found = self.peek() == _Token("mark", mark)
        self._at += found
        return found

    def mark(self, mark: str) -> None:
        if not self.has_mark(mark):
            raise self._expected(f"'{mark}'")

    def refusal(self, sentence: str) -> InvalidInput:
        return InvalidInput(f"the {self._field} cannot be understood: {sentence}", field=self._field)

    def _expected(self, wanted: str) -> InvalidInput:
        token = self.peek()
        return self.refusal(f"{wanted} is expected, not " + ("its end" if token is None else f"'{token.text[:40]}'"))
