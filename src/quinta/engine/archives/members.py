"""Which members of a zip archive become which files: every rule that can be judged before a byte is unpacked.

Everything in an archive is chosen by a stranger, so names, sizes and modes are checked here, and checked against each
other, and only the tree that comes out is unpacked (reading.py).
"""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from quinta.core.reasons import Reason
from quinta.engine.archives.errors import ArchiveRefused

_METHODS: Final = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000  # any, strong, and encrypted central directory (APPNOTE 4.4.4)
_UTF8: Final = 0x800
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_SPECIAL_BITS: Final = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
_LOCAL_HEADER_BYTES: Final = 30


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How large an archive may become when it is unpacked. Sizes in bytes.

    ``entries`` counts members of the archive, and also the files and folders that come out of it (a name alone can
    make a hundred folders). ``path_bytes`` leaves room for the server's own folders below Linux' 4,096.
    ``expansion`` is how many times its own size an archive may grow, except that ``expansion_free_bytes`` are always
    allowed: text with much repetition is harmless while it is small.
    """

    entries: int = 10_000
    total_bytes: int = 4 << 30
    expansion: int = 100
    expansion_free_bytes: int = 64 << 20
    name_bytes: int = 255
    path_bytes: int = 3_072
    depth: int = 100

    def unpacked_bytes(self, archive_bytes: int) -> int:
        """The most that an archive of ``archive_bytes`` may hold."""
        return min(self.total_bytes, max(self.expansion_free_bytes, self.expansion * archive_bytes))


DEFAULT_LIMITS: Final = ArchiveLimits()


@dataclass(slots=True)
class Tree:
    """What an archive unpacks to: files and folders by their path as its parts."""

    files: dict[tuple[str, ...], zipfile.ZipInfo] = field(default_factory=dict)
    folders: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, parts: tuple[str, ...], member: zipfile.ZipInfo) -> None:
        parents = {parts[:length] for length in range(1, len(parts))}
        blocked = next((parent for parent in parents if parent in self.files), None)
        if blocked:
            raise ArchiveRefused(
                Reason.ARCHIVE_DAMAGED, f"{_shown(member)}: the archive also has a file named {'/'.join(blocked)!r}."
            )
        if parts in self.files:
            raise ArchiveRefused(Reason.ARCHIVE_DAMAGED, f"{_shown(member)} is in the archive twice.")
        self.folders |= parents
        if _is_folder(member):
            self.folders.add(parts)
        elif parts in self.folders:
            raise ArchiveRefused(
                Reason.ARCHIVE_DAMAGED, f"{_shown(member)} is both a file and a folder in the archive."
            )
        else:
            self.files[parts] = member


def tree_of(members: list[zipfile.ZipInfo], archive_bytes: int, limits: ArchiveLimits) -> Tree:
    """The tree in an archive of ``archive_bytes`` whose central directory lists ``members``.

    Raises ArchiveRefused, naming the member, for the first rule that is broken.
    """
    if len(members) > limits.entries:
        raise ArchiveRefused(
            Reason.ARCHIVE_TOO_LARGE,
            f"The archive has {len(members):,} members; at most {limits.entries:,} are allowed.",
        )
    _check_sizes(members, limits.unpacked_bytes(archive_bytes))
    _check_overlaps(members)
    tree = Tree()
    for member in members:
        _check_form(member)
        parts = _parts(member, limits)
        if parts:
            tree.add(parts, member)
        if len(tree.files) + len(tree.folders) > limits.entries:
            raise ArchiveRefused(
                Reason.ARCHIVE_TOO_LARGE, f"The archive unpacks to more than {limits.entries:,} files and folders."
            )
    return tree


def is_junk(parts: tuple[str, ...]) -> bool:
    """What macOS adds to archives: resource forks and the Finder's notes."""
    return parts[0] == "__MACOSX" or parts[-1] == ".DS_Store"


def _check_sizes(members: Iterable[zipfile.ZipInfo], allowed: int) -> None:
    total = sum(member.file_size for member in members)
    if total > allowed:
        raise ArchiveRefused(
            Reason.ARCHIVE_TOO_LARGE,
            f"The archive would unpack to {total:,} bytes; for an archive of this size {allowed:,} are allowed.",
        )


def _check_overlaps(members: Iterable[zipfile.ZipInfo]) -> None:
    """Members that share their compressed bytes are how a small archive becomes a huge one (CVE-2024-0450).

    The local header's extra field is left out of the sum: its length is not in the central directory, and the few
    bytes make no bomb.
    """
    end, before = 0, "the start"
    for member in sorted(members, key=lambda each: each.header_offset):
        if member.header_offset < end:
            raise ArchiveRefused(
                Reason.ARCHIVE_DAMAGED, f"{_shown(member)} overlaps {before} in the archive: it is damaged or forged."
            )
        name_bytes = len(member.orig_filename.encode(_encoding(member)))
        end = member.header_offset + _LOCAL_HEADER_BYTES + name_bytes + member.compress_size
        before = _shown(member)


def _check_form(member: zipfile.ZipInfo) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveRefused(
            Reason.ARCHIVE_UNSUPPORTED, f"{_shown(member)} is encrypted; upload an archive without a password."
        )
    if member.compress_type not in _METHODS:
        raise ArchiveRefused(
            Reason.ARCHIVE_UNSUPPORTED,
            f"{_shown(member)} is compressed with method {member.compress_type}; "
            "only stored and deflated members can be read. Pack it again with ordinary zip compression.",
        )
    mode = member.external_attr >> 16
    folder = _is_folder(member)
    expected = stat.S_IFDIR if folder else stat.S_IFREG
    if stat.S_IFMT(mode) not in (0, expected):
        raise ArchiveRefused(
            Reason.ARCHIVE_UNSAFE, f"{_shown(member)} is {_kind(mode)}; only files and folders are allowed."
        )
    if mode & _SPECIAL_BITS and not folder:
        raise ArchiveRefused(
            Reason.ARCHIVE_UNSAFE, f"{_shown(member)} has the setuid, setgid or sticky bit; remove it (chmod 644)."
        )
    if folder and member.file_size:
        raise ArchiveRefused(Reason.ARCHIVE_DAMAGED, f"{_shown(member)} is named as a folder but has content.")


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFDIR: "marked as a folder but named as a file",
        stat.S_IFREG: "marked as a file but named as a folder",
    }
    return kinds.get(stat.S_IFMT(mode), "of an unknown kind")


def _parts(member: zipfile.ZipInfo, limits: ArchiveLimits) -> tuple[str, ...]:
    """The path of a member as its parts; empty for the archive's own top ("./")."""
    parts = parts_of(_name(member), limits)
    if not parts and not _is_folder(member):
        raise ArchiveRefused(Reason.ARCHIVE_DAMAGED, "The archive has a file without a name.")
    return parts


def parts_of(path: str, limits: ArchiveLimits) -> tuple[str, ...]:
    """A relative path, chosen by a stranger, as its parts. ArchiveRefused when it is unsafe or too long."""
    shown = _quoted(path)
    if any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) < 0xE000 for letter in path):
        raise ArchiveRefused(Reason.ARCHIVE_UNSAFE, f"{shown} has control characters in its name.")
    if "\\" in path:
        raise ArchiveRefused(
            Reason.ARCHIVE_UNSAFE, f"{shown} has a backslash in its name; names in zip archives use '/'."
        )
    if path.startswith("/") or _DRIVE.match(path):
        raise ArchiveRefused(Reason.ARCHIVE_UNSAFE, f"{shown} is an absolute path; only relative paths are allowed.")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ArchiveRefused(Reason.ARCHIVE_UNSAFE, f"{shown} leads out of the archive ('..').")
    if any(len(part.encode()) > limits.name_bytes for part in parts):
        raise ArchiveRefused(Reason.ARCHIVE_TOO_LARGE, f"{shown} has a name of more than {limits.name_bytes} bytes.")
    if len(path.encode()) > limits.path_bytes:
        raise ArchiveRefused(Reason.ARCHIVE_TOO_LARGE, f"{shown} has a path of more than {limits.path_bytes:,} bytes.")
    if len(parts) > limits.depth:
        raise ArchiveRefused(Reason.ARCHIVE_TOO_LARGE, f"{shown} lies more than {limits.depth} folders deep.")
    return parts


def _encoding(member: zipfile.ZipInfo) -> str:
    return "utf-8" if member.flag_bits & _UTF8 else "cp437"


def _name(member: zipfile.ZipInfo) -> str:
    """The member's name as it was meant: macOS and old tools write UTF-8 without saying so, which zipfile takes for
    cp437. From ``orig_filename``, since zipfile cuts ``filename`` at a NUL."""
    name = member.orig_filename
    if member.flag_bits & _UTF8 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode()
    except UnicodeDecodeError:
        return name


def _is_folder(member: zipfile.ZipInfo) -> bool:
    """Like ``ZipInfo.is_dir``, which fails on an empty name in Python 3.11."""
    return member.orig_filename.endswith("/")


def _shown(member: zipfile.ZipInfo) -> str:
    return _quoted(_name(member))


def _quoted(path: str) -> str:
    """A path as a message shows it: quoted, control characters escaped, cut to a readable length."""
    return repr(path if len(path) <= 120 else f"{path[:80]}…{path[-30:]}")
