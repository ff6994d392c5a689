"""What builds need: interpreters, uv, and, when asked, the package index. And the optional drivers."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from quinta.cli.checks.finding import Finding, failure, ok, warning
from quinta.engine.builds.index import IndexSettings
from quinta.engine.builds.interpreters import discover
from quinta.settings import Settings

_DRIVERS: Final = {
    "PostgreSQL": "asyncpg",
    "MySQL": "pymysql",
    "BigQuery": "google.cloud.bigquery",
    "Cloud Storage": "google.cloud.storage",
    "Kinesis": "boto3",
}
_SECONDS: Final = 30.0
_ASKED_FOR: Final = "pip"
"""A distribution that every package index has."""


def check_software(settings: Settings, *, index: bool) -> list[Finding]:
    """``index``: whether to ask the package index, which is the only call to the outside."""
    uv = _find_uv()
    found = [_interpreters(settings), _uv(uv), _drivers()]
    if index and uv is not None:
        found.append(_index(settings, uv))
    return found


def _interpreters(settings: Settings) -> Finding:
    found = discover(settings.pythons, settings.search_path, settings.home).found
    if not found:
        return failure(
            "interpreters",
            "there is no CPython 3.8 or newer to run models with",
            "install one, or name it in QUINTA_PYTHONS",
        )
    return ok(
        "interpreters", "models can run on Python " + ", ".join(dict.fromkeys(each.version_text for each in found))
    )


def _find_uv() -> Path | None:
    try:
        return Path(find_uv_bin())
    except FileNotFoundError:
        return None


def _uv(uv: Path | None) -> Finding:
    if uv is None:
        return failure(
            "uv", "uv, which installs requirements, is not there", "install Quinta again, with its dependencies"
        )
    done = subprocess.run([uv, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        return failure(
            "uv", f"{uv} does not run: {done.stderr.strip()[-200:]}", "install Quinta again for this machine"
        )
    return ok("uv", f"{done.stdout.strip()} at {uv}")


def _drivers() -> Finding:
    missing = [name for name, module in _DRIVERS.items() if not _is_there(module)]
    if not missing:
        return ok("drivers", "the drivers of all databases and connectors are installed")
    return warning(
        "drivers", f"not installed: {', '.join(missing)}", "if you use them, install quinta with the extra connectors"
    )


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent is missing
        return False


def _index(settings: Settings, uv: Path) -> Finding:
    """Resolves one name as a build would, in an empty folder and without a cache."""
    variables = IndexSettings.of(settings.build_environment).variables
    with tempfile.TemporaryDirectory(prefix="quinta-doctor-") as folder:
        command = [str(uv), "pip", "compile", "--python", sys.executable, "--no-deps", "--no-cache", "--no-config", "-"]
        environment = {**variables, "HOME": folder, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
        try:
            done = subprocess.run(
                command, input=_ASKED_FOR, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired:
            said = f"no answer within {_SECONDS:.0f} seconds"
        else:
            if done.returncode == 0:
                return ok("package index", "the package index answers")
            said = " ".join(done.stderr.split())[-300:]
    return failure(
        "package index",
        f"requirements cannot be installed: {said}",
        "check the network, or set UV_DEFAULT_INDEX, proxies and certificates as docs/operating.md says",
    )
