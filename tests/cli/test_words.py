"""The command as a process: what it loads, and what it answers to words it does not know."""

from __future__ import annotations

import subprocess
import sys

import pytest

SERVER = ("fastapi", "uvicorn", "quinta.server")


def run(*words: str, trace: bool = False) -> subprocess.CompletedProcess[str]:
    options = ["-X", "importtime"] if trace else []
    return subprocess.run(
        [sys.executable, *options, "-m", "quinta", *words], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(("words", "loads"), [(("admin", "--help"), False), (("serve", "--help"), True)])
def test_only_the_word_that_was_asked_for_is_loaded(words: tuple[str, ...], loads: bool) -> None:
    done = run(*words, trace=True)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert [name in loaded for name in SERVER] == [loads] * len(SERVER)


def test_an_unknown_word_is_refused_and_a_known_one_helps() -> None:
    refused = run("nonsense")
    assert refused.returncode == 2
    assert "nonsense" in refused.stderr
    helped = run("--help")
    assert helped.returncode == 0
    for word in ("serve", "status", "doctor", "audit", "admin"):
        assert f" {word} " in helped.stdout
