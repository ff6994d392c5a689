"""What names and values of a run may look like: MLflow's own rules and limits (mlflow 3.17, utils/validation.py)."""

from __future__ import annotations

import posixpath
import re

from quinta.core.errors import InvalidInput, TooLarge

MOST_METRICS = 1_000
MOST_PARAMS = 100
MOST_TAGS = 100
MOST_ENTITIES = 1_000
"""Of one call, and of all three together."""
MOST_KEYS = 2_000
"""Different metrics, parameters and tags of a run, of each: MLflow sets none, and a run is shown whole."""
LONGEST_KEY = 250
LONGEST_PARAM = 6_000
LONGEST_TAG = 8_000
LONGEST_EXPERIMENT_NAME = 500
LONGEST_RUN_NAME = 250
LONGEST_PATH = 1_000
LARGEST_NUMBER = 2**63 - 1
_KEY = re.compile(r"[/\w.\- :]+")


def check_key(key: str, noun: str) -> None:
    """InvalidInput (``key``): what names no metric, parameter or tag."""
    if len(key) > LONGEST_KEY:
        raise InvalidInput(f"the name of the {noun} has {len(key)} characters; at most {LONGEST_KEY}", field="key")
    if not _KEY.fullmatch(key) or _is_no_path(key):
        raise InvalidInput(
            f"'{key[:80]}' cannot name a {noun}: letters, digits, underscores, dashes, dots, blanks, colons and "
            "slashes, with no empty part, '.' or '..' between slashes",
            field="key",
        )


def check_value(value: str, noun: str, longest: int) -> None:
    if len(value) > longest:
        raise TooLarge(f"the value of the {noun} has {len(value)} characters; at most {longest}", field="value")


def check_experiment_name(name: str) -> str:
    """The name without blanks at its ends; InvalidInput (``experiment_name``) for what is none."""
    stripped = name.strip()
    if not 1 <= len(stripped) <= LONGEST_EXPERIMENT_NAME or not stripped.isprintable():
        raise InvalidInput(
            f"an experiment's name has 1 to {LONGEST_EXPERIMENT_NAME} printable characters", field="experiment_name"
        )
    return stripped


def check_run_name(name: str) -> str:
    if not 1 <= len(name) <= LONGEST_RUN_NAME or not name.isprintable():
        raise InvalidInput(f"a run's name has 1 to {LONGEST_RUN_NAME} printable characters", field="run_name")
    return name


def check_path(path: str) -> str:
    """A path below a run's artifacts; InvalidInput (``path``) for one that leads elsewhere or to no file."""
    if not 1 <= len(path) <= LONGEST_PATH or not path.isprintable() or "\\" in path or _is_no_path(path):
        raise InvalidInput(
            f"'{path[:80]}' is no path of an artifact: 1 to {LONGEST_PATH} printable characters, relative, with no "
            "backslash and no empty part, '.' or '..' between slashes",
            field="path",
        )
    return path


def _is_no_path(text: str) -> bool:
    return posixpath.normpath(text) != text or text == "." or text.startswith(("..", "/"))
