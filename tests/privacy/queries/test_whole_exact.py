"""Whatever is asked of whatever dataset: a refusal that names something, or, but for its noise, the exact answer.

``oracle`` works out the exact one in another way. Noise is symmetric about 0, so that an answer is, before what bounds
and thresholds make of it, the exact one in expectation.
"""

from __future__ import annotations

import ast
import csv
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quinta
from quinta.core.datasets.model import NANO
from quinta.core.errors import InvalidInput
from quinta.core.queries.model import GroupLimit, QueryAnswer, Question
from quinta.privacy.queries import answering, process
from quinta.privacy.queries.analysis import analyse
from quinta.privacy.queries.answering import plan_answer
from quinta.privacy.queries.sources import Sources
from quinta.privacy.queries.tree import Plan
from tests.privacy.queries.grammar import REFUSED, Statement, statements
from tests.privacy.queries.grounds import ground
from tests.privacy.queries.oracle import Oracle, aggregate_of, in_order, is_in_place, is_near, text_of, told
from tests.privacy.queries.plans import NoNoise

GROUNDS = 20
STATEMENTS = 900


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grounds")


@pytest.fixture(scope="module")
def sources(folder: Path) -> Iterator[Sources]:
    opened = Sources(folder / "imports", 256, 1)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def oracles(folder: Path) -> Iterator[list[Oracle]]:
    made = [Oracle(ground(folder, seed, alike=True)) for seed in range(GROUNDS)]
    yield made
    for oracle in made:
        oracle.close()


def test_an_answer_is_a_refusal_or_exact(oracles: list[Oracle], sources: Sources) -> None:
    ended: Counter[str] = Counter()

    @settings(max_examples=STATEMENTS, deadline=None)
    @given(
        st.sampled_from(oracles).flatmap(lambda one: st.tuples(st.just(one), statements(one.ground))),
        st.sampled_from((0, 0, 0, 2)),
    )
    def answers(asked: tuple[Oracle, Statement], least: int) -> None:
        oracle, statement = asked
        limits = (GroupLimit("t", least),) if least and " AS p " not in statement.source else ()
        question = Question(statement.sql, (oracle.ground.without,), 4 * NANO, limits=limits)
        plan = plan_or_reason(question)
        if plan is None:
            ended["refused"] += 1
            return
        found = plan_answer(plan, question.epsilon, question.datasets, sources, NoNoise())
        if found.cost.epsilon == 0:
            assert all(group.rows == 0 for group in oracle.groups(statement).values())
            ended["free"] += 1
        else:
            ended[compared(oracle, statement, plan, found, least if limits else 0)] += 1

    answers()
    assert ended["exact"] + ended["exact, with groups left out"] > STATEMENTS * 0.8
    assert min(ended["exact"], ended["exact, with groups left out"]) > STATEMENTS / 5


def plan_or_reason(question: Question) -> Plan | None:
    """None where it is refused, for a reason that says what is wrong, and the place in the statement."""
    try:
        return analyse(question)
    except InvalidInput as error:
        refused = error
    assert refused.field == "query"
    place = re.search(r"^.{10,} \(?(?:at )?line 1 column (\d+)\b", refused.message)
    assert place is not None, refused.message
    assert 0 <= int(place[1]) <= len(question.statement)
    return None


def compared(oracle: Oracle, statement: Statement, plan: Plan, found: QueryAnswer, least: int) -> str:
    """Fails where the answer is not the exact one; says in which way it is."""
    groups = told(oracle, statement, plan, found.cost, least)
    rows = list(csv.reader(found.results.decode().splitlines()))[1:]
    right = in_order(statement, groups)
    if statement.is_inner:
        largest = max((groups[group].exact(statement.asked[0], 0) or 0 for group in right), default=None)
        assert rows == [[text_of(largest), str(len(right))]]
        return "exact"
    count = len(statement.keys)
    assert [row[:count] for row in rows] == [[text_of(value) for value in group] for group in right]
    for row, group in zip(rows, right, strict=True):
        for number, asked in enumerate(statement.asked):
            cell, aggregate = row[count + number], aggregate_of(plan, statement, number)
            if asked.kind == "quantile":
                notes = "\n".join(found.cost.notes)
                (ranks,) = re.findall(rf"value of {aggregate.label} lies within (\d+) rows", notes)
                values = groups[group].values[number]
                assert is_in_place(cell, asked, values, aggregate, plan, int(ranks)), (cell, asked, values)
            else:
                assert is_near(cell, asked, groups[group], number, aggregate), (cell, asked, groups[group])
    return "exact" if found.cost.tau is None and not least else "exact, with groups left out"


@settings(max_examples=60, deadline=None)
@given(statement=REFUSED, number=st.integers(0, GROUNDS - 1))
def test_what_is_no_question_is_refused_by_name(oracles: list[Oracle], statement: str, number: int) -> None:
    assert plan_or_reason(Question(statement, (oracles[number].ground.without,), NANO)) is None


# --- no other noise can be had from the program ---


def test_the_program_has_one_noise() -> None:
    """Nothing in the source tree but ``OpenDPNoise`` has the methods of ``Noise``; ``answer`` alone makes one, out of
    nothing: no setting, argument or member of a question says which. Nobody else calls what takes one."""
    makers, others, callers = set(), set(), set()
    root = Path(quinta.__file__).parent
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                others |= {(name, node.name)} if methods & {"laplace", "best"} else set()
            elif isinstance(node, ast.ImportFrom) and node.module == "quinta.privacy.queries.release":
                callers |= {name for item in node.names if item.name == "release"}
            if isinstance(node, ast.Name | ast.Attribute | ast.alias):
                word = getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "name", "")
                makers |= {name} if word == "OpenDPNoise" else set()
                callers |= {name} if word == "plan_answer" else set()
    assert others == {("privacy/queries/noise.py", "Noise"), ("privacy/queries/noise.py", "OpenDPNoise")}
    assert makers == callers == {"privacy/queries/answering.py"}
    assert list(inspect.signature(answering.answer).parameters) == ["question", "sources"]
    assert list(inspect.signature(process.answer).parameters) == ["folder", "memory_megabytes", "threads", "question"]
