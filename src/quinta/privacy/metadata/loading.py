"""YAML from outside: plain values, within limits (contract dq0 6.1)."""

from __future__ import annotations

from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from quinta.privacy.metadata.group import refused

MAXIMUM_BYTES: Final = 2**20
"""Reading takes about 12 s a MiB; the largest file of the SDK's examples has 640 KB."""
MAXIMUM_DEPTH: Final = 32
"""Nodes in nodes; the full format needs 18."""


class _Composer(Composer):
    """Without aliases: nine lines of them stand for a billion nodes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.parser.check_event(AliasEvent):
            line = self.parser.peek_event().start_mark.line + 1
            raise refused(f"line {line}", "aliases (*name) are not taken: write the value out")
        return super().compose_node(parent, index)


def load_yaml(text: str) -> Any:
    """The value of a YAML 1.2 document: mappings, lists, texts, numbers, booleans, dates and null.

    InvalidInput, field ``meta``, for what is no such document, has an alias, a tag of a foreign type or a key twice, or
    is over a limit. What it says holds no value of the document: one may be a password.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAXIMUM_BYTES:
        raise refused("", f"the text is over the limit of {MAXIMUM_BYTES} bytes")
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    yaml.max_depth = MAXIMUM_DEPTH
    try:
        return yaml.load(text)
    except DuplicateKeyError as error:
        raise refused(_line(error), "a key stands there twice in one mapping") from None
    except MaxDepthExceededError as error:
        raise refused(_line(error), f"nested deeper than {MAXIMUM_DEPTH} levels") from None
    except MarkedYAMLError as error:
        raise refused(_line(error), f"this is not YAML that can be read: {error.problem or error.context}") from None
    except YAMLError:  # a character that YAML does not have
        raise refused("", "the text has characters that YAML does not take") from None
    except (ValueError, TypeError, OverflowError):  # a date such as 2020-13-45, a number of 5,000 digits, a list as key
        raise refused("", "the text has a number, a date or a key that cannot be read") from None


def _line(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"
