"""Configurations: the merge patch of RFC 7386, what is known of them, their limits (contract versiontwo 5.6)."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput, TooLarge
from quinta.core.tenancy.release_config import check_config, config_text, merged

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3)


def as_written(target: Any, patch: Any) -> Any:
    """MergePatch of RFC 7386, section 2, line by line."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(target, dict):
        target = {}
    for name, value in patch.items():
        if value is None:
            if name in target:
                del target[name]
        else:
            target[name] = as_written(target.get(name), value)
    return target


@given(OBJECTS, OBJECTS)
def test_a_merge_is_what_the_rfc_says(config: dict[str, Any], patch: dict[str, Any]) -> None:
    before = copy.deepcopy((config, patch))
    result = merged(config, patch)
    assert (config, patch) == before
    assert json.dumps(result) == json.dumps(as_written(copy.deepcopy(config), patch))
    assert merged(result, patch) == result


@pytest.mark.parametrize(
    ("config", "patch", "result"),
    [  # RFC 7386, appendix A: the rows in which both are objects
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        # the document's own
        (
            {"environment": "production", "region": "us-west-2"},
            {"environment": "staging"},
            {"environment": "staging", "region": "us-west-2"},
        ),
    ],
)
def test_examples_of_merges(config: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    assert merged(config, patch) == result


def nested(levels: int) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for _ in range(levels - 1):
        config = {"a": config}
    return config


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"environment": 1}, "config.environment"),
        ({"environment": None}, "config.environment"),
        ({"environment": ""}, "config.environment"),
        ({"environment": "e" * 101}, "config.environment"),
        ({"environment": " "}, "config.environment"),
        ({"environment": "a\nb"}, "config.environment"),
        ({"region": ["us-west-2"]}, "config.region"),
        ({"scaling": 3}, "config.scaling"),
        ({"scaling": {"enabled": "yes"}}, "config.scaling.enabled"),
        ({"scaling": {"min_instances": -1}}, "config.scaling.min_instances"),
        ({"scaling": {"min_instances": True}}, "config.scaling.min_instances"),
        ({"scaling": {"max_instances": 1_001}}, "config.scaling.max_instances"),
        ({"scaling": {"max_instances": 2.0}}, "config.scaling.max_instances"),
        ({"scaling": {"max_instances": "2"}}, "config.scaling.max_instances"),
        ({"scaling": {"min_instances": 3, "max_instances": 2}}, "config.scaling.min_instances"),
        ({"limit": float("inf")}, "config"),
        (nested(21), "config"),
        (nested(100_000), "config"),
        ({"a": [[nested(18)]]}, "config"),
    ],
)
def test_a_configuration_that_cannot_be(config: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_config(config)
    assert raised.value.field == field


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"environment": "e" * 100, "region": ""},
        {"scaling": {"enabled": False, "min_instances": 0, "max_instances": 0}},
        {"scaling": {"min_instances": 1_000, "max_instances": 1_000, "cooldown": None}},
        {"scaling": {"min_instances": 2, "max_instances": 10}, "strategy": ["rolling", {"x": None}]},
        {"a": [[nested(17)]]},
        nested(20),
    ],
)
def test_a_configuration_that_can_be(config: dict[str, Any]) -> None:
    check_config(config)
    assert json.loads(config_text(config)) == config


def test_its_size_counts_as_utf_8() -> None:
    most = (64 << 10) - len('{"a":""}')
    check_config({"a": "ã" * (most // 2)})
    with pytest.raises(TooLarge) as raised:
        check_config({"a": "ã" * (most // 2 + 1)})
    assert raised.value.field == "config"


@given(st.dictionaries(st.text(max_size=4), VALUES | st.text(st.characters(codec=None), max_size=3), max_size=3))
def test_what_is_stored_is_ascii_and_comes_back(config: dict[str, Any]) -> None:
    text = config_text(config)
    assert text.isascii()
    assert "\x00" not in text
    assert json.loads(text) == config


def test_a_patch_may_be_nested_beyond_all_bounds() -> None:
    with pytest.raises(InvalidInput):
        check_config(merged({}, nested(100_000)))
