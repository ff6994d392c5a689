"""Where minutes, hours, days and months begin, on the examples of the document (contract ubiops 9.3); and every fifth
minute (contract versiontwo 5.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from quinta.core.observation.intervals import Interval, next_start, start_of, starts

NOON = datetime(2019, 11, 13, 12, tzinfo=UTC)


def of(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "end", "expected"),
    [
        ("minute", of("2019-11-13 12:03"), ["2019-11-13 12:00", "2019-11-13 12:01", "2019-11-13 12:02"]),
        ("five minutes", of("2019-11-13 12:12"), ["2019-11-13 12:00", "2019-11-13 12:05", "2019-11-13 12:10"]),
        ("hour", of("2019-11-13 14:00"), ["2019-11-13 12:00", "2019-11-13 13:00"]),
        ("day", of("2019-11-14 12:00"), ["2019-11-13", "2019-11-14"]),
        ("month", of("2019-12-13 12:00"), ["2019-11-01", "2019-12-01"]),
    ],
)
def test_the_documents_examples(interval: str, end: datetime, expected: list[str]) -> None:
    assert list(starts(NOON, end, Interval(interval))) == [of(text) for text in expected]


@pytest.mark.parametrize("interval", Interval)
def test_the_last_interval_begins_before_the_end(interval: Interval) -> None:
    edge = start_of(NOON, interval)
    following = next_start(edge, interval)
    tick = timedelta(microseconds=1)
    assert list(starts(edge, edge, interval)) == []
    assert list(starts(edge + tick, edge + tick, interval)) == [edge]
    assert list(starts(edge, following, interval)) == [edge]
    assert list(starts(following - tick, following, interval)) == [edge]
    assert list(starts(edge, following + tick, interval)) == [edge, following]


def test_months_of_every_length() -> None:
    found = list(starts(of("2023-12-31"), of("2025-01-01"), Interval.MONTH))
    assert found == [of("2023-12-01"), *(datetime(2024, month, 1, tzinfo=UTC) for month in range(1, 13))]


def test_other_zones_count_as_utc() -> None:
    late = datetime(2020, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert start_of(late, Interval.MONTH) == of("2019-12-01")
    assert start_of(late + timedelta(minutes=14), Interval.FIVE_MINUTES) == of("2019-12-31 23:40")
    assert start_of(late, Interval.HOUR) == of("2019-12-31 23:00")
