"""The catalogue of reason codes: whole, documented as it is, and used by the worker in its own spelling."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quinta.core.reason_texts import TEXTS
from quinta.core.reasons import EARLIER, RETIREMENTS, TIMEOUTS, Failure, Phase, Reason, phase_of
from quinta.wire.messages import RUN_FAILURES, START_FAILURES

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "reason-codes.md"
UNTESTED: dict[Reason, str] = {}
"""Codes that no test brings about, and why none can."""
FAILURES = [reason for reason in Reason if reason is not Reason.COMPLETED]


def rows(heading: str) -> list[tuple[str, ...]]:
    """The cells of a table in the document, without its head."""
    section = DOCUMENT.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


def test_every_code_has_a_meaning_and_a_remedy() -> None:
    assert set(TEXTS) == set(FAILURES)
    for reason, text in TEXTS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason), reason
        assert reason.name == reason.upper()
        for sentence in text:
            assert re.fullmatch(r"[A-Z][^|\n]*[.]", sentence), reason


def test_the_document_has_the_catalogue_as_it_is() -> None:
    wanted = [
        (f"`{reason}`", reason.phase, *TEXTS[reason]) for phase in Phase for reason in FAILURES if reason.phase is phase
    ]
    assert rows("The table") == wanted
    assert rows("Codes of earlier releases") == [(f"`{code}`", phase) for code, phase in EARLIER.items()]
    phases = [line.split("|")[1].strip() for line in DOCUMENT.read_text().split("## ")[0].splitlines() if "|" in line]
    assert phases[2:] == list(Phase)


def test_every_code_is_brought_about_by_a_test() -> None:
    texts = [path.read_text() for path in TESTS.rglob("test_*.py") if path != Path(__file__)]
    named = {name for text in texts for name in re.findall(r"\bReason\.([A-Z_]+)\b", text)}
    assert {reason for reason in FAILURES if reason.name not in named} == set(UNTESTED)


def test_the_worker_gives_codes_of_the_catalogue() -> None:
    assert {Reason(code).phase for code in START_FAILURES} <= {Phase.COLD_START, Phase.MEMORY}
    assert all(Reason(code) is not Reason.COMPLETED for code in RUN_FAILURES)


def test_codes_that_were_stored_are_readable() -> None:
    assert [phase_of(reason) for reason in Reason] == [reason.phase for reason in Reason]
    assert phase_of("crashed") is Phase.CRASH
    assert phase_of("a_code_of_a_later_release") is None
    assert not EARLIER.keys() & set(Reason)


@pytest.mark.parametrize("group", [TIMEOUTS, RETIREMENTS])
def test_groups_are_no_successes(group: frozenset[Reason]) -> None:
    assert Reason.COMPLETED not in group


def test_a_failure_is_the_end_of_a_log_line() -> None:
    assert f"the request failed: {Failure(Reason.MODEL_ERROR, 'no')}" == "the request failed: no [model_error]"
