"""Tutorial: multiplies two numbers (contract vbrain 8). Standard library only, Python 3.8 or newer."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def run(inputs: Path, outputs: Path, params: Mapping[str, Any], logger: logging.Logger) -> float:
    """``a`` times ``b``; other params are ignored, and no file is read or written.

    ValueError says which of the two is missing or no number. ``true`` and ``"10"`` are none.
    """
    a, b = _number(params, "a"), _number(params, "b")
    try:
        product = a * b
    except OverflowError:  # an integer beyond a float's range times a float
        product = math.inf
    if isinstance(product, float) and math.isinf(product):
        raise ValueError("a times b is larger than a floating-point number can be (about 1.8e308)")
    logger.info("%s times %s is %s", a, b, product)
    return product


def _number(params: Mapping[str, Any], name: str) -> float:
    if name not in params:
        raise ValueError(f'the param "{name}" is missing: give two numbers, for example {{"a": 10, "b": 20}}')
    value = params[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f'the param "{name}" must be a number, not {_shown(value)}')
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f'the param "{name}" must be a finite number, not {value}')
    return value


def _shown(value: Any) -> str:
    """What a caller sent, in JSON's words, short enough for one line."""
    words = {type(None): "null", bool: "a truth value", list: "a list", dict: "an object"}
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return words.get(type(value), type(value).__name__)
