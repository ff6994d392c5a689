"""The real clients, each release in a process of its own, as users run them.

Their files are below the environment (script/setup puts them there from the locks in ``clients``); what they need
besides is the environment's own. Every process has an empty home: release 2.0.0 keeps its token there, whichever server
it is for (contract brainstem 4.4).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RELEASES = ("0.1.0", "0.2.0", "2.0.0")
LOCKS = Path(__file__).with_name("clients")
_SECONDS = 300


def installed(release: str) -> Path:
    """Where a release is."""
    folder = Path(sys.prefix, "brainstem-clients", release)
    assert folder.is_dir(), f"the client {release} is not installed: run ./script/setup dev"
    return folder


def run(
    release: str, home: Path, *arguments: str, given: object = None, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs Python with ``arguments`` where the client can be imported; ``given`` goes in as JSON."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment = {**kept, "PYTHONPATH": str(installed(release)), "HOME": str(home), **(settings or {})}
    return subprocess.run(
        [sys.executable, *arguments],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env=environment,
        check=False,
    )


def script(release: str, home: Path, program: str, given: object) -> Any:
    """What a program prints as JSON; it finds ``given`` under that name."""
    start = "import json, sys\ngiven = json.load(sys.stdin)\n"
    done = run(release, home, "-c", start + program, given=given)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def command(home: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command ``brainstem`` of release 2.0.0."""
    return run("2.0.0", home, "-m", "brainstem_api_tools.cli", *words, settings=settings)
