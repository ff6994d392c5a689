"""Finds out, by trying, which protections this machine gives."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from quinta.engine.sandbox.cgroups import Cgroups, find_cgroups
from quinta.engine.sandbox.confinement import confinement
from quinta.engine.sandbox.sandbox import Protection, Sandbox
from quinta.engine.sandbox.seccomp import is_known

_TRIAL_SECONDS: Final = 10.0
_SOURCE_ROOT: Final = Path(__file__).parents[3]
_BARE: Final = Sandbox((), bwrap=None, cgroups=None)

# What /proc says of the system call filter of a program: 2 when there is one.
_FILTER_MODE: Final = 'while read -r name value; do [ "$name" != Seccomp: ] || echo "$value"; done < /proc/self/status'
# Confines itself, then says whether there is a filter and whether a file can be read that was not allowed.
_CONFINED: Final = """
import json, sys
sys.path.insert(0, sys.argv[1])
from quinta.worker.confinement import confine
confine(json.loads(sys.argv[2]))
print("filter", "Seccomp:\\t2" in open("/proc/self/status").read())
try:
    open(sys.argv[3]).close()
except PermissionError:
    print("files True")
"""


def detect(
    *, use_bwrap: bool = True, use_cgroups: bool = True, use_seccomp: bool = True, use_landlock: bool = True
) -> Sandbox:
    """Tries each layer and returns the strongest sandbox that works here.

    Runs short trial programs (some 0.2 s in all), so call it once, before the server answers. The parameters turn a
    layer off, for machines where it is in the way and for tests of what remains.
    """
    bwrap, can_disable, why_not = _find_bwrap() if use_bwrap else (None, False, "it was turned off")
    cgroups = find_cgroups() if use_cgroups else None
    sandbox = replace(_BARE, bwrap=bwrap, cgroups=cgroups, can_disable_user_namespaces=can_disable)
    no_filter = _why_no_filter(sandbox) if use_seccomp else "it was turned off"
    sandbox = replace(sandbox, seccomp=not no_filter)
    no_landlock = _why_no_landlock() if use_landlock else "it was turned off"
    sandbox = replace(sandbox, landlock=not no_landlock)
    setpriv, no_user = _find_setpriv(sandbox) if bwrap else (None, "bubblewrap is missing")
    sandbox = replace(sandbox, setpriv=setpriv)
    protections = (
        *_namespaces(bwrap, can_disable, why_not),
        _system_calls(no_filter),
        _landlock(no_landlock, alone=bwrap is None),
        _unprivileged(no_user),
        *_cgroup_limits(cgroups),
        _disk_limit(),
    )
    return replace(sandbox, protections=protections)


def _namespaces(bwrap: Path | None, can_disable: bool, why_not: str) -> list[Protection]:
    if bwrap is None:
        text = (
            f"Packages run without namespaces of their own and see the machine's processes and sockets: {why_not}. "
            "Install the package bubblewrap and allow user namespaces."
        )
        return [Protection("namespaces", False, text)]
    if can_disable:
        return [Protection("namespaces", True)]
    text = "Packages can make further user namespaces: this bubblewrap has no --disable-userns. Install 0.8.0 or later."
    return [Protection("namespaces", True), Protection("nested namespaces", False, text)]


def _system_calls(why_not: str) -> Protection:
    text = f"Packages can make every system call, those for tracing, mounts and kernel modules too: {why_not}."
    return Protection("system call filter", not why_not, text if why_not else "")


def _landlock(why_not: str, *, alone: bool) -> Protection:
    what = (
        "Packages can read and write what the server's user can, its database and other packages' files too"
        if alone
        else "The file system of packages is confined by mounts alone"
    )
    text = f"{what}: {why_not}. Run Linux 5.13 or later with landlock in its list of security modules (lsm=)."
    return Protection("landlock", not why_not, text if why_not else "")


def _unprivileged(why_not: str) -> Protection:
    works = not _is_root() or not why_not
    text = f"The server runs as root, and to the kernel so do packages: {why_not}. Run it as a user of its own."
    return Protection("unprivileged user", works, "" if works else text)


def _is_root() -> bool:
    """Root of the machine, not of a container that has other users' numbers."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split()[:2] == ["0", "0"]


def _cgroup_limits(cgroups: Cgroups | None) -> list[Protection]:
    kinds = cgroups.parents if cgroups else {}
    memory = (
        "Memory is watched four times a second instead of limited exactly: no writable cgroup controller memory was "
        "found. Under systemd, set Delegate=memory pids cpu and DelegateSubgroup=server."
    )
    processes = (
        "The number of processes of a package is watched, not limited: no writable cgroup controller pids was found. "
        "Under systemd, set Delegate=memory pids cpu."
    )
    cores = (
        "Packages share the cores process by process, below the server (nice 5): no writable cgroup controller cpu was "
        "found. Under systemd, set Delegate=memory pids cpu."
    )
    return [
        Protection("memory limit", "memory" in kinds, "" if "memory" in kinds else memory),
        Protection("process limit", "pids" in kinds, "" if "pids" in kinds else processes),
        Protection("shares of the cores", "cpu" in kinds, "" if "cpu" in kinds else cores),
    ]


def _disk_limit() -> Protection:
    works = _output([shutil.which("du") or "du", "-s", "--inodes", "--", "/dev/null"]).split()[:1] == ["1"]
    text = "What packages write to the server's disk is not limited: du of the GNU core utilities was not found."
    return Protection("disk limit", works, "" if works else text)


def _find_bwrap() -> tuple[Path | None, bool, str]:
    """The program, whether it can forbid further user namespaces, and why there is none."""
    path = shutil.which("bwrap")
    if path is None:
        return None, False, "the program bwrap was not found"
    can_disable = "--disable-userns" in _output([path, "--help"])
    trial = replace(_BARE, bwrap=Path(path), can_disable_user_namespaces=can_disable)
    said = _try(trial, ["/usr/bin/env", "echo", "works"])
    if said != "works":
        return None, False, f"bwrap does not work here ({said[-200:] or 'no output'})"
    return Path(path), can_disable, ""


def _find_setpriv(sandbox: Sandbox) -> tuple[Path | None, str]:
    """The program that makes programs of a server that root runs another user's, and why there is none."""
    if not _is_root():
        return None, "only root can"
    path = shutil.which("setpriv")
    if path is None or not path.startswith("/usr/"):
        return None, "the program setpriv (of util-linux) was not found"
    if not sandbox.seccomp:
        return None, "without a filter of system calls a user of its own could make namespaces"
    if (mask := _umask()) & 0o055:
        return None, f"with the umask {mask:04o}, what the server makes can be read by root only; it should be 0022"
    trial = replace(sandbox, cgroups=None, setpriv=Path(path))
    user = trial.user_of("trial")
    said = _try(trial, ["/usr/bin/env", "id", "-u"], user)
    return (trial.setpriv, "") if said == str(user) else (None, f"setpriv does not work here ({said[-200:]})")


def _umask() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next((line.split()[1] for line in lines if line.startswith("Umask:")), "022"), 8)


def _why_no_filter(sandbox: Sandbox) -> str:
    if not is_known():
        return f"there is no filter for machines of the kind {platform.machine()}"
    trial = replace(sandbox, cgroups=None, seccomp=True)
    said = _try(trial, ["/bin/sh", "-c", _FILTER_MODE]) if trial.bwrap else _confined(trial)
    works = said == "2" or "filter True" in said
    return "" if works else f"the kernel does not take the filter ({said[-200:] or 'no output'})"


def _why_no_landlock() -> str:
    said = _confined(replace(_BARE, landlock=True))
    return "" if "files True" in said else f"it does not work here ({said[-200:] or 'no output'})"


def _confined(trial: Sandbox) -> str:
    """What a program of this interpreter says that confines itself as a worker would without bubblewrap."""
    wanted = confinement(trial, read_only=[sys.base_prefix], writable=[], network=False)
    with tempfile.NamedTemporaryFile(prefix="quinta-trial-") as forbidden:
        program = [sys.executable, "-I", "-S", "-c", _CONFINED]
        return _output([*program, str(_SOURCE_ROOT), json.dumps(wanted), forbidden.name])


def _try(trial: Sandbox, argv: list[str], user: int | None = None) -> str:
    environment = {"PATH": "/usr/bin:/bin"}
    return _output(
        trial.command(argv, read_only={}, writable={}, network=False, environment=environment, workdir="/", user=user)
    )


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout.decode(errors="replace").strip()
