"""Finds out, by trying, which protections this machine gives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from quinta.engine.sandbox.cgroups import Cgroups, find_cgroups
from quinta.engine.sandbox.sandbox import Sandbox

_TRIAL_SECONDS = 10.0


def detect(*, use_bwrap: bool = True, use_cgroups: bool = True) -> Sandbox:
    """Tries bubblewrap and cgroups and returns the strongest sandbox that works here.

    Runs short trial programs (tens of milliseconds), so call it once, before the server answers. The parameters turn
    a layer off, for machines where it is in the way and for tests of what remains.
    """
    missing: list[str] = []
    bwrap, can_disable, why_not = _find_bwrap() if use_bwrap else (None, False, "it was turned off")
    if bwrap is None:
        missing.append(
            f"Packages run without their own namespaces and see the server's files and processes: {why_not}. "
            "Install the package bubblewrap and allow user namespaces."
        )
    elif not can_disable:
        missing.append(
            "Packages can make further user namespaces: this bubblewrap has no --disable-userns (0.8.0 has)."
        )
    cgroups = find_cgroups() if use_cgroups else None
    missing += _missing_cgroup_limits(cgroups)
    layers = (["bwrap"] if bwrap else []) + ([f"cgroup{cgroups.version}"] if cgroups else []) + ["rlimits"]
    return Sandbox("+".join(layers), tuple(missing), bwrap, cgroups, can_disable)


def _missing_cgroup_limits(cgroups: Cgroups | None) -> list[str]:
    if cgroups is None:
        return [
            "Memory is watched four times a second instead of limited exactly, and the number of processes of a "
            "package likewise: no writable cgroup with the memory controller was found."
        ]
    if "pids" not in cgroups.parents:
        return ["The number of processes of a package is watched, not limited: no writable cgroup controller pids."]
    return []


def _find_bwrap() -> tuple[Path | None, bool, str]:
    """The program, whether it can forbid further user namespaces, and why there is none."""
    path = shutil.which("bwrap")
    if path is None:
        return None, False, "the program bwrap was not found"
    words = _output([path, "--help"])
    can_disable = "--disable-userns" in words
    trial = Sandbox("", (), Path(path), None, can_disable)
    command = trial.command(
        ["/usr/bin/env", "echo", "works"],
        read_only={},
        writable={},
        network=False,
        environment={"PATH": "/usr/bin:/bin"},
        workdir="/",
    )
    said = _output(command)
    if said.strip() != "works":
        return None, False, f"bwrap does not work here ({said.strip()[-200:] or 'no output'})"
    return Path(path), can_disable, ""


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
    return done.stdout.decode(errors="replace")
