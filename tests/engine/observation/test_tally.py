"""Counting durations and ends, by version and together."""

from __future__ import annotations

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from quinta.core.reasons import Reason
from quinta.engine.observation.histogram import BOUNDS, Histogram, quantile
from quinta.engine.observation.tally import MOST_VERSIONS, Tally
from tests.engine.supervisor.harness import version_of

SECONDS = st.floats(min_value=0, max_value=1_000, allow_nan=False)


@given(st.lists(SECONDS, min_size=1, max_size=200), st.floats(min_value=0.01, max_value=1))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(durations: list[float], share: float) -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram.observe(seconds)
    rank = next(rank for rank in range(len(durations)) if rank + 1 >= share * len(durations))
    true = bisect_left(BOUNDS, sorted(durations)[rank])
    answer = quantile(histogram.counts, share)
    assert answer is not None
    if true == len(BOUNDS):
        assert answer == BOUNDS[-1]
    else:
        assert (BOUNDS[true - 1] if true else 0.0) <= answer <= BOUNDS[true]


def test_nothing_counted_has_no_quantile() -> None:
    assert quantile(Histogram().counts, 0.5) is None


@given(st.lists(SECONDS, max_size=50))
def test_the_last_bucket_holds_everything(durations: list[float]) -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram.observe(seconds)
    buckets = list(histogram.cumulative())
    assert [name for name, _ in buckets][-1] == "+Inf"
    assert [count for _, count in buckets] == sorted(count for _, count in buckets)
    assert buckets[-1][1] == histogram.count == len(durations)


def test_totals_are_the_sum_of_versions_also_of_those_that_are_gone() -> None:
    tally = Tally()
    tally.request("a", Reason.COMPLETED, 0.0, 0.01, 0.02)
    tally.request("b", Reason.QUEUE_TIMEOUT, 5.0, None, 5.0)
    tally.ended(version_of("good", version_id="b"), Reason.EXITED)
    tally.mark({"a"})
    assert set(tally.versions()) == {"a"}
    total = tally.total()
    assert (total.whole.count, total.ran.count, total.waited.count) == (2, 1, 2)
    assert (dict(total.failures), dict(total.ends), total.deaths) == ({"queue_timeout": 1}, {"exited": 1}, 1)


def test_recent_counts_reach_back_six_marks() -> None:
    tally = Tally()
    tally.request("a", Reason.COMPLETED, 0.0, 0.01, 0.02)
    of_a = tally.of("a")
    assert sum(of_a.recent()) == 1
    for _ in range(3):
        tally.mark({"a"})
        tally.request("a", Reason.COMPLETED, 0.0, 0.01, 0.02)
    assert sum(of_a.recent()) == 3
    for _ in range(6):
        tally.mark({"a"})
    assert sum(of_a.recent()) == 0
    assert of_a.whole.count == 4


def test_versions_beyond_the_most_are_counted_together() -> None:
    tally = Tally()
    for number in range(MOST_VERSIONS + 5):
        tally.request(f"version {number}", Reason.COMPLETED, 0.0, 0.01, 0.02)
    assert len(tally.versions()) == MOST_VERSIONS
    assert tally.others.whole.count == 5
    assert tally.total().whole.count == MOST_VERSIONS + 5
