"""Runs servers for a test session and ends them when that is over, however it ends.

    python keeper.py SPECIFICATION

SPECIFICATION is a JSON file: ``session`` is the process id of the test session, ``folder`` is what the servers keep and
is removed in the end, ``commands`` are their command lines. A program of its own: workers of a session come and go, and
servers that they share must outlive each of them, but never the session, even one that is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_POLL_SECONDS = 0.25
_END_SECONDS = 10
_PARENT_DEATH_SIGNAL = 1


def main(specification: Path) -> None:
    wanted = json.loads(specification.read_text(encoding="utf-8"))
    folder = Path(wanted["folder"])
    library = ctypes.CDLL(None)
    with (folder / "log").open("ab") as log:
        servers = [
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **wanted["environment"]},
                start_new_session=True,
                preexec_fn=lambda: library.prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM),
            )
            for command in wanted["commands"]
        ]
    while _runs(wanted["session"]) and all(server.poll() is None for server in servers):
        time.sleep(_POLL_SECONDS)
    for server in servers:
        if server.poll() is None:
            server.terminate()
    for server in servers:
        try:
            server.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    if not _runs(wanted["session"]):  # else a server has failed, and its log is wanted
        shutil.rmtree(folder, ignore_errors=True)


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
