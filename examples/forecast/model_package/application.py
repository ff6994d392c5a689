"""Forecasts daily demand: a moving average over the same weekdays. Standard library only, Python 3.8 or newer.

In: one csv file with the columns date (YYYY-MM-DD) and quantity, and item and place where there are several series.
Out: ``output.csv`` with the same columns, prediction instead of quantity, one row for each series and future day.
"""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

OUTPUT_FILE = "output.csv"
SERIES_COLUMNS = ("item", "place")
WEEK = timedelta(days=7)


def run(inputs: Path, outputs: Path, params: Mapping[str, Any], logger: logging.Logger) -> dict[str, Any]:
    """Forecasts ``horizon`` days (30 by default, 1 to 366) after the last one of each series: the mean of the
    quantities on the last ``weeks`` (8 by default, 1 to 52) days of the same weekday.

    Answers how far such forecasts were off: the last ``horizon`` days are held back, forecast from those before and
    compared. ``mean_absolute_error`` is in units of the quantity, ``share_of_demand`` is that of the mean quantity;
    null where the series are too short. ValueError says what is wrong with the file or a param.
    """
    horizon, weeks = _whole(params, "horizon", 30, 366), _whole(params, "weeks", 8, 52)
    columns, histories = read_histories(_only_csv(inputs))
    rows = 0
    with (outputs / OUTPUT_FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["date", *columns, "prediction"])
        for series, history in sorted(histories.items()):
            for day, prediction in forecast(history, max(history), horizon, weeks):
                writer.writerow([day.isoformat(), *series, round(prediction, 2)])
                rows += 1
    logger.info("Forecast %d days of %d series to %s.", horizon, len(histories), OUTPUT_FILE)
    error, demand = held_back_error(histories.values(), horizon, weeks)
    return {
        "series": len(histories),
        "rows": rows,
        "mean_absolute_error": None if error is None else round(error, 2),
        "share_of_demand": round(error / demand, 4) if error is not None and demand else None,
    }


def _whole(params: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = params.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(f'the param "{name}" must be a whole number from 1 to {most}, not {value!r}')
    return value


def _only_csv(inputs: Path) -> Path:
    files = sorted(inputs.glob("*.csv"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise ValueError(f"the inputs must have one csv file; they have: {found}")
    return files[0]


def read_histories(file: Path) -> tuple[list[str], dict[tuple[str, ...], dict[date, float]]]:
    """The columns that tell series apart, and by their values the quantity of each day; several rows of one day are
    added up. A file with ``;`` between its columns may have decimal commas."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        separator = ";" if ";" in lines.readline() else ","
        lines.seek(0)
        reader = csv.DictReader(lines, delimiter=separator)
        names = reader.fieldnames or []
        missing = [name for name in ("date", "quantity") if name not in names]
        if missing:
            raise ValueError(f"{file.name} has no column {missing[0]}; its first line has: {', '.join(names)}")
        columns = [name for name in SERIES_COLUMNS if name in names]
        histories: dict[tuple[str, ...], dict[date, float]] = {}
        for row in reader:
            where = f"{file.name}, line {reader.line_num}"
            history = histories.setdefault(tuple(row[name] or "" for name in columns), {})
            day = _day(row["date"], where)
            history[day] = history.get(day, 0.0) + _quantity(row["quantity"], separator == ";", where)
    if not histories:
        raise ValueError(f"{file.name} has no rows")
    return columns, histories


def _day(text: str | None, where: str) -> date:
    try:
        return date.fromisoformat((text or "").strip()[:10])
    except ValueError:
        raise ValueError(f"{where}: the date must look like 2013-12-31, not {text!r}") from None


def _quantity(text: str | None, decimal_comma: bool, where: str) -> float:
    try:
        value = float((text or "").replace(",", ".") if decimal_comma else text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{where}: the quantity must be a number, not {text!r}")
    return value


def forecast(history: Mapping[date, float], last: date, horizon: int, weeks: int) -> Iterator[tuple[date, float]]:
    """The ``horizon`` days after ``last`` with their predictions, from ``history``, which must end there.

    A day that the history leaves out is no zero: it is left out of the mean. A weekday without any gets the mean of the
    same weeks, weeks without any day that of the whole history.
    """
    recent = [quantity for day, quantity in history.items() if day > last - weeks * WEEK]
    for ahead in range(1, horizon + 1):
        before = last - timedelta(days=-ahead % 7)
        days = (before - week * WEEK for week in range(weeks))
        values = [history[day] for day in days if day in history] or recent or list(history.values())
        yield last + timedelta(days=ahead), sum(values) / len(values)


def held_back_error(histories: Iterable[Mapping[date, float]], horizon: int, weeks: int) -> tuple[float | None, float]:
    """The mean absolute error over the last ``horizon`` days of those histories that have ``weeks`` before them, and
    the mean quantity on those days."""
    errors, quantities = [], []
    for history in histories:
        cut = max(history) - timedelta(days=horizon)
        earlier = {day: quantity for day, quantity in history.items() if day <= cut}
        if not earlier or cut - min(earlier) < weeks * WEEK:
            continue
        for day, prediction in forecast(earlier, cut, horizon, weeks):
            if day in history:
                errors.append(abs(history[day] - prediction))
                quantities.append(history[day])
    if not errors:
        return None, 0.0
    return sum(errors) / len(errors), sum(quantities) / len(quantities)
