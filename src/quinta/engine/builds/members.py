"""Which members of a zip archive become which files: every rule that can be judged before a byte is unpacked.

Everything in an archive is chosen by a stranger, so names, sizes and modes are checked here, and checked against each
other, and only the plan that comes out is carried out (archive.py).
"""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from quinta.core.reasons import Reason
from quinta.engine.builds.errors import PackageRejected

PACKAGE_FOLDER: Final = "model_package"
"""The top folder that marks a package (contract ubiops 4.1)."""

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


@dataclass(frozen=True, slots=True)
class Plan:
    """What to unpack: ``files`` and ``folders`` by their path in the package; ``root`` is the folder of the archive
    that became the package, with a slash at its end, or "" when the package lies flat in the archive."""

    root: str
    files: Mapping[tuple[str, ...], zipfile.ZipInfo]
    folders: frozenset[tuple[str, ...]]


def plan(members: list[zipfile.ZipInfo], archive_bytes: int, model_file: str, limits: ArchiveLimits) -> Plan:
    """The plan for an archive of ``archive_bytes`` whose central directory lists ``members``.

    Raises PackageRejected, naming the member, for the first rule that is broken. The package is ``model_package/`` if
    there is such a folder; else, unless ``<model_file>.py`` lies at the top, the one top folder that has it; else the
    archive as a whole (contract ubiops 4.1). What lies beside the package folder, and what macOS adds to archives,
    is checked too but not unpacked.
    """
    if len(members) > limits.entries:
        raise PackageRejected(
            Reason.ARCHIVE_TOO_LARGE,
            f"The archive has {len(members):,} members; at most {limits.entries:,} are allowed.",
        )
    _check_sizes(members, limits.unpacked_bytes(archive_bytes))
    _check_overlaps(members)
    tree = _Tree()
    for member in members:
        _check_form(member)
        parts = _parts(member, limits)
        if parts:
            tree.add(parts, member)
        if len(tree.files) + len(tree.folders) > limits.entries:
            raise PackageRejected(
                Reason.ARCHIVE_TOO_LARGE, f"The archive unpacks to more than {limits.entries:,} files and folders."
            )
    return _below(_root(tree, f"{model_file}.py"), tree)


@dataclass(slots=True)
class _Tree:
    files: dict[tuple[str, ...], zipfile.ZipInfo] = field(default_factory=dict)
    folders: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, parts: tuple[str, ...], member: zipfile.ZipInfo) -> None:
        parents = {parts[:length] for length in range(1, len(parts))}
        blocked = next((parent for parent in parents if parent in self.files), None)
        if blocked:
            raise PackageRejected(
                Reason.ARCHIVE_DAMAGED, f"{_shown(member)}: the archive also has a file named {'/'.join(blocked)!r}."
            )
        if parts in self.files:
            raise PackageRejected(Reason.ARCHIVE_DAMAGED, f"{_shown(member)} is in the archive twice.")
        self.folders |= parents
        if _is_folder(member):
            self.folders.add(parts)
        elif parts in self.folders:
            raise PackageRejected(
                Reason.ARCHIVE_DAMAGED, f"{_shown(member)} is both a file and a folder in the archive."
            )
        else:
            self.files[parts] = member


def _check_sizes(members: Iterable[zipfile.ZipInfo], allowed: int) -> None:
    total = sum(member.file_size for member in members)
    if total > allowed:
        raise PackageRejected(
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
            raise PackageRejected(
                Reason.ARCHIVE_DAMAGED, f"{_shown(member)} overlaps {before} in the archive: it is damaged or forged."
            )
        name_bytes = len(member.orig_filename.encode(_encoding(member)))
        end = member.header_offset + _LOCAL_HEADER_BYTES + name_bytes + member.compress_size
        before = _shown(member)


def _check_form(member: zipfile.ZipInfo) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise PackageRejected(
            Reason.ARCHIVE_UNSUPPORTED, f"{_shown(member)} is encrypted; upload an archive without a password."
        )
    if member.compress_type not in _METHODS:
        raise PackageRejected(
            Reason.ARCHIVE_UNSUPPORTED,
            f"{_shown(member)} is compressed with method {member.compress_type}; "
            "only stored and deflated members can be read. Pack it again with ordinary zip compression.",
        )
    mode = member.external_attr >> 16
    folder = _is_folder(member)
    expected = stat.S_IFDIR if folder else stat.S_IFREG
    if stat.S_IFMT(mode) not in (0, expected):
        raise PackageRejected(
            Reason.ARCHIVE_UNSAFE, f"{_shown(member)} is {_kind(mode)}; only files and folders are allowed."
        )
    if mode & _SPECIAL_BITS and not folder:
        raise PackageRejected(
            Reason.ARCHIVE_UNSAFE, f"{_shown(member)} has the setuid, setgid or sticky bit; remove it (chmod 644)."
        )
    if folder and member.file_size:
        raise PackageRejected(Reason.ARCHIVE_DAMAGED, f"{_shown(member)} is named as a folder but has content.")


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
    name = _name(member)
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise PackageRejected(Reason.ARCHIVE_UNSAFE, f"{_shown(member)} has control characters in its name.")
    if "\\" in name:
        raise PackageRejected(
            Reason.ARCHIVE_UNSAFE, f"{_shown(member)} has a backslash in its name; names in zip archives use '/'."
        )
    if name.startswith("/") or _DRIVE.match(name):
        raise PackageRejected(
            Reason.ARCHIVE_UNSAFE, f"{_shown(member)} is an absolute path; only relative paths are allowed."
        )
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise PackageRejected(Reason.ARCHIVE_UNSAFE, f"{_shown(member)} leads out of the package ('..').")
    if any(len(part.encode()) > limits.name_bytes for part in parts):
        raise PackageRejected(
            Reason.ARCHIVE_TOO_LARGE, f"{_shown(member)} has a name of more than {limits.name_bytes} bytes."
        )
    if len(name.encode()) > limits.path_bytes:
        raise PackageRejected(
            Reason.ARCHIVE_TOO_LARGE, f"{_shown(member)} has a path of more than {limits.path_bytes:,} bytes."
        )
    if len(parts) > limits.depth:
        raise PackageRejected(Reason.ARCHIVE_TOO_LARGE, f"{_shown(member)} lies more than {limits.depth} folders deep.")
    if not parts and not _is_folder(member):
        raise PackageRejected(Reason.ARCHIVE_DAMAGED, "The archive has a file without a name.")
    return parts


def _is_junk(parts: tuple[str, ...]) -> bool:
    """What macOS adds to archives: resource forks and the Finder's notes."""
    return parts[0] == "__MACOSX" or parts[-1] == ".DS_Store"


def _root(tree: _Tree, model_file: str) -> tuple[str, ...]:
    if (PACKAGE_FOLDER,) in tree.folders:
        return (PACKAGE_FOLDER,)
    tops = [top for top in tree.folders if len(top) == 1 and not _is_junk(top) and (*top, model_file) in tree.files]
    if (model_file,) not in tree.files and len(tops) == 1:
        return tops[0]
    return ()


def _below(root: tuple[str, ...], tree: _Tree) -> Plan:
    depth = len(root)
    files = {parts[depth:]: member for parts, member in tree.files.items() if _belongs(parts, root)}
    folders = frozenset(parts[depth:] for parts in tree.folders if len(parts) > depth and _belongs(parts, root))
    return Plan("".join(f"{part}/" for part in root), files, folders)


def _belongs(parts: tuple[str, ...], root: tuple[str, ...]) -> bool:
    return parts[: len(root)] == root and not _is_junk(parts)


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
    """The member's name as a message shows it: quoted, control characters escaped, cut to a readable length."""
    name = _name(member)
    return repr(name if len(name) <= 120 else f"{name[:80]}…{name[-30:]}")
