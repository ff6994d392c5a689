"""An application that does what its params say, for tests; on any Python that packages may ask for."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any


def run(inputs: Path, outputs: Path, params: dict[str, Any], logger: logging.Logger) -> Any:
    """``write``: texts by path in the output folder; ``log_file``: a text for the log folder; ``do``: ``fail``,
    ``hang``, or ``return`` with the ``value``. Else answers what it was given."""
    logger.info("the bench was told to %s", params.get("do", "show"))
    for name, text in params.get("write", {}).items():
        target = outputs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if "log_file" in params:
        Path(os.environ["QUINTA_LOG_FOLDER"], "bench.txt").write_text(params["log_file"], encoding="utf-8")
    if params.get("do") == "fail":
        raise ValueError("told to fail")
    while params.get("do") == "hang":
        time.sleep(0.1)
    if params.get("do") == "return":
        return params["value"]
    files = sorted(path for path in inputs.rglob("*") if path.is_file())
    return {"files": {path.relative_to(inputs).as_posix(): path.stat().st_size for path in files}, "params": params}
