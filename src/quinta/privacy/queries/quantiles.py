"""Quantiles by the exponential mechanism over the bins of a histogram (McSherry and Talwar 2007; permute-and-flip).

The score of a bin is how far, in ranks, the place that is asked for lies from it, negative, 0 for a bin that holds it.
One row more or less moves no score by more than one rank: ranks of bins grow by 0 or 1, the place by something between.
For the median the place moves by half a rank exactly, and so do the scores, at most.

MIN and MAX ask for a place a few ranks inside: all bins below the smallest value have the same rank, so that the rank 0
would be found anywhere from the lower bound on. As many ranks as make the bins outside unlikely in sum (e^-2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.accuracy import MISS
from quinta.privacy.queries.allocation import Choice
from quinta.privacy.queries.automatic import moment
from quinta.privacy.queries.noise import choice_scale
from quinta.privacy.queries.tree import Bins, Plan, Value

LARGEST_DENOMINATOR: Final = 1000
"""Quantiles count in thousandths: scores are integers."""


@dataclass(frozen=True, slots=True)
class Chooser:
    """How one quantile is chosen, the same for each group. Scores count in ``parts`` of a rank."""

    place: Fraction
    parts: int
    margin: int
    scale: float
    bins: int

    @property
    def rank_width(self) -> int:
        """Ranks that the choice is away from the best one at most, but for MISS: scale x ln(bins / MISS)."""
        return self.margin + math.ceil(self.scale * math.log(self.bins / MISS) / self.parts)

    def scores(self, counts: Mapping[int, int]) -> list[int]:
        """Of every bin, for rows by bin."""
        total = sum(counts.values())
        place = self._place(total)
        scores, below = [], 0
        for number in range(self.bins):
            here = counts.get(number, 0)
            low, high = below * self.parts, (below + here) * self.parts
            scores.append(-max(low - place, place - high, 0))
            below += here
        return scores

    def _place(self, total: int) -> int:
        if 0 < self.place < 1:
            return int(self.place * self.parts) * total
        inside = min(self.margin * self.parts, total * self.parts // 2)
        return inside if self.place == 0 else total * self.parts - inside


def choice_of(plan: Plan, choice: Choice, bins: int) -> Chooser:
    """For the most that a unit's rows, in one group or several, change: m times what one row does."""
    place = Fraction(plan.aggregates[choice.aggregate].quantile or 0.0).limit_denominator(LARGEST_DENOMINATOR)
    is_inner = 0 < place < 1
    # MIN and MAX of fewer rows than twice the margin ask for their middle: half ranks, in two parts.
    parts = place.denominator if is_inner else 2
    step = max(place.numerator, place.denominator - place.numerator) if is_inner else parts
    scale = choice_scale(step * plan.source.most_rows, choice.epsilon)
    margin = 0 if is_inner else math.ceil(scale * (math.log(bins) + 2) / parts)
    return Chooser(place, parts, margin, scale, bins)


def value_in(number: int, bins: Bins, type_: ColumnType) -> Value:
    """The middle of a bin: a whole number within the bounds for whole numbers, a moment for moments."""
    bounds = bins.bounds
    middle = bounds.lower + (bounds.upper - bounds.lower) * (number + 0.5) / bins.count
    if type_ is ColumnType.DATETIME:
        return moment(middle)
    if type_ is ColumnType.INT:
        return min(max(round(middle), math.ceil(bounds.lower)), math.floor(bounds.upper))
    return middle
