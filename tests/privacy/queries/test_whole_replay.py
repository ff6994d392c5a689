"""Record and replay of whole paths: a statement about a file and its neighbour, with noise and draw of rows frozen.

Both take the same way: the same refusals, measures, scales and prices; and what the exact numbers of the two differ by
costs, over the scales of the noise that they got, no more than epsilon in sum. Statements and datasets are random ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quinta.core.datasets.model import NANO
from quinta.core.errors import InvalidInput
from quinta.core.queries.model import AskedDataset, GroupLimit, QueryAnswer, Question
from quinta.privacy.queries import quantiles, release, rows_expressions, rows_statements
from quinta.privacy.queries.allocation import Allocation, Part, allocate
from quinta.privacy.queries.analysis import analyse
from quinta.privacy.queries.answering import plan_answer
from quinta.privacy.queries.measured import Measured, Rows
from quinta.privacy.queries.noise import choice_scale, laplace_scale
from quinta.privacy.queries.quantiles import choice_of
from quinta.privacy.queries.sources import Sources
from quinta.privacy.queries.tree import Aggregate, Case, Key, Measure, Plan, Source
from quinta.privacy.queries.wants import Joint
from tests.privacy.queries.grammar import REFUSED, Statement, statements
from tests.privacy.queries.grounds import Ground, ground
from tests.privacy.queries.test_replay import distance, joint_distance, numbers

GROUNDS = 12
STATEMENTS = 800
"""Each asked of two neighbours: 1,500 pairs, as some are refused."""
LIMITS = ((), (), (), (GroupLimit("t", 2),), (GroupLimit("id", 3),))


@dataclass
class Recorded:
    """The real source, and a record of what it was asked and answered."""

    sources: Sources
    asked: list[tuple[Source, tuple[Key, ...], tuple[Measure, ...]]] = field(default_factory=list)
    answers: list[Measured] = field(default_factory=list)

    @contextmanager
    def open(self, datasets: Sequence[AskedDataset]) -> Iterator[Rows]:
        with self.sources.open(datasets) as rows:
            self._rows = rows
            yield self

    def measure(self, source: Source, keys: Sequence[Key], measures: Sequence[Measure]) -> Measured:
        self.asked.append((source, tuple(keys), tuple(measures)))
        self.answers.append(self._rows.measure(source, keys, measures))
        return self.answers[-1]


@dataclass
class Frozen:
    """The same error for each number and the best of scores; a record of what was asked for.

    Where bounds are searched, the first ``searches`` times, two bins are full. The neighbour (``like``) gets the errors
    that make its noisy numbers those of the other side: what is measured next depends on them, and that such errors
    are as likely, but for what the distance costs, is what is to be shown (a coupling; Barthe et al. 2016).
    """

    source: Recorded
    searches: int
    like: Replay | None = None
    drawn: list[tuple[float, int]] = field(default_factory=list)
    chosen: list[tuple[float, int]] = field(default_factory=list)

    def laplace(self, scale: float, count: int) -> Sequence[int]:
        number = len(self.drawn)
        self.drawn.append((scale, count))
        if number >= self.searches:
            return [2] * count
        errors = [10**6 if bin_ in (count // 3, count // 2) else 2 for bin_ in range(count)]
        if self.like is None:
            return errors
        apart = differences(self.like.source.answers[number], self.source.answers[number], count)
        return [error + difference for error, difference in zip(errors, apart, strict=True)]

    def best(self, scores: Sequence[int], scale: float) -> int:
        self.chosen.append((scale, len(scores)))
        return max(range(len(scores)), key=scores.__getitem__)


def differences(one: Measured, other: Measured, bins: int) -> list[int]:
    """Of the histograms of a search."""
    mine, theirs = numbers(one, (), 0), numbers(other, (), 0)
    return [mine.get(bin_, 0) - theirs.get(bin_, 0) for bin_ in range(bins)]


@dataclass
class Replay:
    """One side of a pair."""

    source: Recorded
    noise: Frozen
    answer: QueryAnswer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grounds")


@pytest.fixture(scope="module")
def grounds(folder: Path) -> list[Ground]:
    return [ground(folder, seed, alike=False) for seed in range(GROUNDS)]


@pytest.fixture(scope="module")
def sources(folder: Path) -> Iterator[Sources]:
    """Rows of which too many are there are drawn with one salt: those of everybody else are then the same ones."""
    opened = Sources(folder / "imports", 256, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("quinta.privacy.queries.sources.secrets.randbits", lambda bits: 7**20)
        yield opened
    opened.close()


def replayed(plan: Plan, question: Question, sources: Sources, like: Replay | None = None) -> Replay:
    source = Recorded(sources)
    noise = Frozen(source, len(allocate(plan, question.epsilon).searches), like)
    return Replay(source, noise, plan_answer(plan, question.epsilon, question.datasets, source, noise))


def test_neighbours_take_the_same_way_and_lie_close(grounds: list[Ground], sources: Sources) -> None:
    ended: Counter[str] = Counter()
    tightest: list[Fraction] = []

    @settings(max_examples=STATEMENTS, deadline=None)
    @given(
        st.sampled_from(grounds).flatmap(lambda one: st.tuples(st.just(one), statements(one, searches=True))),
        st.sampled_from((0.0, 0.0, 0.0, 2.0)),
        st.sampled_from(LIMITS),
        st.sampled_from((NANO, NANO // 10, 20 * NANO)),
    )
    def replays(asked: tuple[Ground, Statement], tau: float, limits: tuple[GroupLimit, ...], epsilon: int) -> None:
        where, statement = asked
        question = Question(statement.sql, (where.without,), epsilon, tau=tau, limits=limits)
        try:
            plan = analyse(question)
        except InvalidInput:
            ended["refused"] += 1
            return
        allocation, one = allocate(plan, epsilon), replayed(plan, question, sources)
        for neighbour in where.neighbours:
            other = replayed(plan, replace(question, datasets=(neighbour,)), sources, one)
            ended["answered"] += 1
            ended["searched"] += bool(allocation.searches)
            agree(plan, allocation, one, other)
            if allocation.epsilon:
                loss = loss_of(plan, allocation, one, other)
                tightest[:] = [max([*tightest, loss * NANO / allocation.epsilon])]
                assert loss <= Fraction(allocation.epsilon, NANO)

    replays()
    assert ended["answered"] > STATEMENTS
    assert ended["searched"] > STATEMENTS // 20
    assert tightest[0] > Fraction(99, 100), "none of these would show noise that is a little too small"


def agree(plan: Plan, allocation: Allocation, one: Replay, other: Replay) -> None:
    assert one.source.asked == other.source.asked
    assert [scale for scale, _ in one.noise.drawn] == [scale for scale, _ in other.noise.drawn]
    assert set(one.noise.chosen) == set(other.noise.chosen) or not allocation.enumerates
    assert (one.answer.cost, one.answer.message) == (other.answer.cost, other.answer.message)
    assert one.answer.results.split(b"\n")[0] == other.answer.results.split(b"\n")[0]
    if allocation.epsilon == 0:
        assert one.answer == other.answer
        return
    first = [part for part in told_in_order(allocation) if decides(part, allocation)]
    searches, draws = len(allocation.searches), sum(map(numbers_of, first))
    for side in (one, other):
        assert side.answer.results.count(b"\n") == side.answer.accuracy.count(b"\n")
        assert [count for _, count in side.noise.drawn[searches : searches + draws]] == [
            groups_of(plan, allocation, side.source.answers[-1])
        ] * draws
    if allocation.enumerates and not first:
        assert one.noise.drawn == other.noise.drawn
        assert one.noise.chosen == other.noise.chosen


def told_in_order(allocation: Allocation) -> list[Part]:
    """First what decides on groups, of all of them."""
    return sorted(allocation.parts, key=lambda part: not decides(part, allocation))


def decides(part: Part, allocation: Allocation) -> bool:
    selections = {want for want, _ in allocation.limits}
    if allocation.tau is not None:
        selections.add(allocation.selection)
    return not selections.isdisjoint(part.wants)


def numbers_of(part: Part) -> int:
    """How many numbers of a part get noise."""
    return len(part.need.split(1, *([] for _ in part.wants))) if isinstance(part.need, Joint) else 1


def groups_of(plan: Plan, allocation: Allocation, measured: Measured) -> int:
    if not allocation.enumerates:
        return len(measured.groups)
    count = 1
    for key in plan.keys:
        count *= len(key.values or ())
    return count


def loss_of(plan: Plan, allocation: Allocation, one: Replay, other: Replay) -> Fraction:
    """What the pair's exact numbers tell at most: of each part the sum of differences over all groups, by its scale."""
    measures, answers = one.source.asked[-1][2], (one.source.answers[-1], other.source.answers[-1])
    wants = [want for part in allocation.parts for want in part.wants]
    drawn = [scale for scale, _ in one.noise.drawn[len(allocation.searches) :]]
    loss = Fraction(0)
    for number, (scale, count) in enumerate(one.noise.drawn[: len(allocation.searches)]):
        moved = differences(one.source.answers[number], other.source.answers[number], count)
        loss += Fraction(sum(map(abs, moved))) / Fraction(scale)
    for part in told_in_order(allocation):
        scales, drawn = drawn[: numbers_of(part)], drawn[numbers_of(part) :]
        assert len(set(scales)) == 1
        first = wants.index(part.wants[0])
        if isinstance(part.need, Joint):
            apart = joint_distance(part.need, measures[first].most, first, *answers)
        else:
            apart = distance(*answers, first)
        loss += Fraction(apart) / Fraction(scales[0])
    assert not drawn
    for choice in allocation.choices:
        aggregate = plan.aggregates[choice.aggregate]
        number = next(
            place for place in range(len(wants), len(measures)) if is_of(aggregate, measures[place])
        )  # one histogram an operand
        bins = measures[number].bins
        assert bins is not None
        chooser = choice_of(plan, choice, bins.count)
        apart = 0
        for group in {*answers[0].groups, *answers[1].groups}:
            scores = [chooser.scores(numbers(answer, group, number)) for answer in answers]
            apart += max(abs(mine - theirs) for mine, theirs in zip(*scores, strict=True))
        loss += 2 * Fraction(apart) / Fraction(chooser.scale)
    return Fraction(loss)


def is_of(aggregate: Aggregate, histogram: Measure) -> bool:
    """Whether it is that of the aggregate's operand, held within the bounds that were found."""
    operand = histogram.operand
    return (operand.otherwise if aggregate.automatic and isinstance(operand, Case) else operand) == aggregate.operand


@settings(max_examples=40, deadline=None)
@given(statement=REFUSED, number=st.integers(0, GROUNDS - 1))
def test_refusals_are_the_same_and_say_something(grounds: list[Ground], statement: str, number: int) -> None:
    said = []
    for dataset in (grounds[number].without, *grounds[number].neighbours):
        with pytest.raises(InvalidInput) as refused:
            analyse(Question(statement, (dataset,), NANO))
        said.append((refused.value.message, refused.value.field))
    assert len(set(said)) == 1
    assert len(said[0][0]) > 20
    assert said[0][1] == "query"


PLAIN = (
    "SELECT COUNT(*) FROM people",
    "SELECT SUM(n) FROM people",
    "SELECT t, COUNT(DISTINCT id) FROM people GROUP BY t",
    "SELECT AVG(x) FROM people",
    "SELECT MEDIAN(n) FROM people",
)
BROKEN: dict[str, tuple[str, Any, str, Any]] = {
    "noise for one row": (PLAIN[0], release, "sensitivity_of", lambda measure, _plan: measure.most),
    "units in one group": (PLAIN[2], release, "sensitivity_of", lambda _measure, _plan: 1),
    "all rows of a unit": (
        PLAIN[3],
        rows_statements,
        "_first_of_numbered",
        lambda alias, inner, *_: f"(SELECT * FROM {inner}) AS {alias}",
    ),
    "values beyond their bounds": (PLAIN[1], rows_expressions, "_between", lambda sql, _lower, _upper: sql),
    "half the scale": (PLAIN[3], release, "laplace_scale", lambda *asked: laplace_scale(*asked) / 2),
    "half the scale of a choice": (PLAIN[4], quantiles, "choice_scale", lambda *asked: choice_scale(*asked) / 2),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_paths_are_found(
    grounds: list[Ground], sources: Sources, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, module, member, instead = BROKEN[name]
    assert hasattr(module, member)
    monkeypatch.setattr(module, member, instead)
    assert worst_loss(statement, grounds, sources) > 1


@pytest.mark.parametrize("statement", PLAIN)
def test_their_honest_twins_are_not(grounds: list[Ground], sources: Sources, statement: str) -> None:
    assert Fraction(1, 4) < worst_loss(statement, grounds, sources) <= 1


def worst_loss(statement: str, grounds: Sequence[Ground], sources: Sources) -> Fraction:
    """Of all pairs, for an epsilon of 1."""
    found = []
    for where in grounds:
        if not where.has_units and "id" in statement:
            continue
        question = Question(statement, (where.without,), NANO)
        plan = analyse(question)
        one = replayed(plan, question, sources)
        for neighbour in where.neighbours:
            other = replayed(plan, replace(question, datasets=(neighbour,)), sources, one)
            found.append(loss_of(plan, allocate(plan, NANO), one, other))
    return max(found)
