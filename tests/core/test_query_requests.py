"""What callers write in a query's request (contract dq0 5.3)."""

from __future__ import annotations

from typing import Any

import pytest

from quinta.core.errors import InvalidInput
from quinta.core.queries.asked import datasets_in, limits_in, params_in
from quinta.core.queries.model import GroupLimit


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ()),
        ("", ()),
        ("census", ("census",)),
        (" census , 'other',\"third\" ,census", ("census", "other", "third")),
        (["census", "other"], ("census", "other")),
        (",,", ()),
    ],
)
def test_datasets(value: Any, names: tuple[str, ...]) -> None:
    assert datasets_in(value) == names


@pytest.mark.parametrize("value", [7, {"a": 1}, [1], ["a", None]])
def test_what_is_no_list_of_datasets(value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        datasets_in(value)
    assert refused.value.field == "datasets"


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        (None, ()),
        ("", ()),
        ("households<75", (GroupLimit("households", 75),)),
        (" households <= 75 ", (GroupLimit("households", 76),)),
        ("a<1;b<=2, c < 3", (GroupLimit("a", 1), GroupLimit("b", 3), GroupLimit("c", 3))),
        ('["a<1", "b<2"]', (GroupLimit("a", 1), GroupLimit("b", 2))),
        (["my column<5", ""], (GroupLimit("my column", 5),)),
    ],
)
def test_limits(value: Any, limits: tuple[GroupLimit, ...]) -> None:
    assert limits_in(value) == limits


@pytest.mark.parametrize(
    "value",
    ["a", "a>5", "a<", "<5", "a<-1", "a<1.5", "a<9999999999", 7, {"a": 1}, [5], "[", "[7]"],
)
def test_what_is_no_limit(value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        limits_in(value)
    assert refused.value.field == "permissions"


@pytest.mark.parametrize(
    ("value", "params"),
    [
        (None, {}),
        ("", {}),
        ("p1=123", {"p1": "123"}),
        (":p1=123; job = a=b ", {"p1": "123", "job": "a=b"}),
        (["p1=a,b", "p2="], {"p1": "a,b", "p2": ""}),
        ('["p1=1"]', {"p1": "1"}),
        ({"p1": 1, "p2": 1.5, "p3": True, "p4": "x"}, {"p1": "1", "p2": "1.5", "p3": "true", "p4": "x"}),
        ('{"p1": "a;b"}', {"p1": "a;b"}),
    ],
)
def test_params(value: Any, params: dict[str, str]) -> None:
    assert params_in(value) == params


@pytest.mark.parametrize("value", ["p1", "1p=2", "=2", "a=1,a=2", {"a": None}, {"a": [1]}, 7, "{", [5], "a b=1"])
def test_what_is_no_parameter(value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        params_in(value)
    assert refused.value.field == "params"
