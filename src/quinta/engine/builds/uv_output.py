"""Reads what uv said: whether a wheel was missing, and why it failed, as a code and in one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from quinta.core.reasons import Reason

# Wording of uv 0.13; test_builds_environments installs a distribution without wheels and so notices when it changes.
_NO_WHEEL: Final = re.compile(r"no usable wheels|building (?:from source|source distributions) is disabled", re.I)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]+@")
_RESOLUTION: Final = re.compile(r"Because (.+), we can conclude that your requirements are unsatisfiable\.?")
_CONCLUSION: Final = "we can conclude"
_OWN_WORDS: Final = ("error: ", "  cause: ", "The build was over its memory")
# The first that is found anywhere in the output counts.
_CAUSES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE | re.MULTILINE), reason)
    for pattern, reason in (
        (r"^The build was over its memory", Reason.BUILD_MEMORY),
        (r"couldn't parse requirement|the wheel filename .* is invalid", Reason.REQUIREMENTS_UNREADABLE),
        (r"HTTP status client error \(404|distribution not found", Reason.REQUIREMENT_NOT_FOUND),
        (r"failed to fetch|request failed after|error sending request|git operation failed", Reason.INDEX_UNREACHABLE),
        (r"was not found in|there (?:is|are) no version|requires Python|satisfy Python", Reason.REQUIREMENT_NOT_FOUND),
        (r"no solution found", Reason.REQUIREMENT_CONFLICT),
        (r"failed to build|build backend|failed to download and build", Reason.REQUIREMENT_UNBUILDABLE),
    )
)


def lacks_wheels(lines: Sequence[str]) -> bool:
    """Whether uv gave up since something is only there as source, which it was told not to build."""
    return any(_NO_WHEEL.search(line) for line in lines)


def cause_of(lines: Sequence[str]) -> Reason:
    """The code for uv's failure, by its own words: what build scripts print is indented further."""
    text = "\n".join(line for line in lines if line.startswith(_OWN_WORDS))
    return next((reason for pattern, reason in _CAUSES if pattern.search(text)), Reason.INSTALL_FAILED)


def without_credentials(line: str) -> str:
    """``line`` with the user and password of every URL taken out."""
    return _CREDENTIALS.sub("***@", line)


def explain(lines: Sequence[str]) -> str:
    """The reason in uv's output, in one sentence or two: its first error, and the innermost cause of it.

    uv writes ``error: WHAT``, then ``  cause: WHY`` once or more, each followed by lines that are indented further.
    """
    error, causes = "", list[str]()
    for line in lines:
        if line.startswith("error: ") and not error:
            error = line.removeprefix("error: ")
        elif error and line.startswith("  cause: "):
            causes.append(line.removeprefix("  cause: "))
        elif causes and line.startswith("     ") and line.strip():
            causes[-1] += f" {line.strip()}"
        elif causes and line.strip():
            break
    if not error:
        return next((line.strip() for line in reversed(lines) if line.strip()), "uv gave no reason")
    if causes and error.startswith("No solution found"):
        simple = _RESOLUTION.fullmatch(causes[0]) if causes[0].count(_CONCLUSION) == 1 else None
        return _sentence(simple[1] if simple else causes[0])
    parts = [error, causes[0], causes[-1]] if causes else [error]
    return ": ".join(_sentence(part) for part in dict.fromkeys(parts))


def _sentence(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().rstrip(".:")
