"""Trains the penguin classifier: three species told apart by four measurements.

Multinomial logistic regression with a little weight decay, fitted by plain gradient descent; standard library only.
Run it from anywhere: it reads ``penguins.csv`` beside it, prints the accuracy on birds it has not seen, and writes
``model_package/parameters.json``.
"""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path
from typing import Any, NamedTuple

FEATURES = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
HELD_OUT = 0.3
SEED = 2020
STEPS = 400
LEARNING_RATE = 0.5
WEIGHT_DECAY = 0.001
# Six decimals are far below what the data can tell, and far above what differs between two machines' exp().
DECIMALS = 6

HERE = Path(__file__).resolve().parent
DATA_FILE = HERE / "penguins.csv"
PARAMETERS_FILE = HERE / "model_package" / "parameters.json"


class Bird(NamedTuple):
    """One measured bird: lengths in millimetres, mass in grams."""

    species: str
    measurements: tuple[float, ...]


def read_birds(file: Path = DATA_FILE) -> list[Bird]:
    """The birds with all four measurements, in the file's order; the two without are left out."""
    with file.open(newline="", encoding="utf-8") as lines:
        return [
            Bird(row["species"], tuple(float(row[feature]) for feature in FEATURES))
            for row in csv.DictReader(lines)
            if all(row[feature] != "NA" for feature in FEATURES)
        ]


def split(birds: list[Bird]) -> tuple[list[Bird], list[Bird]]:
    """Shuffles with a fixed seed and cuts: (to train on, held out)."""
    shuffled = random.Random(SEED).sample(birds, len(birds))
    cut = round(len(shuffled) * (1 - HELD_OUT))
    return shuffled[:cut], shuffled[cut:]


def probabilities(parameters: dict[str, Any], measurements: tuple[float, ...]) -> list[float]:
    """The probability of each species, in the order of ``parameters["species"]``."""
    columns = zip(measurements, parameters["means"], parameters["deviations"], strict=True)
    scaled = [(value - mean) / deviation for value, mean, deviation in columns]
    scores = [
        bias + sum(weight * value for weight, value in zip(weights, scaled, strict=True))
        for bias, weights in zip(parameters["biases"], parameters["weights"], strict=True)
    ]
    highest = max(scores)
    exponentials = [math.exp(score - highest) for score in scores]
    total = sum(exponentials)
    return [exponential / total for exponential in exponentials]


def train(birds: list[Bird]) -> dict[str, Any]:
    """Fits the parameters to ``birds``: what ``parameters.json`` holds."""
    species = sorted({bird.species for bird in birds})
    columns = list(zip(*(bird.measurements for bird in birds), strict=True))
    means = [sum(column) / len(column) for column in columns]
    deviations = [
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(column))
        for column, mean in zip(columns, means, strict=True)
    ]
    parameters: dict[str, Any] = {
        "species": species,
        "features": list(FEATURES),
        "trained_on": len(birds),
        "means": means,
        "deviations": deviations,
        "weights": [[0.0] * len(FEATURES) for _ in species],
        "biases": [0.0] * len(species),
    }
    for _ in range(STEPS):
        _step(parameters, birds)
    for name in ("means", "deviations", "biases"):
        parameters[name] = [round(value, DECIMALS) for value in parameters[name]]
    parameters["weights"] = [[round(value, DECIMALS) for value in row] for row in parameters["weights"]]
    return parameters


def _step(parameters: dict[str, Any], birds: list[Bird]) -> None:
    """One step down the gradient of the mean cross entropy."""
    species = parameters["species"]
    means, deviations = parameters["means"], parameters["deviations"]
    weight_gradients = [[0.0] * len(FEATURES) for _ in species]
    bias_gradients = [0.0] * len(species)
    for bird in birds:
        scaled = [(v - m) / d for v, m, d in zip(bird.measurements, means, deviations, strict=True)]
        for index, probability in enumerate(probabilities(parameters, bird.measurements)):
            error = probability - (1.0 if species[index] == bird.species else 0.0)
            bias_gradients[index] += error
            for column, value in enumerate(scaled):
                weight_gradients[index][column] += error * value
    rate = LEARNING_RATE / len(birds)
    for index, weights in enumerate(parameters["weights"]):
        parameters["biases"][index] -= rate * bias_gradients[index]
        for column in range(len(FEATURES)):
            decay = LEARNING_RATE * WEIGHT_DECAY * weights[column]
            weights[column] -= rate * weight_gradients[index][column] + decay


def accuracy(parameters: dict[str, Any], birds: list[Bird]) -> float:
    """The share of ``birds`` whose most probable species is their own."""
    right = 0
    for bird in birds:
        scores = probabilities(parameters, bird.measurements)
        right += parameters["species"][scores.index(max(scores))] == bird.species
    return right / len(birds)


def main() -> None:
    training, held_out = split(read_birds())
    parameters = train(training)
    PARAMETERS_FILE.write_text(json.dumps(parameters, indent=2) + "\n", encoding="utf-8")
    print(f"trained on {len(training)} birds: {accuracy(parameters, training):.1%} right")
    print(f"held out {len(held_out)} birds: {accuracy(parameters, held_out):.1%} right")
    print(f"wrote {PARAMETERS_FILE.relative_to(HERE)}")


if __name__ == "__main__":
    main()
