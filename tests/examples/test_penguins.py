"""The example model: what is committed is what its training script makes, and it answers right when loaded directly."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PENGUINS = Path(__file__).resolve().parents[2] / "examples" / "penguins"
PACKAGE = PENGUINS / "model_package"


def load(file: Path, name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def training() -> ModuleType:
    return load(PENGUINS / "train.py", "penguins_train")


@pytest.fixture(scope="module")
def model() -> Any:
    return load(PACKAGE / "model.py", "penguins_model").Model(base_directory=str(PACKAGE), context={})


def test_the_data_is_the_published_file() -> None:
    digest = hashlib.sha256((PENGUINS / "penguins.csv").read_bytes()).hexdigest()
    assert digest in (PENGUINS / "README.md").read_text(encoding="utf-8")


def test_training_again_gives_the_committed_parameters_and_accuracy(training: ModuleType) -> None:
    learned, held_out = training.split(training.read_birds())
    committed = json.loads((PACKAGE / "parameters.json").read_text(encoding="utf-8"))
    assert training.train(learned) == committed
    assert (len(learned), len(held_out)) == (239, 103)
    assert training.accuracy(committed, held_out) == pytest.approx(102 / 103)


def test_the_package_answers_as_the_training_script_does(training: ModuleType, model: Any) -> None:
    parameters = model.parameters
    birds = training.read_birds()
    right = 0
    for bird in birds:
        answer = model.request(dict(zip(training.FEATURES, bird.measurements, strict=True)))
        assert answer["probability"] == pytest.approx(max(training.probabilities(parameters, bird.measurements)))
        right += answer["species"] == bird.species
    assert len(birds) == 342
    assert right / len(birds) == pytest.approx(training.accuracy(parameters, birds))


@pytest.mark.parametrize(("body_mass_g", "warnings"), [(4200, 0), (30000, 1)])
def test_an_unusual_bird_is_answered_and_logged(
    model: Any, caplog: pytest.LogCaptureFixture, body_mass_g: float, warnings: int
) -> None:
    bird = {"bill_length_mm": 44.0, "bill_depth_mm": 17.2, "flipper_length_mm": 200.0, "body_mass_g": body_mass_g}
    with caplog.at_level(logging.WARNING, logger="penguins"):
        answer = model.request(bird)
    assert answer["species"] in model.parameters["species"]
    assert len(caplog.records) == warnings
