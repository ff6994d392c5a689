"""The example forecast: its data is what its script makes, its numbers are those told, and bad files are said so."""

from __future__ import annotations

import csv
import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.applications.loading import EXAMPLES, Run, load

FORECAST = EXAMPLES / "forecast"
DATA = FORECAST / "departures.csv"


@pytest.fixture
def forecast(tmp_path: Path) -> Run:
    return Run(load(FORECAST / "model_package" / "application.py"), tmp_path)


def give(run: Run, text: str, name: str = "sales.csv") -> None:
    (run.inputs / name).write_text(text, encoding="utf-8")


def output(run: Run) -> list[dict[str, str]]:
    with (run.outputs / "output.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_the_data_is_the_file_told() -> None:
    digest = hashlib.sha256(DATA.read_bytes()).hexdigest()
    assert digest in (FORECAST / "README.md").read_text(encoding="utf-8")


def test_departures_are_forecast_from_the_same_weekdays(forecast: Run) -> None:
    (forecast.inputs / DATA.name).write_bytes(DATA.read_bytes())
    answer = forecast()
    rows = output(forecast)
    with DATA.open(newline="", encoding="utf-8") as lines:
        history = {(row["place"], row["date"]): int(row["quantity"]) for row in csv.DictReader(lines)}

    assert answer["series"] == 3
    assert answer["rows"] == len(rows) == 90
    for row in rows:
        day = date.fromisoformat(row["date"])
        weekdays = [day - timedelta(days=7 * week) for week in range(1, 14)]
        known = [history[row["place"], str(each)] for each in weekdays if (row["place"], str(each)) in history]
        assert float(row["prediction"]) == pytest.approx(sum(known[:8]) / 8, abs=0.005)
    text = (FORECAST / "README.md").read_text(encoding="utf-8")
    assert f"{answer['mean_absolute_error']:.1f} flights" in text
    assert f"{answer['share_of_demand']:.1%}" in text


def test_the_error_is_that_of_the_days_held_back(forecast: Run) -> None:
    days = [date(2024, 1, 1) + timedelta(days=ahead) for ahead in range(21)]
    lines = [f"{day},{10 if day < days[14] else 13}" for day in days]
    give(forecast, "\n".join(["date,quantity", *lines]))
    answer = forecast({"horizon": 7, "weeks": 1})
    assert answer == {"series": 1, "rows": 7, "mean_absolute_error": 3.0, "share_of_demand": 0.2308}
    assert {row["prediction"] for row in output(forecast)} == {"13.0"}
    assert forecast({"horizon": 7, "weeks": 2})["mean_absolute_error"] is None


def test_series_are_told_apart_and_days_added_up(forecast: Run) -> None:
    give(forecast, "place;date;quantity;item\nA;2024-01-01;1,5;x\nA;2024-01-01;2;x\nB;2024-01-02;7;x\n")
    forecast({"horizon": 1})
    assert output(forecast) == [
        {"date": "2024-01-02", "item": "x", "place": "A", "prediction": "3.5"},
        {"date": "2024-01-03", "item": "x", "place": "B", "prediction": "7.0"},
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("day,quantity\n2024-01-01,1\n", "sales.csv has no column date; its first line has: day, quantity"),
        ("date,quantity\n2024-13-01,1\n", "sales.csv, line 2: the date must look like 2013-12-31, not '2024-13-01'"),
        ("date,quantity\n2024-01-01,many\n", "sales.csv, line 2: the quantity must be a number, not 'many'"),
        ("date,quantity\n2024-01-01,nan\n", "sales.csv, line 2: the quantity must be a number, not 'nan'"),
        ("date,quantity\n2024-01-01\n", "sales.csv, line 2: the quantity must be a number, not None"),
        ("date,quantity\n", "sales.csv has no rows"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_place(forecast: Run, text: str, sentence: str) -> None:
    give(forecast, text)
    with pytest.raises(ValueError, match=r"sales\.csv") as failure:
        forecast()
    assert str(failure.value) == sentence


def test_exactly_one_file_is_forecast(forecast: Run) -> None:
    with pytest.raises(ValueError, match="the inputs must have one csv file; they have: none"):
        forecast()
    give(forecast, "date,quantity\n2024-01-01,1\n")
    assert forecast()["rows"] == 30
    give(forecast, "date,quantity\n2024-01-01,1\n", "more.csv")
    with pytest.raises(ValueError, match=r"they have: more\.csv, sales\.csv"):
        forecast()


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"horizon": 0}, 'the param "horizon" must be a whole number from 1 to 366, not 0'),
        ({"horizon": True}, 'the param "horizon" must be a whole number from 1 to 366, not True'),
        ({"weeks": "4"}, "the param \"weeks\" must be a whole number from 1 to 52, not '4'"),
    ],
)
def test_params_out_of_range_are_refused(forecast: Run, params: dict[str, Any], sentence: str) -> None:
    give(forecast, "date,quantity\n2024-01-01,1\n")
    assert forecast({"horizon": 1, "weeks": 52})["rows"] == 1
    with pytest.raises(ValueError, match="param") as failure:
        forecast(params)
    assert str(failure.value) == sentence
