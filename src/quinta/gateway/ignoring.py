"""Which files of a project its ``.gitignore`` keeps back (gitignore(5)): patterns, ``!``, ``**``, one file a folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_LARGEST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of a ``.gitignore``; ``regex`` is for paths below the file's folder."""

    regex: re.Pattern[str]
    negated: bool
    folders_only: bool


@dataclass(frozen=True, slots=True)
class Ignored:
    """What the ``.gitignore`` files on the way to one folder say; the innermost that has a say decides."""

    files: tuple[tuple[PurePosixPath, tuple[Pattern, ...]], ...] = ()

    def inside(self, folder: Path, place: PurePosixPath) -> Ignored:
        """With the one in ``folder``, which stands at ``place`` below the project."""
        try:
            with open(folder / ".gitignore", encoding="utf-8", errors="replace") as file:
                lines = file.read(_LARGEST_BYTES).splitlines()
        except OSError:
            return self
        return Ignored((*self.files, (place, tuple(patterns_of(lines)))))

    def matches(self, path: PurePosixPath, *, is_folder: bool) -> bool:
        """Whether ``path``, below the project, is kept back."""
        for place, patterns in reversed(self.files):
            below = path.relative_to(place).as_posix()
            for pattern in reversed(patterns):
                if (is_folder or not pattern.folders_only) and pattern.regex.fullmatch(below):
                    return not pattern.negated
        return False


def patterns_of(lines: Iterable[str]) -> Iterable[Pattern]:
    """Those of a file's lines that say anything."""
    for each in lines:
        line = re.sub(r"(?<!\\)\s+$", "", each)
        if not line or line.startswith("#"):
            continue
        negated = line.startswith("!")
        line = line[1:] if negated else line
        folders_only = line.endswith("/")
        line = line.rstrip("/")
        anchored = "/" in line
        regex = _regex(line.lstrip("/"))
        yield Pattern(re.compile(regex if anchored else f"(?:.*/)?{regex}"), negated, folders_only)


def _regex(glob: str) -> str:
    """A glob whose ``*`` and ``?`` stop at slashes, whose ``**`` does not."""
    parts: list[str] = []
    at = 0
    while at < len(glob):
        if glob.startswith("**/", at) and (at == 0 or glob[at - 1] == "/"):
            parts.append("(?:.*/)?")
            at += 3
        elif glob[at] == "*":
            stars = len(glob[at:]) - len(glob[at:].lstrip("*"))
            parts.append(".*" if stars > 1 else "[^/]*")
            at += stars
        elif glob[at] == "?":
            parts.append("[^/]")
            at += 1
        elif (group := re.match(r"\[(!?)(\]?[^\]/]*)\]", glob[at:])) is not None and group[2]:
            inside = re.sub(r"([\[\]&~|^])", r"\\\1", group[2].replace("\\", "\\\\"))
            parts.append(f"[{'^/' if group[1] else ''}{inside}]")
            at += group.end()
        else:
            at += glob[at] == "\\" and at + 1 < len(glob)
            parts.append(re.escape(glob[at]))
            at += 1
    return "".join(parts)
