"""A change that leaves something as it is, where None already means something of its own."""

from __future__ import annotations

from enum import Enum


class Unset(Enum):
    """The type of ``UNSET``."""

    UNSET = "unset"


UNSET = Unset.UNSET
