"""How many instances the live versions of a project have: its configuration's ``scaling`` (contract versiontwo 5.6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from quinta.core.models.model import RunnableVersion


class Scaling(NamedTuple):
    """Numbers of instances; None: each version's own number holds."""

    minimum_instances: int | None = None
    maximum_instances: int | None = None


def scaling_of(config: str) -> Scaling:
    """What the JSON text of a configuration says. What is no whole number says nothing: it was stored by a release with
    other rules. ``enabled: false`` leaves every version its own numbers."""
    scaling = json.loads(config).get("scaling")
    if not isinstance(scaling, Mapping) or scaling.get("enabled") is False:
        return Scaling()
    return Scaling(_number(scaling.get("min_instances")), _number(scaling.get("max_instances")))


def scaled(version: RunnableVersion, config: str) -> RunnableVersion:
    """``version`` with the numbers of the configuration. Where only one is given, the version's own other number gives
    way to it. One instance may always run: a live version that can never answer would let requests wait in vain."""
    scaling = scaling_of(config)
    least, most = scaling
    if least is None:
        least = version.minimum_instances if most is None else min(version.minimum_instances, most)
    if most is None:
        most = max(version.maximum_instances, least)
    return replace(version, minimum_instances=least, maximum_instances=max(most, 1))


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
