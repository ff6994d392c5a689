"""Files to send, good and hostile."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

from tests.dialects.vbrain.house import zipped

TREE = {
    "comments.xlsx": b"not really a spreadsheet",
    "CONTRATOS/CONTRATO1/contrato.pdf": b"%PDF" * 1_000,
    "CONTRATOS/CONTRATO2.zip": zipped({"inner.txt": b"a contract may itself be a zip"}),
    "CONTRATOS/cláusulas (1).csv": "título;texto\n".encode(),
}
SPREADSHEET = zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"})
"""Like every .xlsx, itself a zip."""


def with_cp437_name(name: str) -> bytes:
    """A zip whose one entry has a name in code page 437, as old tools wrote them, without the flag for UTF-8."""
    raw = name.encode("cp437")
    stand_in = "x" * len(raw)
    return zipped({stand_in: b"content"}).replace(stand_in.encode(), raw)


def _entry(name: str, mode: int | None = None, content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(name)
        if mode is not None:
            entry.create_system = 3
            entry.external_attr = mode << 16
        archive.writestr(entry, content)
    return buffer.getvalue()


def _encrypted() -> bytes:
    """The flag alone: nobody looks at the content after it."""
    archive = bytearray(_entry("secret.txt"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = archive.index(signature) + offset
        flags = struct.unpack_from("<H", archive, at)[0]
        struct.pack_into("<H", archive, at, flags | 1)
    return bytes(archive)


def _bomb() -> bytes:
    """A hundred files of 100 MB in 10 MB."""
    return zipped({f"{number}.txt": bytes(100_000_000) for number in range(1)})


HOSTILE: dict[str, tuple[str, bytes]] = {
    "absolute path": ("a.zip", _entry("/etc/passwd")),
    "parent folder": ("a.zip", _entry("../../evil.txt")),
    "parent folder within": ("a.zip", _entry("a/../../evil.txt")),
    "backslashes": ("a.zip", _entry("..\\..\\evil.txt")),
    "symbolic link": ("a.zip", _entry("link", stat.S_IFLNK | 0o777, b"/etc/passwd")),
    "device": ("a.zip", _entry("device", stat.S_IFCHR | 0o666)),
    "encrypted": ("a.zip", _encrypted()),
    "cut short": ("a.zip", zipped(TREE)[:-30]),
    "no zip": ("a.zip", b"PK\x03\x04 only the beginning"),
    "empty file": ("a.zip", b""),
    "a file that is also a folder": ("a.zip", zipped({"a": b"x", "a/b": b"y"})),
    "other extension": ("inputs.txt", b"text"),
    "no extension": ("inputs", b"text"),
    "a tar": ("inputs.tar.gz", b"text"),
}
"""By what is wrong: name and content."""
