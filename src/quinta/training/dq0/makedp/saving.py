"""A trained model as a folder: ``pyfunc_model``, which registering looks for (contract dq0 7.1).

It has numbers and names, no code and no pickles. ``encoder.json`` says how the inputs are encoded, by the declared
bounds and values, which are for owners alone: the server shows it as little as the metadata.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from dq0.makedp.encoding import Encoder, Target, encoder_from, target_from
from dq0.makedp.errors import TrainingError
from dq0.makedp.models import Definition, checked
from dq0.makedp.network import Layout
from dq0.makedp.training import Settings, Trained

MODEL_FOLDER = "pyfunc_model"
MODEL_FILE, WEIGHTS_FILE, ENCODER_FILE, MLMODEL_FILE = "model.json", "weights.npy", "encoder.json", "MLmodel"
FORMAT = 1
DECLARED, PREPARED = "dataset", "prepared rows"
"""For what a training is private: the dataset's persons, or the rows as the project's own code prepared them."""

_MLMODEL = """\
flavors:
  dq0:
    data: .
    format: %d
model_uuid: null
"""


class Saved(NamedTuple):
    """A model that can answer. ``encoder`` None: its inputs are numbers that the project prepared. ``dataset``: the
    name of what it was trained on."""

    definition: Definition
    trained: Trained
    target: Target
    encoder: Optional[Encoder]
    settings: Settings
    dataset: str

    @property
    def guarantee(self) -> str:
        return PREPARED if self.encoder is None else DECLARED


def save(model: Saved, folder: str) -> None:
    """Writes the model into ``folder``, which must not be there yet."""
    os.makedirs(folder)
    trained = model.trained
    described: Dict[str, Any] = {
        "format": FORMAT,
        "definition": model.definition._asdict(),
        "layout": trained.layout._asdict(),
        "target": None if model.encoder is not None else model.target._asdict(),
        "noise_multiplier": trained.noise_multiplier,
        "epsilon": trained.epsilon,
        "settings": model.settings._asdict(),
        "dataset": model.dataset,
    }
    _write(folder, MODEL_FILE, json.dumps(described, indent=1))
    _write(folder, MLMODEL_FILE, _MLMODEL % FORMAT)
    np.save(os.path.join(folder, WEIGHTS_FILE), trained.weights, allow_pickle=False)
    if model.encoder is not None:
        _write(folder, ENCODER_FILE, json.dumps(model.encoder.to_json(), indent=1))


def load(folder: str) -> Saved:
    """Back from ``save``; TrainingError for a folder that another program wrote."""
    path = os.path.join(folder, MODEL_FILE)
    if not os.path.isfile(path):
        raise TrainingError("this is no model that dq0.makedp trained: it has no %s" % MODEL_FILE)
    with open(path, encoding="utf-8") as file:
        described = json.load(file)
    if described["format"] != FORMAT:
        raise TrainingError("the model has format %s, and this server reads %d" % (described["format"], FORMAT))
    definition = checked(described["definition"])
    shape = Layout(**{**described["layout"], "sizes": tuple(described["layout"]["sizes"])})
    weights = np.load(os.path.join(folder, WEIGHTS_FILE), allow_pickle=False)
    encoder = None
    if described["target"] is not None:
        target = target_from(described["target"])
    else:
        with open(os.path.join(folder, ENCODER_FILE), encoding="utf-8") as file:
            encoder = encoder_from(json.load(file))
        target = encoder.target
    return Saved(
        definition=definition,
        trained=Trained(shape, definition.family, weights, described["noise_multiplier"], described["epsilon"]),
        target=target,
        encoder=encoder,
        settings=Settings(**described["settings"]),
        dataset=described["dataset"],
    )


def _write(folder: str, name: str, text: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
