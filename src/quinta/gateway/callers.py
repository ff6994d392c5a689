"""Whose program is at the other end of a loopback connection, as the kernel knows it (proc(5), /proc/net/tcp)."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LOCAL, _REMOTE, _STATE, _UID = 1, 2, 3, 7
_ESTABLISHED = "01"


def is_own(
    client: tuple[str, int] | None,
    server: tuple[str, int] | None,
    tables: Sequence[Path] = _TABLES,
    person: int | None = None,
) -> bool:
    """Whether the connection from ``client`` to ``server`` belongs to a program of ``person`` (a number of the system;
    None: this process's), or to root's.

    True where the machine has no such table: what else guards the gateway must do there. A socket that its program has
    closed is shown as root's, so that root counts for open ones only.
    """
    if client is None or server is None or not any(table.exists() for table in tables):
        return True
    wanted = set(zip(_written(client), _written(server), strict=True))
    for table in tables:
        for words in _lines(table):
            if (words[_LOCAL], words[_REMOTE]) in wanted:
                uid = int(words[_UID])
                return words[_STATE] == _ESTABLISHED if uid == 0 else uid == (os.getuid() if person is None else person)
    return False


def _lines(table: Path) -> Iterator[list[str]]:
    try:
        with open(table, encoding="ascii") as file:
            next(file, None)
            for line in file:
                yield line.split()
    except OSError:
        return


def _written(end: tuple[str, int]) -> list[str]:
    """An address and port as the tables write them: words of 32 bits in the machine's order, of IPv4 and of IPv6."""
    raw = ipaddress.ip_address(end[0].partition("%")[0]).packed
    mapped = raw if len(raw) == 16 else bytes(10) + b"\xff\xff" + raw
    return [f"{_words(each)}:{end[1]:04X}" for each in (raw, mapped)]


def _words(raw: bytes) -> str:
    return "".join(f"{int.from_bytes(raw[at : at + 4], sys.byteorder):08X}" for at in range(0, len(raw), 4))
