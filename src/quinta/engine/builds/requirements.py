"""A package's ``requirements.txt``: read with everything it includes, and judged by what it can make uv do."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from quinta.core.reasons import Reason
from quinta.engine.builds.errors import BuildFailed

REQUIREMENTS_FILE: Final = "requirements.txt"

_READ_BYTES: Final = 4 << 20
"""Most that is read, a file counted each time it is included: includes can multiply without end."""

_BYTE_ORDER_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_INCLUDE: Final = re.compile(r"(?:(-r|-c)\s*|(--requirement|--constraint)(?:\s+|\s*=\s*))(\S.*)")
_EDITABLE: Final = re.compile(r"(-e\b|--editable\b)")
_HASHES: Final = re.compile(r"(\s+--hash[=\s]\s*[a-z0-9]+:[0-9A-Fa-f]+)+$")
# A distribution by name, with extras, versions and a marker. No "@" or "/" (a URL or a path), no "$" (uv puts in
# variables there), and no name that ends like an archive.
_NAMED: Final = re.compile(
    r"(?!\S*\.(?:whl|zip|egg|tar|tgz|gz|bz2|xz|lzma|zst)\s*(?:;|$))"
    r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]@/$]*\]\s*)?(?:\(?\s*(?:[=!~<>]=?=?)[^@/$;]*)?(?:;[^@$]*)?",
    re.IGNORECASE,
)
# Where distributions come from and how they are chosen. Not --no-binary, which makes uv run their build scripts even
# when it was told --only-binary (seen with uv 0.13.9).
_HARMLESS_OPTION: Final = re.compile(
    r"(?:(?:-i|--index-url|--extra-index-url|-f|--find-links)[=\s]\s*https?://[^\s$]+"
    r"|--pre|--no-index|--require-hashes|--prefer-binary|--only-binary[=\s]\s*[^\s$]+|--trusted-host[=\s]\s*[^\s$]+)"
)


@dataclass(frozen=True, slots=True)
class Requirements:
    """What to install. ``text`` and ``constraints`` are for uv, with included files in their place; ``lines`` is the
    same without comments, spaces and blank lines, for the environment's digest.

    ``only_names`` is whether nothing but distributions of an index are asked for: then wheels can be installed
    without running any code of theirs, and nothing depends on the package's own files.
    """

    text: str
    constraints: str
    lines: tuple[str, ...]
    only_names: bool


def read_requirements(package: Path) -> Requirements:
    """Reads ``requirements.txt`` in the root of ``package``; none is the same as an empty one. Blocks.

    Raises BuildFailed, naming file and line, for what cannot be read, for files outside the package and for editable
    requirements.
    """
    reader = _Reader(package)
    if (package / REQUIREMENTS_FILE).is_file():
        reader.read(PurePosixPath(REQUIREMENTS_FILE), reader.requirements, ())
    asked = [normal for line in reader.requirements if (normal := _normal(line))]
    bounds = [normal for line in reader.constraints if (normal := _normal(line))]
    return Requirements(
        text="".join(f"{line}\n" for line in reader.requirements),
        constraints="".join(f"{line}\n" for line in reader.constraints),
        lines=(*asked, *(f"constraint {line}" for line in bounds)),
        only_names=all(_is_harmless(line) for line in (*asked, *bounds)),
    )


def with_defaults(requirements: Requirements, defaults: Sequence[str]) -> Requirements:
    """The requirements, and before them each of ``defaults`` (lines such as ``numpy>=2``) whose distribution they do
    not name."""
    named = {_name(line) for line in requirements.lines}
    more = tuple(line for line in defaults if _name(line) not in named)
    text = "".join(f"{line}\n" for line in more) + requirements.text
    return replace(requirements, text=text, lines=(*more, *requirements.lines))


def _name(line: str) -> str:
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


@dataclass(slots=True)
class _Reader:
    """Follows includes. The list that lines go to says whether they are requirements or constraints."""

    package: Path
    requirements: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    bytes_read: int = 0

    def read(self, name: PurePosixPath, target: list[str], including: tuple[PurePosixPath, ...]) -> None:
        if name in including:
            raise BuildFailed(
                Reason.REQUIREMENTS_UNREADABLE, f"{including[-1]} includes {name}, which includes it again."
            )
        for number, line in enumerate(_joined(self._decoded(name)), start=1):
            where = f"{name}, line {number}"
            bare = _normal(line)
            if _EDITABLE.match(bare):
                raise BuildFailed(
                    Reason.REQUIREMENT_REFUSED, f"{where}: {bare!r} asks for an editable install; write it without -e."
                )
            include = _INCLUDE.fullmatch(bare)
            if include and "://" not in include[3]:
                other = self._included(name, include[3].strip("'\""), where)
                into = self.constraints if "c" in (include[1] or include[2])[:3] else target
                self.read(other, into, (*including, name))
            else:
                target.append(line)

    def _decoded(self, name: PurePosixPath) -> str:
        with (self.package / name).open("rb") as file:
            content = file.read(_READ_BYTES + 1)
        self.bytes_read += len(content)
        if self.bytes_read > _READ_BYTES:
            raise BuildFailed(
                Reason.REQUIREMENTS_UNREADABLE,
                f"{name} and the files included so far are larger than {_READ_BYTES >> 20} MiB.",
            )
        marks = _BYTE_ORDER_MARKS.items()
        mark, encoding = next((pair for pair in marks if content.startswith(pair[0])), (b"", "utf-8"))
        try:
            return content[len(mark) :].decode(encoding)
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise BuildFailed(
                Reason.REQUIREMENTS_UNREADABLE,
                f"{name}, line {line}: not valid {encoding.upper()}; save the file as UTF-8.",
            ) from error

    def _included(self, name: PurePosixPath, path: str, where: str) -> PurePosixPath:
        """The included file by its path in the package. No link can lead out of there: packages have none."""
        parts: list[str] = [] if path.startswith("/") else list(name.parent.parts)
        for part in path.split("/"):
            if part == ".." and not parts:
                break
            if part == "..":
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        else:
            if not path.startswith("/"):
                other = PurePosixPath(*parts)
                if (self.package / other).is_file():
                    return other
                raise BuildFailed(Reason.REQUIREMENTS_UNREADABLE, f"{where}: the package has no file {str(other)!r}.")
        raise BuildFailed(Reason.REQUIREMENT_REFUSED, f"{where}: {path!r} lies outside the package.")


def _joined(text: str) -> list[str]:
    """The lines, those that end in a backslash joined with the next; blank ones keep the numbers right."""
    lines: list[str] = []
    pending, skipped = "", 0
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending, skipped = f"{pending}{line[:-1]} ", skipped + 1
        else:
            lines += [pending + line, *[""] * skipped]
            pending, skipped = "", 0
    return [*lines, pending] if pending else lines


def _normal(line: str) -> str:
    return re.sub(r"\s+", " ", _COMMENT.sub("", line)).strip()


def _is_harmless(line: str) -> bool:
    return bool(_HARMLESS_OPTION.fullmatch(line) or _NAMED.fullmatch(_HASHES.sub("", line)))
