"""Archives for tests, good ones and ones that zipfile would not write."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[2] / "packages"

Member = tuple[str | zipfile.ZipInfo, bytes | str]
MODEL: Member = ("model_package/model.py", "class Model: pass\n")


def archive(path: Path, *members: Member, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip with ``members`` in this order."""
    with zipfile.ZipFile(path, "w", method) as opened:
        for name, content in members:
            opened.writestr(name, content)
    return path


def package(path: Path, files: Mapping[str, str | bytes], model: str = "class Model: pass\n") -> Path:
    """A zip with a package of ``files`` and a model.py."""
    return archive(path, ("model_package/model.py", model), *((f"model_package/{k}", v) for k, v in files.items()))


def example(path: Path, name: str) -> Path:
    """One of the packages in tests/packages as a zip, packed as UbiOps' CLI does (contract ubiops 4.1)."""
    folder = PACKAGES / name
    files = sorted(file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return archive(path, *((f"model_package/{file.relative_to(folder)}", file.read_bytes()) for file in files))


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """A member with a Unix mode of its own."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def renamed(path: Path, old: str, new: str) -> Path:
    """Changes a member's name in both headers to one of the same length, which zipfile would not accept or keep."""
    assert len(old.encode()) == len(new.encode())
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
    return path


def patched(path: Path, name: str, field: str, value: int) -> Path:
    """Changes one number of a member's entry in the central directory (APPNOTE 4.3.12), and in its local header
    when it is there too."""
    central = {"flags": (8, "H"), "method": (10, "H"), "crc": (16, "I"), "size": (24, "I"), "offset": (42, "I")}
    local = {"flags": (6, "H"), "method": (8, "H"), "crc": (14, "I"), "size": (22, "I")}
    content = bytearray(path.read_bytes())
    for signature, name_at, fields in ((b"PK\1\2", 46, central), (b"PK\3\4", 30, local)):
        start = content.index(name.encode())
        while content[start - name_at : start - name_at + 4] != signature:
            start = content.index(name.encode(), start + 1)
        if field in fields:
            offset, form = fields[field]
            struct.pack_into(f"<{form}", content, start - name_at + offset, value)
    path.write_bytes(content)
    return path


def wheel(name: str, files: Mapping[str, str], version: str = "1.0") -> bytes:
    """A wheel that installs ``files`` (paths as in a wheel: modules, or NAME-VERSION.data/...)."""
    info = f"{name}-{version}.dist-info"
    entries = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{info}/RECORD"
    entries[record] = "".join(f"{path},,\n" for path in (*entries, record))
    return zipped(entries.items())


def zipped(members: Iterable[tuple[str, str]]) -> bytes:
    """A zip as bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as opened:
        for name, content in members:
            opened.writestr(name, content)
    return target.getvalue()


def tree(folder: Path) -> dict[str, bytes | None]:
    """What is below ``folder``: the content of each file, None for a folder."""
    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes() for path in found}
