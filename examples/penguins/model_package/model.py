"""Names the species of a penguin from four measurements. Standard library only, Python 3.8 or newer."""

# ruff: noqa: B905 - zip() has no strict= before Python 3.10

import json
import logging
import math
import os

logger = logging.getLogger("penguins")

# Beyond this many standard deviations from the birds it was trained on, an answer is a guess and the log says so.
UNUSUAL = 4.0


class Model:
    """What the server runs: built once when an instance starts, then called with one request at a time."""

    def __init__(self, base_directory, context):
        with open(os.path.join(base_directory, "parameters.json"), encoding="utf-8") as file:
            self.parameters = json.load(file)
        logger.info("Ready: fitted to %d birds", self.parameters["trained_on"])

    def request(self, data):
        """In: the four measurements (millimetres and grams). Out: the likeliest species and its probability."""
        parameters = self.parameters
        columns = zip(parameters["features"], parameters["means"], parameters["deviations"])
        scaled = [(data[feature] - mean) / deviation for feature, mean, deviation in columns]
        for feature, value in zip(parameters["features"], scaled):
            if abs(value) > UNUSUAL:
                logger.warning("%s is %.1f standard deviations from the training data", feature, value)
        scores = [
            bias + sum(weight * value for weight, value in zip(weights, scaled))
            for bias, weights in zip(parameters["biases"], parameters["weights"])
        ]
        highest = max(scores)
        exponentials = [math.exp(score - highest) for score in scores]
        best = scores.index(highest)
        return {
            "species": parameters["species"][best],
            "probability": exponentials[best] / sum(exponentials),
        }
