"""Paths: what comes in the request line, and what routes see."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.dialects.base.paths import clean_path

CASES = [
    ("/v2.1/status", "/status"),
    ("/v2.1//status", "/status"),
    ("/v2.1/status/", "/status"),
    ("//v2.1//projects///a//", "/projects/a"),
    ("/v2.1", "/"),
    ("/v2.1/", "/"),
    ("/status", "/status"),
    ("/v2.10/status", "/v2.10/status"),
    ("/v2.1/projects/a%2Fb", "/projects/a%2Fb"),
    ("/v2.1/projects/a%2fb", "/projects/a%2Fb"),
    ("/v2.1/projects/a%252Fb", "/projects/a%2Fb"),
    ("/v2.1/projects/caf%C3%A9", "/projects/café"),
    ("/v2.1/projects/a%00b", "/projects/a\ufffdb"),
    ("/v2.1/projects/%FF", "/projects/\ufffd"),
    ("/v2.1/projects/a%20b", "/projects/a b"),
]


@pytest.mark.parametrize(("raw", "clean"), CASES)
def test_path(raw: str, clean: str) -> None:
    assert clean_path({"type": "http", "path": "", "raw_path": raw.encode(), "root_path": "/v2.1"}) == clean


def test_without_raw_path_the_decoded_one_counts() -> None:
    assert clean_path({"type": "http", "path": "/a b//c", "root_path": ""}) == "/a b/c"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0%"), min_size=1), max_size=5))
def test_encoded_segments_come_back(segments: list[str]) -> None:
    raw = "/v2.1/" + "//".join(quote(segment, safe="") for segment in segments)
    scope = {"type": "http", "path": "", "raw_path": raw.encode(), "root_path": "/v2.1"}
    assert clean_path(scope) == "/" + "/".join(segments)
