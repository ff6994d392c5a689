"""Hostile archives, each beside a twin that differs in one thing and is fine."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

from quinta.engine.archives.members import ArchiveLimits
from tests.engine.builds.archives import MODEL, archive, entry, patched, renamed

Make = Callable[[Path], Path]
LINK = stat.S_IFLNK | 0o777
SMALL = ArchiveLimits(entries=10, expansion=20, expansion_free_bytes=1 << 20, total_bytes=4 << 20)


def of(*members: tuple[str | zipfile.ZipInfo, bytes | str]) -> Make:
    return lambda path: archive(path, MODEL, *members)


def cut(share: float) -> Make:
    def make(path: Path) -> Path:
        content = archive(path, MODEL, ("model_package/data", os.urandom(10_000))).read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        return path

    return make


def changed(field: str, value: int) -> Make:
    """A member of 7 bytes, one number of which is changed in the archive's headers."""
    name = "model_package/other"
    return lambda path: patched(archive(path, MODEL, (name, b"content")), name, field, value)


def named(name: str) -> Make:
    """A member whose name is ``name``, which zipfile itself would change or refuse."""
    return lambda path: renamed(archive(path, MODEL, ("x" * len(name.encode()), "")), "x" * len(name.encode()), name)


def overlapping(path: Path) -> Path:
    big = b"0" * 100_000
    archive(path, MODEL, ("model_package/first", big), ("model_package/other", big))
    with zipfile.ZipFile(path) as opened:
        first = opened.getinfo("model_package/first").header_offset
    return patched(path, "model_package/other", "offset", first)


def nameless(path: Path) -> Path:
    info = entry("x")
    info.filename = info.orig_filename = ""
    return archive(path, MODEL, (info, ""))


def method(number: int) -> Make:
    return lambda path: archive(path, MODEL, ("model_package/a", b"0" * 100), method=number)


# What makes the archive, a part of the refusal, and the twin that is fine.
REFUSALS: dict[str, tuple[Make, str, Make]] = {
    "not a zip": (lambda path: _written(path, b"PK, no"), "not a zip archive", of()),
    "empty file": (lambda path: _written(path, b""), "not a zip archive", of()),
    "end cut off": (cut(0.9), "incomplete", cut(1.0)),
    "encrypted": (changed("flags", 0x1), "'model_package/other' is encrypted", changed("flags", 0x0)),
    "strongly encrypted": (changed("flags", 0x41), "is encrypted", changed("flags", 0x0)),
    "absolute": (named("/etc/cron.d/x"), "'/etc/cron.d/x' is an absolute path", named("-etc/cron.d/x")),
    "parent": (of(("model_package/../../x", "")), "leads out of the archive", of(("model_package/..x/x", ""))),
    "backslash": (named("..\\..\\x"), "has a backslash", named("..-..-x")),
    "drive": (of(("C:/x", "")), "'C:/x' is an absolute path", of(("CC:/x", ""))),
    "NUL": (named("model_package/a\0b"), "control characters", named("model_package/a-b")),
    "newline": (of(("model_package/a\nb", "")), "control characters", of(("model_package/a b", ""))),
    "no name": (nameless, "without a name", of(("x", ""))),
    "dot": (named("."), "without a name", named("x")),
    "link": (
        of((entry("model_package/l", LINK), "/etc/passwd")),
        "is a symbolic link",
        of((entry("l"), "/etc/passwd")),
    ),
    "pipe": (of((entry("p", stat.S_IFIFO), "")), "is a pipe", of((entry("p", stat.S_IFREG), ""))),
    "device": (of((entry("d", stat.S_IFCHR), "")), "is a device", of((entry("d"), ""))),
    "socket": (of((entry("s", stat.S_IFSOCK), "")), "is a socket", of((entry("s"), ""))),
    "setuid": (of((entry("s", stat.S_IFREG | 0o4755), "")), "setuid", of((entry("s", stat.S_IFREG | 0o755), ""))),
    "folder mode": (of((entry("s", stat.S_IFDIR), "")), "marked as a folder", of((entry("s/", stat.S_IFDIR), ""))),
    "file mode": (of((entry("s/", stat.S_IFREG), "")), "marked as a file", of((entry("s", stat.S_IFREG), ""))),
    "folder content": (of((entry("s/", stat.S_IFDIR), "x")), "has content", of((entry("s/", stat.S_IFDIR), ""))),
    "twice": (named("model_package/./model.py"), "is in the archive twice", named("model_package/./other.py")),
    "file then folder": (of(("a", ""), ("a/b", "")), "also has a file named 'a'", of(("a/", ""), ("a/b", ""))),
    "folder then file": (of(("a/b", ""), ("a", "")), "both a file and a folder", of(("a/b", ""), ("c", ""))),
    "long name": (of(("n" * 256, "")), "name of more than 255 bytes", of(("n" * 255, ""))),
    "long name in UTF-8": (of(("é" * 128, "")), "more than 255 bytes", of(("é" * 127, ""))),
    "long path": (of(("/".join(["n" * 250] * 13), "")), "path of more than 3,072", of(("/".join(["n" * 250] * 6), ""))),
    "deep": (of(("d/" * 101, "")), "100 folders deep", of(("d/" * 7, ""))),
    "many members": (of(*((f"{n}", "") for n in range(10))), "has 11 members", of(*((f"{n}", "") for n in range(8)))),
    "many folders": (of(("a/b/c/d/e/f/g/h/i", "")), "more than 10 files and folders", of(("a/b/c/d/e/f/g", ""))),
    "bomb": (of(("b", b"0" * (2 << 20))), "would unpack to 2,097,", of(("b", b"0" * (1 << 19)))),
    "too large": (of(("b", os.urandom(5 << 20))), "4,194,304 are allowed", of(("b", os.urandom(3 << 20)))),
    "overlap": (overlapping, "overlaps", lambda path: archive(path, MODEL, ("model_package/first", b"0"))),
    "announced smaller": (changed("size", 3), "other", changed("size", 7)),
    "announced larger": (changed("size", 9), "other", changed("size", 7)),
    "checksum": (changed("crc", 1), "'model_package/other' cannot be read", changed("size", 7)),
    "before the start": (changed("offset", 0xFFFFFF), "cannot be read", changed("size", 7)),
    "bzip2": (method(zipfile.ZIP_BZIP2), "compressed with method 12", method(zipfile.ZIP_DEFLATED)),
    "lzma": (method(zipfile.ZIP_LZMA), "compressed with method 14", method(zipfile.ZIP_STORED)),
    "unknown method": (changed("method", 99), "method 99", changed("size", 7)),
}


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
