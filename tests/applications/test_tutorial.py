"""Tutorial: a times b (contract vbrain 8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.applications.loading import SHIPPED, Run, load


@pytest.fixture
def tutorial(tmp_path: Path) -> Run:
    return Run(load(SHIPPED / "tutorial" / "application.py"), tmp_path)


@pytest.mark.parametrize(
    ("params", "product"),
    [
        ({"a": 10, "b": 20}, 200),
        ({"a": 10, "b": 20, "hyperparam": "ignored"}, 200),
        ({"a": -1.5, "b": 2}, -3.0),
        ({"a": 0, "b": 7}, 0),
        ({"a": 10**30, "b": 10}, 10**31),
    ],
)
def test_the_product_is_a_bare_number(tutorial: Run, params: dict[str, Any], product: float) -> None:
    answer = tutorial(params)
    assert answer == product
    assert type(answer) is type(product)
    assert list(tutorial.outputs.iterdir()) == []


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({}, 'the param "a" is missing: give two numbers, for example {"a": 10, "b": 20}'),
        ({"a": 10}, 'the param "b" is missing: give two numbers, for example {"a": 10, "b": 20}'),
        ({"a": 10, "b": "20"}, "the param \"b\" must be a number, not the text '20'"),
        ({"a": True, "b": 20}, 'the param "a" must be a number, not a truth value'),
        ({"a": None, "b": 20}, 'the param "a" must be a number, not null'),
        ({"a": [10], "b": 20}, 'the param "a" must be a number, not a list'),
        ({"a": {}, "b": 20}, 'the param "a" must be a number, not an object'),
        ({"a": float("nan"), "b": 20}, 'the param "a" must be a finite number, not nan'),
        ({"a": 1e300, "b": 1e300}, "a times b is larger than a floating-point number can be (about 1.8e308)"),
        ({"a": 10**400, "b": 0.5}, "a times b is larger than a floating-point number can be (about 1.8e308)"),
    ],
)
def test_anything_else_fails_with_a_sentence(tutorial: Run, params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"param|times") as failure:
        tutorial(params)
    assert str(failure.value) == sentence
