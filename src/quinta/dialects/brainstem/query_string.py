"""The query string as pairs, within limits."""

from __future__ import annotations

from urllib.parse import parse_qsl

from quinta.dialects.brainstem.errors import bad_request

MOST_PARAMETERS = 1_000

Pairs = list[tuple[str, str]]


def pairs_of(query: bytes) -> Pairs:
    """Names and values, decoded, in their order. Braces and brackets may stand there encoded or as they are.

    NUL, which databases refuse, becomes U+FFFD, as do bytes that are no UTF-8: no name holds it. A refusal when there
    is more than any client sends; how long a query is, the server has bounded with the rest of the head.
    """
    text = query.decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise bad_request(f"The query has more than {MOST_PARAMETERS} parameters.") from None
    return [(name.replace("\0", "\ufffd"), value.replace("\0", "\ufffd")) for name, value in pairs]


def values_of(pairs: Pairs, name: str) -> list[str]:
    return [value for key, value in pairs if key == name]


def last_of(pairs: Pairs, name: str) -> str | None:
    """The last value of a parameter, as DRF takes it; None where it is not given."""
    return next((value for key, value in reversed(pairs) if key == name), None)
