"""Keeps secrets out of what drivers say: their exceptions may hold connection strings, keys and signed addresses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

from quinta.core.connectors.catalogue import ParameterRule

MAXIMUM_TEXT = 400
_SHORTEST = 4
"""Shorter values are part of ordinary words: taking them out would say more about them than leaving them in."""
_PUBLIC_MEMBERS = frozenset({"type", "project_id", "client_email", "auth_uri", "token_uri", "universe_domain"})
_PUBLIC_PARTS = frozenset(
    {"accountname", "blobendpoint", "defaultendpointsprotocol", "endpointsuffix", "queueendpoint", "tableendpoint"}
)
_SIGNATURES = re.compile(r"(?i)\b(sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature)=[^&\s\"']+")


def redacted(text: str, rules: Iterable[ParameterRule], values: Mapping[str, str]) -> str:
    """``text`` on one line of at most 400 characters, with everything secret in ``values`` replaced by ``***``."""
    hidden = {
        form
        for rule in rules
        if rule.protected
        for secret in _secrets(values.get(rule.name, ""))
        for form in _forms(secret)
        if len(form) >= _SHORTEST
    }
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, "***")
    line = " ".join(_SIGNATURES.sub(r"\1=***", text).split())
    return line if len(line) <= MAXIMUM_TEXT else f"{line[: MAXIMUM_TEXT - 2]} …"


def _secrets(value: str) -> Iterator[str]:
    """The value, and the secret parts of a key file or a connection string."""
    yield value
    try:
        members = json.loads(value)
    except ValueError:
        members = None
    if isinstance(members, dict):
        for name, member in members.items():
            if isinstance(member, str) and name not in _PUBLIC_MEMBERS:
                yield member
        return
    for part in value.split(";"):
        name, _, rest = part.partition("=")
        if rest and name.strip().lower() not in _PUBLIC_PARTS:
            yield rest


def _forms(secret: str) -> Iterator[str]:
    """As it is, as addresses spell it, as JSON and Python spell it."""
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
