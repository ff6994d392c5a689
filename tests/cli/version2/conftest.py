"""The command with nothing set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.version2.command import Command, new_command


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Without a key, in an empty folder; what it would reach is no server."""
    return new_command(tmp_path, VERSION2_API_URL="http://127.0.0.1:9")
