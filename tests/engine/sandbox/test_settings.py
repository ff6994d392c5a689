"""The setting that gives instances the machine's network."""

from __future__ import annotations

from pathlib import Path

import pytest

from quinta.settings import SettingsError, read_settings


@pytest.mark.parametrize(("text", "network"), [("", False), ("none", False), ("host", True), (" HOST ", True)])
def test_the_network_of_instances_is_read(tmp_path: Path, text: str, network: bool) -> None:
    settings = read_settings(tmp_path, environment={"QUINTA_INSTANCE_NETWORK": text})
    assert settings.instance_network is network


def test_another_network_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="QUINTA_INSTANCE_NETWORK must be none or host, not 'bridge'"):
        read_settings(tmp_path, environment={"QUINTA_INSTANCE_NETWORK": "bridge"})
