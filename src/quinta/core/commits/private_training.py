"""Trainings whose outcome is the platform's own: the project says without rows what is trained, the platform trains
(docs/training.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from quinta.core.commits.entry_points import INTERPRETER
from quinta.core.datasets.epsilon import cost_of
from quinta.core.datasets.model import Dataset
from quinta.core.errors import InvalidInput

PLATFORM_MODULE: Final = "dq0.makedp"
_MODULE: Final = [INTERPRETER, "-m", PLATFORM_MODULE]
_DEFAULT_EPSILON: Final = "1.0"
_OPTIONS: Final = frozenset(
    {
        "budget",
        "dataset",
        "delta",
        "disable-DP",
        "epochs",
        "l2-norm-clip",
        "learning-rate",
        "log-level",
        "log-name",
        "log-path",
        "module-path",
        "noise-multiplier",
        "num-microbatches",
        "sampling",
        "target-epsilon",
        "test-share",
        "tracker-type",
    }
)
"""All that the action train takes and a project may say (src/quinta/training)."""


@dataclass(frozen=True, slots=True)
class PrivateTraining:
    """What a command asks of the platform's training, its options by name."""

    options: dict[str, str] = field(default_factory=dict)

    def defining(self) -> list[str]:
        """The command that runs the project's code without rows."""
        module = self.options.get("module-path", "my_model.py")
        return [*_MODULE, "--action=define", f"--module-path={module}"]

    def training(self) -> list[str]:
        """The command that trains. Each option is written so that it can be read in one way only: what is reserved of
        the budget is what is spent."""
        return [*_MODULE, "--action=train", *(f"--{name}={value}" for name, value in self.options.items())]

    def cost(self) -> int:
        """The most that it takes of a budget, in 1e-9 epsilon; InvalidInput (``args``) for what is no number."""
        text = self.options.get("target-epsilon", _DEFAULT_EPSILON)
        try:
            epsilon = float(text)
        except ValueError:
            epsilon = math.nan
        if not epsilon > 0:
            raise InvalidInput(f"target-epsilon must be a number above 0, not '{text[:80]}'", field="args")
        return cost_of(epsilon, "args")

    def data(self, datasets: Sequence[Dataset]) -> list[Dataset]:
        """The dataset that it names, or all where it names none of them."""
        name = self.options.get("dataset", "")
        return [dataset for dataset in datasets if name in (dataset.name, dataset.id)] or list(datasets)


def private_training(words: Sequence[str]) -> PrivateTraining | None:
    """What a command asks of the platform's training; None for any other command, also for one with an option that is
    not known here or is shortened: that is the project's own affair, and its outcome the project's word."""
    if list(words[:3]) != _MODULE:
        return None
    options: dict[str, str] = {}
    rest = list(words[3:])
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not equals:
            if not rest or rest[0].startswith("-"):
                return None
            value = rest.pop(0)
        if not name.startswith("--") or name[2:] in options:
            return None
        options[name[2:]] = value
    if options.pop("action", "train") != "train" or not _OPTIONS.issuperset(options):
        return None
    return PrivateTraining(options)
