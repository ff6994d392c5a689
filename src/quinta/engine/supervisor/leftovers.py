"""Clears away what a supervisor that was killed has left: processes, cgroups and folders."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Final

from quinta.engine.sandbox.cgroups import Cgroup
from quinta.engine.sandbox.processes import kill_launcher, kill_session, look, marked
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.sandbox.trees import remove_tree
from quinta.engine.supervisor.process import RECORD

_log: Final = logging.getLogger(__name__)

# The kernel ends killed processes and empties their group within milliseconds, unless one is stuck in the disk.
_PATIENCE_SECONDS: Final = 5.0
_STEP_SECONDS: Final = 0.01


def reap_leftovers(instances: Path, sandbox: Sandbox) -> list[str]:
    """Ends every instance recorded in the folder ``instances``, removes their folders, and returns their ids.

    Blocking. A process counts only if its id and its start time are those recorded, so one that has got the same id
    since is safe. Not for a folder that a running supervisor uses.
    """
    found = []
    for folder in sorted(instances.iterdir()) if instances.is_dir() else []:
        _end_processes(folder, sandbox)
        if sandbox.cgroups is not None:
            remove_cgroup(sandbox.cgroups.existing(folder.name))
        try:
            remove_tree(folder)
        except OSError:  # no reason not to start; the next start tries again
            _log.exception("instance %s: its folder could not be removed", folder.name)
        found.append(folder.name)
    return found


def remove_cgroup(cgroup: Cgroup) -> bool:
    """Kills what is in the group and removes it. Blocking; False when something did not end in time."""
    limit = time.monotonic() + _PATIENCE_SECONDS
    while not cgroup.remove():
        if time.monotonic() > limit:
            return False
        cgroup.kill()
        time.sleep(_STEP_SECONDS)
    return True


def _end_processes(folder: Path, sandbox: Sandbox) -> None:
    try:
        record = json.loads((folder / RECORD).read_text())
        process_id, start_time = int(record["process"]), int(record["start_time"])
    except (OSError, ValueError, KeyError, TypeError):
        process_id = start_time = 0  # killed between making the folder and starting the process
    limit = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < limit:
        process = look(process_id) if process_id else None
        alive = process is not None and process.start_time == start_time and not process.zombie
        if not alive and (sandbox.bwrap is not None or not marked(folder.name)):
            return
        if alive and sandbox.bwrap is not None:
            kill_launcher(process_id)
        elif sandbox.bwrap is None:
            kill_session(process_id if alive else 0, folder.name)
        time.sleep(_STEP_SECONDS)
