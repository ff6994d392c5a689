"""Files as trees of folders (contract dq0 4.2: ArtifactFile)."""

from __future__ import annotations

from collections.abc import Iterable

from quinta.core.errors import InvalidInput
from quinta.dialects.dq0 import shapes

DEFAULT_LEVEL = 4
_MOST_LEVEL = 10


def level_in(text: str) -> int:
    """How many folders deep to look: a number in a text, cut to 1 to 10 (contract dq0 9.22)."""
    if not text:
        return DEFAULT_LEVEL
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise InvalidInput("'level' must be a whole number", field="level")
    return min(max(int(text), 1), _MOST_LEVEL)


def tree_of(files: Iterable[tuple[str, int]], level: int = _MOST_LEVEL, root: str = "") -> list[shapes.ArtifactFile]:
    """The files, paths with sizes in bytes, of the folder ``root`` with what is below it, ``level`` deep; folders
    first. Of a folder that is as deep, nothing is told of what is in it."""
    tree = _Folder("")
    prefix = f"{root}/" if root else ""
    for path, size in files:
        if path.startswith(prefix):
            tree.put(path[len(prefix) :].split("/"), size)
    return tree.nodes(root, level)


class _Folder:
    def __init__(self, name: str) -> None:
        self.name = name
        self.folders: dict[str, _Folder] = {}
        self.files: dict[str, int] = {}

    def put(self, parts: list[str], size: int) -> None:
        if len(parts) == 1:
            self.files[parts[0]] = size
        else:
            self.folders.setdefault(parts[0], _Folder(parts[0])).put(parts[1:], size)

    def nodes(self, path: str, level: int) -> list[shapes.ArtifactFile]:
        folders = [
            shapes.ArtifactFile(
                path=(place := _joined(path, name)),
                label=name,
                header=name,
                is_dir=True,
                file_size="",
                children=folder.nodes(place, level - 1) if level > 1 else [],
            )
            for name, folder in sorted(self.folders.items())
        ]
        files = [
            shapes.ArtifactFile(
                path=_joined(path, name), label=name, header=name, is_dir=False, file_size=str(size), children=[]
            )
            for name, size in sorted(self.files.items())
        ]
        return folders + files


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
