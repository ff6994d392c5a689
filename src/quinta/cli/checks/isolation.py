"""What keeps user code away from the server: the sandbox's layers and the kernel's parts of them."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from typing import Final

from quinta.cli.checks.finding import Finding, Level, ok, warning
from quinta.engine.sandbox.detection import detect
from quinta.engine.sandbox.sandbox import Sandbox

_LANDLOCK_CREATE_RULESET: Final = 444  # the number on every architecture
_LANDLOCK_VERSION: Final = 1
_SECONDS: Final = 10.0


def check_isolation(*, required: bool) -> list[Finding]:
    """``required``: whether the server refuses to start when a protection is missing."""
    sandbox = detect()
    return [
        *_layers(sandbox, required=required),
        _bubblewrap(sandbox),
        _user_namespaces(sandbox),
        _cgroups(sandbox),
        _landlock(),
        _seccomp(),
    ]


def _layers(sandbox: Sandbox, *, required: bool) -> list[Finding]:
    level = Level.FAILURE if required else Level.WARNING
    advice = "give the machine what the sentence names" + ("" if required else "; --require-sandbox insists on it")
    lacking = [Finding("sandbox", level, f"missing protection: {sentence}", advice) for sentence in sandbox.missing]
    return [*lacking, ok("sandbox", f"user code runs behind {sandbox.level.replace('+', ', ')}")]


def _bubblewrap(sandbox: Sandbox) -> Finding:
    if sandbox.bwrap is None:
        return warning("bubblewrap", "bubblewrap does not work here", "install bubblewrap 0.8 or newer")
    said = subprocess.run(
        [str(sandbox.bwrap), "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False
    ).stdout.strip()
    if sandbox.can_disable_user_namespaces:
        return ok("bubblewrap", f"{said} at {sandbox.bwrap}")
    return warning("bubblewrap", f"{said} at {sandbox.bwrap} is old", "install bubblewrap 0.8 or newer")


def _user_namespaces(sandbox: Sandbox) -> Finding:
    if sandbox.bwrap is not None:
        return ok("namespaces", "user namespaces can be made")
    for file, closed, advice in (
        ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "allow them to bwrap by an AppArmor profile, or sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ):
        if _read(file) == closed:
            return warning("namespaces", f"the host forbids user namespaces ({file} is {closed})", advice)
    return warning(
        "namespaces",
        "it is not known whether user namespaces can be made: bubblewrap does not work",
        "install bubblewrap; in a container, let it make user namespaces",
    )


def _cgroups(sandbox: Sandbox) -> Finding:
    if sandbox.cgroups is None:
        return warning(
            "cgroups",
            "no control group can be made: memory and processes of user code are watched instead of limited",
            "systemd: Delegate=memory pids and DelegateSubgroup=server in the server's unit",
        )
    kinds = " and ".join(sorted(sandbox.cgroups.parents))
    return ok("cgroups", f"version {sandbox.cgroups.version} with {kinds}")


def _landlock() -> Finding:
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    if version > 0:
        return ok("landlock", f"the kernel has Landlock, ABI {version}")
    return warning(
        "landlock",
        f"the kernel has no Landlock ({os.strerror(ctypes.get_errno())})",
        "use a kernel of 5.13 or newer with landlock among the parameter lsm=",
    )


def _seccomp() -> Finding:
    if "errno" in _read("/proc/sys/kernel/seccomp/actions_avail").split():
        return ok("seccomp", "the kernel can filter system calls")
    return warning("seccomp", "the kernel cannot filter system calls", "use a kernel with CONFIG_SECCOMP_FILTER")


def _read(file: str) -> str:
    """The text of a file of the kernel; empty when it does not have it."""
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""
