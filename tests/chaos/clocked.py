"""``python -m tests.chaos.clocked serve …``: the server on a clock that is ahead by what a file says, in seconds."""

from __future__ import annotations

import argparse
import os
from datetime import datetime, timedelta
from pathlib import Path

from quinta.cli.serve import serve_forever
from quinta.kit.clock import SystemClock

FILE = "ahead"


class FileClock(SystemClock):
    """``file`` may change at any time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=float(self._file.read_text()))


def set_ahead(folder: Path, seconds: float) -> None:
    """Lets the clock of the server whose data are in ``folder``/data jump."""
    new = folder / "ahead.new"
    new.write_text(str(seconds))
    os.replace(new, folder / FILE)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("serve")
    parser.add_argument("--port", type=int)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    clock = FileClock(given.data.parent / FILE)
    serve_forever(given.data, "127.0.0.1", given.port, require_sandbox=False, clock=clock)


if __name__ == "__main__":
    main()
