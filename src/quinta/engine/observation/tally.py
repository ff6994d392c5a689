"""Counts by version since the server started: requests and their times, starts and ends of instances."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Container, Iterable, Mapping
from typing import Final

from quinta.core.models.model import RunnableVersion
from quinta.core.reasons import Reason
from quinta.engine.observation.histogram import BOUNDS, Histogram

MOST_VERSIONS: Final = 1_000
"""Versions that have counts of their own; a version's take about 3 KB. What is more is counted together."""

_WINDOW: Final = 6
"""Marks that reach back from now to the beginning of what counts as recent."""

_NOTHING: Final = Histogram()

STOPPED: Final = "stopped"


class VersionTally:
    """The counts of one version, or of several together.

    ``waited`` is from the arrival of a request until an instance got it (a cold start is part of it), ``ran`` the time
    that the code itself took, ``whole`` from arrival to answer. ``ends`` counts instances by how they ended:
    ``stopped``, or the reason code of their death or of why the server killed them. ``failures`` counts requests by
    reason code.
    """

    __slots__ = ("_marks", "ends", "failures", "ran", "starts", "waited", "whole")

    def __init__(self) -> None:
        self.waited, self.ran, self.whole, self.starts = Histogram(), Histogram(), Histogram(), Histogram()
        self.failures: defaultdict[str, int] = defaultdict(int)
        self.ends: defaultdict[str, int] = defaultdict(int)
        self._marks: deque[list[int]] = deque(maxlen=_WINDOW)

    @property
    def deaths(self) -> int:
        """How many instances ended otherwise than by being stopped."""
        return sum(count for how, count in self.ends.items() if how not in (STOPPED, Reason.INSTANCE_STOPPED))

    def add(self, other: VersionTally) -> None:
        """Counts everything that ``other`` has counted."""
        for mine, theirs in zip(self._histograms(), other._histograms(), strict=True):
            mine.add(theirs)
        for mine_by, theirs_by in ((self.failures, other.failures), (self.ends, other.ends)):
            for reason, count in theirs_by.items():
                mine_by[reason] += count

    def mark(self) -> None:
        """Remembers this moment, for ``recent``."""
        self._marks.append(list(self.whole.counts))

    def recent(self) -> list[int]:
        """Counts of ``whole`` since the oldest mark; since the start where nothing was marked."""
        since = self._marks[0] if self._marks else _NOTHING.counts
        return [now - then for now, then in zip(self.whole.counts, since, strict=True)]

    def _histograms(self) -> tuple[Histogram, ...]:
        return self.waited, self.ran, self.whole, self.starts


class Tally:
    """The counts of all versions. ``others`` has those of versions that are gone or beyond MOST_VERSIONS."""

    def __init__(self) -> None:
        self.others = VersionTally()
        self._versions: dict[str, VersionTally] = {}

    def request(self, version_id: str, reason: Reason, waited: float, ran: float | None, whole: float) -> None:
        """One request has ended; times in seconds, ``ran`` None when no instance got it.

        On the way of every direct request, so ``Histogram.observe`` is written out: three calls would double the cost.
        """
        tally = self._versions.get(version_id) or self.of(version_id)
        histogram = tally.waited
        histogram.counts[bisect_left(BOUNDS, waited)] += 1
        histogram.seconds += waited
        histogram = tally.whole
        histogram.counts[bisect_left(BOUNDS, whole)] += 1
        histogram.seconds += whole
        if ran is not None:
            histogram = tally.ran
            histogram.counts[bisect_left(BOUNDS, ran)] += 1
            histogram.seconds += ran
        if reason is not Reason.COMPLETED:
            tally.failures[reason] += 1

    def started(self, version: RunnableVersion, seconds: float) -> None:
        """An instance is ready, so long after it was decided on."""
        self.of(version.version_id).starts.observe(seconds)

    def ended(self, version: RunnableVersion, how: str) -> None:
        """An instance is gone; ``how`` as in ``VersionTally.ends``."""
        self.of(version.version_id).ends[how] += 1

    def of(self, version_id: str) -> VersionTally:
        """The counts to add to for a version."""
        tally = self._versions.get(version_id)
        if tally is None:
            if len(self._versions) >= MOST_VERSIONS:
                return self.others
            tally = self._versions[version_id] = VersionTally()
        return tally

    def versions(self) -> Mapping[str, VersionTally]:
        """By version id, those that have counts of their own."""
        return self._versions

    def mark(self, alive: Container[str]) -> None:
        """To be called every ten seconds: ``VersionTally.recent`` is about the last minute then. What versions that are
        not ``alive`` any more have counted goes to ``others``."""
        for version_id in [known for known in self._versions if known not in alive]:
            self.others.add(self._versions.pop(version_id))
        for tally in self._versions.values():
            tally.mark()

    def total(self) -> VersionTally:
        """Everything together."""
        return together((self.others, *self._versions.values()))


def together(tallies: Iterable[VersionTally]) -> VersionTally:
    """The sum of several."""
    total = VersionTally()
    for tally in tallies:
        total.add(tally)
    return total
