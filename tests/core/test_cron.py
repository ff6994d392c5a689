"""Crontab lines: what is refused, and due times beside a walk over every minute that knows crontab(5) by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput
from quinta.core.schedules.cron import check_crontab, next_time

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
WALKED_DAYS = 40


def numbers(low: int, high: int, names: list[str], first: int) -> st.SearchStrategy[str]:
    """One value, as a number or (where there are names) as a name in either case."""
    plain = st.integers(low, high).map(str)
    if not names:
        return plain
    return plain | st.sampled_from([*names, *map(str.lower, names)])


def value_of(text: str) -> int:
    word = text.upper()
    if word in MONTHS:
        return MONTHS.index(word) + 1
    return DAYS.index(word) if word in DAYS else int(text)


def field(index: int) -> st.SearchStrategy[str]:
    low, high = BOUNDS[index]
    names = MONTHS if index == 3 else DAYS if index == 4 else []
    one = numbers(low, high, names, low)
    # Both ends alike with a step is left out: programs disagree on what 5-5/3 means.
    span = st.tuples(one, one).filter(lambda ends: value_of(ends[0]) < value_of(ends[1])).map("-".join)
    steps = st.integers(1, 35).map(lambda step: f"/{step}")
    stepped = st.tuples(st.just("*") | one | span, steps).map("".join)
    return st.just("*") | st.lists(st.just("*") | one | span | stepped, min_size=1, max_size=3).map(",".join)


LINES = st.tuples(*map(field, range(5))).map(" ".join)


def members(text: str, index: int) -> set[int]:
    """The values of a field, term by term."""
    low, high = BOUNDS[index]
    found: set[int] = set()
    for term in text.split(","):
        span, _, step = term.partition("/")
        start, dash, end = span.partition("-")
        if start == "*":
            first, last = low, high
        else:
            first = value_of(start)
            last = value_of(end) if dash else high if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return found


class Line:
    """A crontab line that is asked about one minute at a time."""

    def __init__(self, text: str) -> None:
        fields = text.split()
        self.minutes, self.hours, self.days, self.months, weekdays = map(members, fields, range(5))
        self.weekdays = {day % 7 for day in weekdays}
        self.either = not (fields[2].startswith("*") or fields[4].startswith("*"))

    def matches(self, moment: datetime) -> bool:
        on_day, on_weekday = moment.day in self.days, (moment.weekday() + 1) % 7 in self.weekdays
        day = on_day or on_weekday if self.either else on_day and on_weekday
        return moment.minute in self.minutes and moment.hour in self.hours and moment.month in self.months and day


def walk(line: Line, after: datetime, until: datetime) -> datetime | None:
    """The first minute later than ``after`` that matches, before ``until``."""
    moment = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while moment < until:
        if line.matches(moment):
            return moment
        moment += timedelta(minutes=1)
    return None


@settings(max_examples=150)
@given(LINES, st.datetimes(datetime(1999, 12, 1), datetime(2037, 12, 31), timezones=st.just(UTC)))
def test_due_times_are_those_of_a_walk_over_every_minute(text: str, start: datetime) -> None:
    try:
        check_crontab(text)
    except InvalidInput:  # a day that its months do not have
        assert walk(Line(text), start, start + timedelta(days=WALKED_DAYS)) is None
        return
    line, moment, until = Line(text), start, start + timedelta(days=WALKED_DAYS)
    for _ in range(3):
        due = next_time(text, moment)
        walked = walk(line, moment, until)
        if walked is None:
            assert due is None or due >= until
            return
        assert due == walked
        moment = due


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@Midnight", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"),
        (" 0  8\t* * 1-5 ", "0 8 * * 1-5"),
    ],
)  # fmt: skip
def test_short_names(text: str, same: str) -> None:
    now = datetime(2026, 3, 28, 23, 59, 30, tzinfo=UTC)
    assert check_crontab(text) == text
    assert next_time(text, now) == next_time(same, now)


@pytest.mark.parametrize(
    "text",
    [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8",
        "*/0 * * * *", "5-1 * * * *", "* * * FOO *", "* * L * *", "* * * * MON#1", "* * * * 5L", "-1 * * * *",
        "1.5 * * * *", "1,,2 * * * *", "* * * * *;ls", "\u0661 * * * *", "*" * 300,
        "a b c d e", "@reboot", "@", "0 0 31 2 *", "0 0 30 feb *",
    ],
)  # fmt: skip
def test_what_is_no_crontab_line(text: str) -> None:
    with pytest.raises(InvalidInput, match="schedule must be a crontab line") as refused:
        check_crontab(text)
    assert refused.value.field == "schedule"
    assert len(refused.value.message) < 500


def test_a_day_that_is_years_away_and_the_end_of_a_year() -> None:
    assert next_time("0 0 29 2 *", datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2028, 2, 29, tzinfo=UTC)
    last = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert next_time("* * * * *", last) == datetime(2027, 1, 1, tzinfo=UTC)
    exactly = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_time("* * * * *", exactly) == exactly + timedelta(minutes=1)
