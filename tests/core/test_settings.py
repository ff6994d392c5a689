"""Settings whose values are more than a text: the zone whose times VBrain shows, the limit of calls."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from quinta.settings import SettingsError, read_settings


@pytest.mark.parametrize("value", ["America/Sao_Paulo", " Etc/GMT+3 "])
def test_a_zone_is_taken_by_its_name(value: str, tmp_path: Path) -> None:
    read = read_settings(tmp_path, environment={"QUINTA_TIME_ZONE": value})
    assert read.time_zone == ZoneInfo(value.strip())


@pytest.mark.parametrize("value", ["", "UTC", "utc"])
def test_without_one_it_is_utc(value: str, tmp_path: Path) -> None:
    assert read_settings(tmp_path, environment={"QUINTA_TIME_ZONE": value}).time_zone is UTC


@pytest.mark.parametrize("value", ["Sao_Paulo", "America", "../../etc/passwd", "/etc/localtime", "-03:00", "a\0b"])
def test_another_name_is_refused(value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="QUINTA_TIME_ZONE must be the name of a time zone such as"):
        read_settings(tmp_path, environment={"QUINTA_TIME_ZONE": value})


@pytest.mark.parametrize(("value", "limit"), [("", 100), ("250", 250), ("0", 0)])
def test_the_rate_limit_may_be_nothing(value: str, limit: int, tmp_path: Path) -> None:
    assert read_settings(tmp_path, environment={"QUINTA_RATE_LIMIT": value}).rate_limit == limit


@pytest.mark.parametrize("value", ["-1", "1.5", "many"])
def test_another_rate_limit_is_refused(value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"QUINTA_RATE_LIMIT must be a whole number from 0 on, not"):
        read_settings(tmp_path, environment={"QUINTA_RATE_LIMIT": value})


def test_datasets_may_be_anywhere_unless_folders_are_named(tmp_path: Path) -> None:
    assert read_settings(tmp_path, environment={}).dataset_folders == ()
    read = read_settings(tmp_path, environment={"QUINTA_DATASET_FOLDERS": "/srv/data:/mnt/more data:"})
    assert read.dataset_folders == (Path("/srv/data"), Path("/mnt/more data"))
    with pytest.raises(SettingsError, match="QUINTA_DATASET_FOLDERS must be absolute paths separated by ':'"):
        read_settings(tmp_path, environment={"QUINTA_DATASET_FOLDERS": "/srv/data:data"})


@pytest.mark.parametrize(("value", "budget"), [("", 1000), ("0", 0), ("1000000000", 1_000_000_000)])
def test_the_budget_of_datasets_may_be_nothing(value: str, budget: int, tmp_path: Path) -> None:
    assert read_settings(tmp_path, environment={"QUINTA_DATASET_BUDGET": value}).dataset_budget == budget


@pytest.mark.parametrize("value", ["-1", "0.5", "1000000001"])
def test_another_budget_is_refused(value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="QUINTA_DATASET_BUDGET must be a whole number from 0 to 1000000000"):
        read_settings(tmp_path, environment={"QUINTA_DATASET_BUDGET": value})
