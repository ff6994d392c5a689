"""What the command says of itself, and that it stands apart from the server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.version2.command import Command

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "version2.md"
WORDS = (
    "init",
    "auth login",
    "auth status",
    "auth logout",
    "project list",
    "project get",
    "project create",
    "project update",
    "project delete",
    "workspace list",
    "workspace get",
    "workspace create",
    "workspace delete",
    "workspace switch",
    "deploy",
    "status",
    "history",
    "rollback",
    "logs",
    "metrics",
    "keys list",
    "keys generate",
    "keys revoke",
    "config get",
    "config set",
    "config unset",
    "config list",
    "config reset",
    "config validate",
    "doctor",
)
THE_SERVERS = re.compile(r"quinta\.(core|engine|storage|dialects|server|settings)\b")


@pytest.mark.parametrize("word", WORDS)
def test_every_word_helps_and_takes_what_all_take(command: Command, word: str) -> None:
    said = command.told(*word.split(), "--help")
    assert f"Usage: version2 {word}" in said
    assert [
        option for option in ("--output", "--quiet", "--debug", "--config", "--api-url") if option not in said
    ] == []


def test_the_help_names_words_variables_and_exit_codes(command: Command) -> None:
    said = command.told()
    assert said == command.told("--help")
    assert [word for word in {word.split()[0] for word in WORDS} if not re.search(rf"│ {word} ", said)] == []
    assert "VERSION2_API_KEY" in said
    assert "5 authentication" in said
    assert "--api-key" not in said


def test_the_version_is_told_only_without_a_word(command: Command) -> None:
    assert re.fullmatch(r"version2 \d+\.\d+\.\d+\n", command.told("--version"))
    assert "API key" in command.refused(5, "deploy", "--version", "v1", "--project", "shop")


@pytest.mark.parametrize("words", ["nonsense", "backup create", "project", "project list --nonsense", "project get"])
def test_what_is_no_command_is_refused_with_2(command: Command, words: str) -> None:
    assert "--help" in command.refused(2, *words.split())


def test_nothing_of_the_server_is_loaded(command: Command) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "quinta.cli.version2", "config", "list"],
        capture_output=True,
        text=True,
        env=command.environment,
        cwd=command.folder,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "quinta.cli.version2.desk" in loaded
    assert [name for name in loaded if THE_SERVERS.match(name)] == []


def test_the_document_names_every_word_and_only_those_that_are_there(command: Command) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    used = {found.strip() for found in re.findall(r"\bversion2((?: [a-z][a-z-]*){1,2})", text)}
    groups = {word.split()[0] for word in WORDS if " " in word}
    named = {" ".join(each.split()[: 2 if each.split()[0] in groups else 1]) for each in used}
    assert sorted(set(WORDS) - named) == []
    assert sorted(named - set(WORDS) - groups) == []


def wrong_in(command: Command, lines: list[str]) -> list[str]:
    """Examples that name a word or an option that is not there."""
    wrong: list[str] = []
    helps: dict[str, str] = {}
    for line in lines:
        words = line.partition("version2 ")[2].split(" #")[0]
        word = next((each for each in WORDS if words.startswith(each)), None)
        if word is None:
            wrong.append(line)
            continue
        if word not in helps:
            helps[word] = command.told(*word.split(), "--help")
        wrong += [f"{option} in {line}" for option in re.findall(r"--[a-z-]+", words) if option not in helps[word]]
    return wrong


def test_options_in_the_document_are_there(command: Command) -> None:
    assert wrong_in(command, re.findall(r"^version2 .*$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)) == []


@pytest.mark.parametrize("word", ["", "keys generate"])
def test_the_help_has_examples_that_are_right(command: Command, word: str) -> None:
    said = command.told(*word.split(), "--help")
    _, _, after = said.partition("Examples:")
    examples = [line for line in after.splitlines() if "version2 " in line]
    assert len(examples) > 1
    assert wrong_in(command, examples) == []


def test_brackets_in_the_help_are_no_markup(command: Command) -> None:
    assert "[a, b]" in command.told("config", "set", "--help")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete(command: Command, shell: str) -> None:
    here = command.having(
        _VERSION2_COMPLETE=f"complete_{shell}",
        _TYPER_COMPLETE_ARGS="version2 pro",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    told = here.having(COMP_WORDS="version2 pro", COMP_CWORD="1").run().stdout
    assert "project" in told
    assert "version2" in command.having(_VERSION2_COMPLETE=f"source_{shell}").run().stdout
