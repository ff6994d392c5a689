"""What the documents say about files, commands, settings and errors is so, and nothing is left out."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quinta.cli.quinta import app
from quinta.core.errors import QuintaError

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "quinta"
LEFT_OUT = {".venv", ".git", "node_modules"}
DOCUMENTS = sorted(file for file in ROOT.rglob("*.md") if not LEFT_OUT & set(file.relative_to(ROOT).parts))
NAMES = [str(document.relative_to(ROOT)) for document in DOCUMENTS]

LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
# A path from the repository's root, or from the source's, written as code. A placeholder has letters in capitals or <>.
PATH = re.compile(r"(?:\./)?(?:src|tests|docs|script|examples|benchmarks|\.ci)/[\w./-]*\w/?")
SOURCE_PATH = re.compile(r"[a-z_]+/[a-z0-9_/]+(?:\.py)?/?")
SETTING = re.compile(r"\bQUINTA_[A-Z][A-Z_]*[A-Z]\b")


@cache
def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def code_of(document: Path) -> list[str]:
    """Everything written as code: spans, and the lines of blocks."""
    text = text_of(document)
    blocks = [line.strip() for block in FENCE.findall(text) for line in block.splitlines()]
    return blocks + [span.strip() for span in INLINE.findall(FENCE.sub("", text))]


def missing_paths(document: Path) -> list[str]:
    missing = [
        link for link in LINK.findall(text_of(document)) if "://" not in link and not (document.parent / link).exists()
    ]
    rooms = {entry.name for entry in SOURCE.iterdir()}
    for word in {word for code in code_of(document) for word in code.split()}:
        if PATH.fullmatch(word):
            found = (ROOT / word).exists()
        elif SOURCE_PATH.fullmatch(word) and word.split("/")[0] in rooms:
            found = (SOURCE / word).exists()
        else:
            continue
        if not found:
            missing.append(word)
    return missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_file_named_is_there(document: Path) -> None:
    assert missing_paths(document) == []


def test_a_file_that_is_gone_is_noticed(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text("[a](gone.md), `src/quinta/gone.py`, `core/gone.py`, `script/test`, `core/errors.py`\n")
    assert sorted(missing_paths(document)) == ["core/gone.py", "gone.md", "src/quinta/gone.py"]


def commands(program: str) -> list[tuple[str, ...]]:
    """Each use of ``quinta`` in the documents as (words of the command, its options)."""
    found = set()
    for document in DOCUMENTS:
        for code in code_of(document):
            words = code.split(" #")[0].split()
            if not words or words[0].removeprefix(".venv/bin/") != program:
                continue
            plain: list[str] = []
            for word in words[1:]:
                if not re.fullmatch(r"[a-z][a-z-]*", word):
                    break
                plain.append(word)
            options = [word.strip("[]") for word in words if word.strip("[]").startswith("--")]
            found.add((" ".join(plain), *sorted(options)))
    return sorted(found)


@cache
def help_of(command: str) -> str:
    """What ``quinta COMMAND --help`` prints, in this process: some dozen others would load the command for 1 s each."""
    wide = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    run = CliRunner().invoke(app, [*command.split(), "--help"], env=wide)
    assert run.exit_code == 0, f"quinta {command} --help: {run.output}"
    return run.stdout


@pytest.mark.parametrize("use", commands("quinta"), ids=" ".join)
def test_every_command_named_is_there(use: tuple[str, ...]) -> None:
    command, *options = use
    assert [option for option in options if option not in help_of(command)] == []


def test_every_script_named_is_there_and_can_be_run() -> None:
    words = {word for document in DOCUMENTS for code in code_of(document) for word in code.split()}
    scripts = {word for word in words if re.fullmatch(r"(\./)?script/[a-z-]+", word)}
    assert scripts
    assert [script for script in sorted(scripts) if not os.access(ROOT / script, os.X_OK)] == []


def test_every_setting_is_documented_and_every_documented_setting_is_read() -> None:
    readers = [SOURCE / "settings.py", *(SOURCE / "cli").glob("*.py")]
    read = {name for file in readers for name in SETTING.findall(file.read_text(encoding="utf-8"))}
    documented = set(SETTING.findall(text_of(ROOT / "docs" / "operating.md")))
    assert read == documented


def test_every_error_has_a_row_in_each_dialects_document() -> None:
    codes = [error.code for error in QuintaError.__subclasses__()]
    for document in (ROOT / "docs" / "dialects").glob("*.md"):
        rows = [line for line in text_of(document).splitlines() if line.startswith("|")]
        assert [code for code in codes if not any(f"`{code}`" in row for row in rows)] == [], document.name


def test_decisions_are_listed_with_their_titles() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = text_of(folder / "README.md")
    records = sorted(folder.glob("[0-9]*.md"))
    assert records
    assert [record.name for record in records if f"({record.name})" not in listed] == []
