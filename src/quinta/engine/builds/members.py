"""Which members of a zip archive become which files of a package. What any archive must keep to is in
engine/archives/members.py."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from quinta.engine.archives.members import ArchiveLimits, Tree, is_junk, tree_of

PACKAGE_FOLDER: Final = "model_package"
"""The top folder that marks a package (contract ubiops 4.1)."""
APPLICATION_FILE: Final = "application.py"
"""What makes a package an application, with a model's file beside it or without (contract vbrain 9)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to unpack: ``files`` and ``folders`` by their path in the package; ``root`` is the folder of the archive
    that became the package, with a slash at its end, or "" when the package lies flat in the archive."""

    root: str
    files: Mapping[tuple[str, ...], zipfile.ZipInfo]
    folders: frozenset[tuple[str, ...]]


def plan(members: list[zipfile.ZipInfo], archive_bytes: int, model_file: str | None, limits: ArchiveLimits) -> Plan:
    """The plan for an archive of ``archive_bytes`` whose central directory lists ``members``.

    Raises ArchiveRefused, naming the member, for the first rule that is broken. The package is ``model_package/`` if
    there is such a folder; else, unless ``<model_file>.py`` or an application lies at the top, the one top folder that
    has the former, or the latter; else, and without ``model_file``, the archive as a whole (contract ubiops 4.1). What
    lies beside the package folder, and what macOS adds to archives, is checked too but not unpacked.
    """
    tree = tree_of(members, archive_bytes, limits)
    return _below(() if model_file is None else _root(tree, (f"{model_file}.py", APPLICATION_FILE)), tree)


def _root(tree: Tree, wanted: tuple[str, ...]) -> tuple[str, ...]:
    if (PACKAGE_FOLDER,) in tree.folders:
        return (PACKAGE_FOLDER,)
    if not any((name,) in tree.files for name in wanted):
        tops = [folder for folder in tree.folders if len(folder) == 1 and not is_junk(folder)]
        for name in wanted:
            found = [top for top in tops if (*top, name) in tree.files]
            if found:
                return found[0] if len(found) == 1 else ()
    return ()


def _below(root: tuple[str, ...], tree: Tree) -> Plan:
    depth = len(root)
    files = {parts[depth:]: member for parts, member in tree.files.items() if _belongs(parts, root)}
    folders = frozenset(parts[depth:] for parts in tree.folders if len(parts) > depth and _belongs(parts, root))
    return Plan("".join(f"{part}/" for part in root), files, folders)


def _belongs(parts: tuple[str, ...], root: tuple[str, ...]) -> bool:
    return parts[: len(root)] == root and not is_junk(parts)
