"""Removes folders that strangers' code has written to.

By rm, which follows no links and for which no depth is too much: Python's own walk ends with a RecursionError some
1,000 folders down, and code can make as many as it likes.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

_REMOVE_ATTEMPTS: Final = 3


def remove_tree(path: Path) -> None:
    """Removes a file or a folder with all it holds, read-only folders too; nothing when it does not exist; blocks.

    Raises OSError when something of it cannot be removed.
    """
    for _ in range(_REMOVE_ATTEMPTS):  # a process that is being killed may write one more file
        if not (said := failure_of("rm", "-rf", "--", str(path))):
            return
        # Closed folders only: files may share their inodes with an environment that is in use. From within their
        # parent (-execdir): the whole path may be longer than a system call takes.
        failure_of("find", str(path), "-type", "d", "!", "-perm", "-700", "-execdir", "chmod", "u+rwx", "{}", ";")
    raise OSError(f"{path} could not be removed: {said}")


def failure_of(*command: str) -> str:
    """Runs ``command``; the end of what it complained about, or "" when it went well."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return (done.stderr.strip()[-500:] or f"exit code {done.returncode}") if done.returncode else ""
