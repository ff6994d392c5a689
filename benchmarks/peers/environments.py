"""An environment for each peer, from a lock file with versions and hashes, below ``.venv`` or another folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
_ENVIRONMENTS = Path(sys.prefix) / "peers"


def python_of(peer: str, below: Path = _ENVIRONMENTS) -> Path:
    """The interpreter of the peer's environment, which is made first when its lock file is new or has changed."""
    lock, folder = HERE / "locks" / f"{peer}.lock", below / peer
    python, done = folder / "bin" / "python", folder / "installed.lock"
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return python
    print(f"installing {peer} into {folder}", file=sys.stderr, flush=True)
    uv = str(Path(sys.prefix) / "bin" / "uv")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(python), "-r", str(lock)], check=True
    )
    done.write_bytes(lock.read_bytes())
    return python
