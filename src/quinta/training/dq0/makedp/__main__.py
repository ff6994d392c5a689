"""``python -m dq0.makedp``: the entry point of private training, and what the platform runs on its models.

define, prepare    run the project's code: without rows, or on them; write a definition into --output-path
train              trains privately; with --definition no code of the project is run
predict, check     answer rows with a trained model; attack the way it was trained
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import List, Optional

from dq0.makedp.checker import Limits
from dq0.makedp.definition import define, prepare
from dq0.makedp.errors import TrainingError
from dq0.makedp.jobs import run_check, run_training
from dq0.makedp.metadata import chosen
from dq0.makedp.prediction import predict
from dq0.makedp.training import Settings

_WITHOUT_EFFECT = (
    "--num-microbatches",
    "--tracker-type",
    "--log-level",
    "--log-name",
    "--log-path",
    "--noise-multiplier",
)
"""What older projects pass: each person is a microbatch here, and the noise follows from
target-epsilon."""


def main(arguments: Optional[List[str]] = None) -> int:
    options = _options().parse_args(arguments)
    folder = options.output_path or os.environ.get("DQ0_OUTPUT_DIR") or "."
    try:
        _run(options, folder)
    except TrainingError as error:
        print("error: %s" % error, file=sys.stderr, flush=True)
        return 1
    return 0


def _run(options: argparse.Namespace, folder: str) -> None:
    environment = dict(os.environ)
    if options.action == "define":
        define(options.module_path, folder)
    elif options.action == "prepare":
        prepare(options.module_path, folder, chosen(environment, options.dataset))
    elif options.action == "train":
        run_training(options.module_path, options.definition, folder, options.dataset, _settings(options), environment)
    elif options.action == "predict":
        predict(_input(options.model_path, "model"), _input(options.input_path, "input"), folder, options.probabilities)
    else:
        limits = Limits(options.limit, options.shadows)
        model = _input(options.model_path, "model")
        run_check(model, options.definition, folder, options.dataset, limits, environment)


def _input(given: Optional[str], name: str) -> str:
    """The path that was given, else what the server puts among the job's inputs."""
    return given or os.path.join(os.environ.get("DQ0_INPUT_DIR", "."), name)


def _settings(options: argparse.Namespace) -> Settings:
    if options.disable_dp.lower() not in ("false", "0", "no"):
        raise TrainingError("training here is always private: leave --disable-DP out")
    if options.budget is not None and options.target_epsilon > options.budget:
        raise TrainingError("target-epsilon is %g, and the budget is %g" % (options.target_epsilon, options.budget))
    return Settings(
        epsilon=options.target_epsilon,
        delta=options.delta,
        epochs=options.epochs,
        sampling=options.sampling,
        clip=options.l2_norm_clip,
        learning_rate=options.learning_rate,
        test_share=options.test_share,
    )


def _options() -> argparse.ArgumentParser:
    # Without abbreviations: who reads a command to see what it may cost must find each option by its whole name.
    parser = argparse.ArgumentParser(
        prog="python -m dq0.makedp", description="Trains models with privacy.", allow_abbrev=False
    )
    actions = ("define", "prepare", "train", "predict", "check")
    parser.add_argument("--action", choices=actions, default="train")
    parser.add_argument("--module-path", default="my_model.py", help="the project's file with the class UserModel")
    parser.add_argument("--definition", help="a folder that define or prepare wrote")
    parser.add_argument("--output-path", help="a folder for what comes out; else DQ0_OUTPUT_DIR")
    parser.add_argument("--dataset", default="", help="name of one of the attached datasets, where there are several")
    parser.add_argument("--target-epsilon", type=float, default=1.0)
    parser.add_argument("--delta", type=float, default=0.0, help="0: the most, the metadata's budget_delta or 1e-6")
    parser.add_argument("--budget", type=float, help="the most that target-epsilon may be")
    parser.add_argument("--epochs", type=float, default=10.0)
    parser.add_argument("--sampling", type=float, default=0.05, help="the share of persons in each step")
    parser.add_argument("--l2-norm-clip", type=float, default=1.0)
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--test-share", type=float, default=0.2)
    parser.add_argument("--disable-DP", dest="disable_dp", default="False", help="only False is taken")
    parser.add_argument("--model-path", help="the folder of a trained model; else model in DQ0_INPUT_DIR")
    parser.add_argument("--input-path", help="rows to predict for, JSON or CSV; else input in DQ0_INPUT_DIR")
    parser.add_argument("--probabilities", action="store_true")
    parser.add_argument("--limit", type=float, default=Limits().advantage, help="the most advantage of an attack")
    parser.add_argument("--shadows", type=int, default=Limits().shadows)
    for name in _WITHOUT_EFFECT:
        parser.add_argument(name, help="without effect")
    return parser


if __name__ == "__main__":
    sys.exit(main())
