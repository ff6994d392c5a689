"""What a worker is told to take away from itself before it runs the user's code (Landlock, seccomp).

Inside bubblewrap this is a second wall, should the mounts or the namespaces have a hole. Without bubblewrap it is the
main one, and its list of what may be read is shorter than what the server's user may read.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import Any, Final

from quinta.engine.sandbox.sandbox import SYSTEM_FOLDERS, Sandbox
from quinta.engine.sandbox.seccomp import program

_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_ACCOUNTS: Final = ("/etc/passwd", "/etc/group")
# Of /proc, where there is but the machine's own: about the machine and about oneself, nothing about others.
_PROC: Final = tuple(
    f"/proc/{name}"
    for name in ("self", "cpuinfo", "meminfo", "stat", "loadavg", "uptime", "version", "filesystems", "sys/kernel")
)


def confinement(
    sandbox: Sandbox, *, read_only: Iterable[str], writable: Iterable[str], network: bool
) -> dict[str, Any]:
    """The field ``confinement`` of a Start message; empty when there is nothing that the worker could do.

    Paths are as the program sees them.
    """
    alone = sandbox.bwrap is None
    wanted: dict[str, Any] = {"alone": alone, "filter": "", "tcp": network or not alone}
    if sandbox.seccomp and alone:  # bubblewrap has installed its own by then
        wanted["filter"] = b64encode(program(namespaces=False, network=network)).decode()
    if sandbox.landlock:
        wanted |= _paths(sandbox, [*read_only], [*writable])
    return wanted if sandbox.landlock or wanted["filter"] else {}


def _paths(sandbox: Sandbox, read_only: list[str], writable: list[str]) -> dict[str, list[str]]:
    read = ["/usr", *SYSTEM_FOLDERS, *read_only]
    if sandbox.bwrap is not None:  # everything that is there was put there for the program
        return {
            "read": [*read, "/etc", "/proc"],
            "use": ["/dev"],
            "write": [*writable, "/tmp", "/dev/shm"],
            "unlisted": [],
        }
    return {
        "read": [*read, *sandbox.system_paths, *_ACCOUNTS, *_PROC],
        "use": list(_DEVICES),
        "write": writable,
        # The machine's own, for the semaphores of multiprocessing. Their names are random and cannot be listed.
        "unlisted": ["/dev/shm"],
    }
