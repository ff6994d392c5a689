"""What a line says of its level, in the forms of the libraries that people log with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.core.observation.levels import Levels, level_of, level_of_platform
from quinta.core.observation.model import LogLevel
from quinta.core.reasons import Failure, Reason


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("ERROR", "error"),
        ("ERROR payment refused", "error"),
        ("ERROR naughty: from logging", "error"),  # how the worker sets up logging
        ("WARNING:root:from logging's own default", "warn"),
        ("CRITICAL:root:x", "error"),
        ("DEBUG x", "debug"),
        ("[warning] x", "warn"),
        ("[INFO/MainProcess] of multiprocessing", "info"),
        ("<err> x", "error"),
        ("error: of a command", "error"),
        ("Warning: of a person", "warn"),
        ("fatal: of git", "error"),
        ("INFO:     of uvicorn", "info"),
        ("2026-11-22 18:00:00,123 INFO x", "info"),
        ("2026-11-22 18:00:00,123 - my.app - ERROR - the usual format", "error"),
        ("2026-11-22 18:00:00,123 root         WARNING  x", "warn"),
        ("2026-11-22 18:00:00,123 [MainThread] INFO x", "info"),
        ("2026-11-22 18:00:00,123:INFO:x", "info"),
        ("2026-11-22 18:00:00 name: ERROR: x", "error"),
        ("[2026-11-22 18:00:00,000] ERROR in app: of Flask", "error"),
        ("[2026-11-22 18:00:00 +0000] [7] [INFO] of gunicorn", "info"),
        ("2026-11-22T18:00:00.1Z [error    ] of structlog", "error"),
        ("2026-11-22 18:00:00.123 | SUCCESS  | of:loguru:12 - x", "info"),
        ("18:00:00 TRACE x", "debug"),
        ("W1122 18:00:00.000000 12 file.cc:1] of glog", "warn"),
        ("2023-01-01 12:00:00.123456: I tensorflow/core/x.cc:182] x", "info"),
        ("time=2026-11-22T18:00:00Z level=warn msg=x", "warn"),
        ("level=info x", "info"),
        ('{"event": "x", "level": "error"}', "error"),
        ('{"severity":"NOTICE"}', "info"),
        ("/opt/package/model.py:12: FutureWarning: of warnings", "warn"),
        ("Traceback (most recent call last):", "error"),
        ("  + Exception Group Traceback (most recent call last):", "error"),
        ("a plain line", None),
        ("INFORMATION", None),
        ("ERROR-free", None),
        ("Error while I slept", None),
        ("no ERROR here", None),
        ("5 errors", None),
        ("2026-11-22 18:00:00 a plain line", None),
        ("12:00 W x", None),
        ("model.py:12: error", None),
        ('{"level": 30}', None),
        ('{"message": "\\"level\\": \\"error\\""}', None),
        ("{level} of no JSON", None),
        (" ERROR that is indented belongs to the line above", None),
    ],
)
def test_forms(text: str, level: str | None) -> None:
    assert level_of(text) == level


@given(st.one_of(st.text(max_size=600), st.text(alphabet=" \t0123456789-:.[]|ERO/", max_size=9_000)))
def test_any_text_is_looked_at(text: str) -> None:
    assert level_of(text) in (None, *LogLevel)


def levels(text: str) -> list[LogLevel | None]:
    reader = Levels()
    return [reader.of(line) for line in text.splitlines()]


def test_what_belongs_to_a_line_above_has_its_level() -> None:
    traceback = """\
before
Traceback (most recent call last):
  File "model.py", line 3, in request
    raise Oops("no")
Oops: no
after
WARNING x: of two
  lines
  INFO indented
after
"""
    error, warn = LogLevel.ERROR, LogLevel.WARN
    assert levels(traceback) == [None, error, error, error, error, None, warn, warn, warn, None]


def test_a_new_section_has_nothing_above() -> None:
    reader = Levels()
    assert [reader.of(line) for line in ("Traceback (most recent call last):", "  File")] == [LogLevel.ERROR] * 2
    reader.begin()
    assert [reader.of(line) for line in ("  indented", "Oops: no")] == [None, None]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (f"the request failed: {Failure(Reason.RUN_TIMEOUT, 'it took too long')}", "error"),
        ("warning: `x` is deprecated", "warn"),  # of the installer of packages
        ("an instance started in 0.12 s", "info"),
        ("the list ends with [1, 2]", "info"),
        ("]", "info"),
    ],
)
def test_lines_of_the_platform(text: str, level: str) -> None:
    assert level_of_platform(text) == level
