"""The setting that opens networks to connectors."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from quinta.settings import SettingsError, read_settings


@pytest.mark.parametrize(
    ("text", "networks"),
    [("", []), ("10.0.0.0/8, ::1/128", ["10.0.0.0/8", "::1/128"]), ("10.0.0.1\nfd00::/8", ["10.0.0.1/32", "fd00::/8"])],
)
def test_networks_are_read(tmp_path: Path, text: str, networks: list[str]) -> None:
    settings = read_settings(tmp_path, environment={"QUINTA_CONNECTOR_NETWORKS": text})
    assert settings.connector_networks == tuple(map(ip_network, networks))


@pytest.mark.parametrize("text", ["10.0.0.1/8", "localhost", "10.0.0.0/33", "10.0.0.0/8;127.0.0.0/8"])
def test_what_is_no_network_stops_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="QUINTA_CONNECTOR_NETWORKS must be networks"):
        read_settings(tmp_path, environment={"QUINTA_CONNECTOR_NETWORKS": text})
