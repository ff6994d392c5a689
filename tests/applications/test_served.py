"""The packages that need one, in a real server: added by an operator, built, and run by calls over a socket."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from script.local_server import zip_package

from tests.applications.loading import EXAMPLES, load, read_workbook, write_workbook
from tests.dialects.vbrain.house import Door, House
from tests.serving import RunningServer, server

__all__ = ["server"]


@pytest.fixture(scope="module")
def house(server: RunningServer) -> Iterator[House]:
    house = House(server)
    yield house
    house.close()


def file(name: str, content: bytes) -> dict[str, Any]:
    return {"files": {"file": (name, content)}}


def add_example(house: House, folder: Path, name: str, tmp_path: Path) -> Door:
    package = tmp_path / "package.zip"
    package.write_bytes(zip_package(folder / "model_package"))
    house.admin("application", "add", house.organization, name, "--zip", str(package))
    return house.client(name)


def finished(door: Door, repository: str, **params: Any) -> tuple[Any, dict[str, bytes]]:
    """Result and output of a job."""
    job = door.new_job(repository, params)
    info = door.ended(job)
    assert info["job_status"] == "finished", (info, door.zip(f"/job/{job}/logs"))
    return door.call("GET", f"/job/{job}/result").json()["output"], door.zip(f"/job/{job}/output")


def test_the_most_cited_words_of_an_uploaded_workbook(house: House, tmp_path: Path) -> None:
    door = house.client("Palavras Mais Citadas")
    write_workbook(tmp_path / "comments.xlsx", [("ID", "Comment"), (7, "Entrega rápida!"), (9, "entrega rápida")])
    repository = door.new_repository(**file("comments.xlsx", (tmp_path / "comments.xlsx").read_bytes()))
    result, output = finished(door, repository)
    assert result["most_cited"] == [{"ngram": "entrega rápida", "comments": 2}]
    assert list(output) == ["ngrams.xlsx"]
    rows = read_workbook(io.BytesIO(output["ngrams.xlsx"]))
    assert rows[1:] == [(7, "entrega rápida", 1), (9, "entrega rápida", 1)]
    assert finished(door, repository, irrelevant_words=["entrega"])[0]["ngrams"] == 0


def test_a_repository_without_comments_fails_the_job_with_a_sentence(house: House) -> None:
    door = house.client("Palavras Mais Citadas")
    job = door.new_job(door.new_repository(**file("comentarios.json", b"{}")))
    info = door.ended(job)
    sentence = "the inputs have no file comments.xlsx; they have: comentarios.json"
    assert info["job_status"] == "failed"
    assert sentence in info["error"]
    assert sentence in door.zip(f"/job/{job}/logs")["execution.log"].decode()


def test_the_example_forecast(house: House, tmp_path: Path) -> None:
    folder = EXAMPLES / "forecast"
    door = add_example(house, folder, "Forecast", tmp_path)
    repository = door.new_repository(**file("departures.csv", (folder / "departures.csv").read_bytes()))
    result, output = finished(door, repository, horizon=7)
    assert (result["series"], result["rows"]) == (3, 21)
    header, *rows = output["output.csv"].decode().splitlines()
    assert (header, len(rows)) == ("date,place,prediction", 21)


def test_the_example_comment_classifier(house: House, tmp_path: Path) -> None:
    folder = EXAMPLES / "comment_classifier"
    door = add_example(house, folder, "Comment classifier", tmp_path)
    archive = tmp_path / "input.zip"
    load(folder / "make_input.py").main(str(archive))
    repository = door.new_repository(**file("input.zip", archive.read_bytes()))
    assert door.call("GET", f"/repository/{repository}").json()["input"] == ["comments.xlsx", "labels.xlsx"]
    result, output = finished(door, repository, threshold=0.5)
    assert result["comments"] == 300
    assert sum(result["labels"].values()) == 300
    rows = read_workbook(io.BytesIO(output["comments_labeled.xlsx"]))
    assert len(rows) == 301
