"""The files: what goes before what, what is kept, and who may read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.cli.version2.documents import plain, value_of, yaml_text
from quinta.cli.version2.failures import Failure
from tests.cli.version2.command import Command

SECRET = "v2_" + "a1" * 20


@pytest.fixture
def command(command: Command) -> Command:
    return Command(command.home, command.folder)


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def test_values_go_where_their_keys_belong_and_come_back(command: Command) -> None:
    command.told("config", "set", "api.endpoint", "https://quinta.example.com")
    command.told("config", "set", "config.scaling.min_instances", "2")
    command.told("config", "set", "version", "1.10")
    command.told("config", "set", "environment", "staging", "--workspace")
    assert command.told("config", "get", "api.endpoint") == "https://quinta.example.com/v1\n"
    assert command.told("config", "get", "version") == "1.10\n"
    assert command.data("config", "get", "config") == {"scaling": {"min_instances": 2}}
    assert command.told("config", "get", "environment") == "staging\n"
    assert command.workspace_file.read_text() == "environment: staging\n"
    listed = command.told("config", "list")
    assert "config.scaling.min_instances 2" in " ".join(listed.split())
    assert str(command.global_file) in listed
    command.told("config", "unset", "config.scaling.min_instances")
    assert "is not set" in command.refused(1, "config", "get", "config.scaling.min_instances")
    assert "is not set" in command.refused(1, "config", "unset", "config.scaling.min_instances")


def test_the_global_file_is_for_its_owner_alone(command: Command) -> None:
    command.told("config", "set", "output", "table")
    assert (mode(command.global_file), mode(command.global_file.parent)) == (0o600, 0o700)
    command.global_file.chmod(0o644)
    assert "others may read" in command.refused(3, "config", "validate")
    command.told("config", "set", "output", "json")
    assert mode(command.global_file) == 0o600
    assert command.run("config", "validate").returncode == 0


def test_a_key_is_never_shown_whole(command: Command) -> None:
    command.told("config", "set", "api.key", SECRET)
    assert SECRET in command.global_file.read_text()
    for words in ("config list", "config list --scope global", "config get api.key", "config get api"):
        for form in ("table", "json", "yaml"):
            told = command.told(*words.split(), "--output", form)
            assert SECRET not in told
            assert SECRET[:7] in told


def test_comments_and_order_of_a_file_stay(command: Command) -> None:
    command.project_file.write_text("# ours\nversion: 'v1' # the first\nname: shop\n")
    command.told("config", "set", "version", "v2")
    command.told("config", "set", "config.region", "eu")
    assert command.project_file.read_text() == "# ours\nversion: 'v2' # the first\nname: shop\nconfig:\n  region: eu\n"
    assert mode(command.project_file) == 0o644


def test_flag_goes_before_environment_before_files(command: Command) -> None:
    command.told("config", "set", "api.endpoint", "http://file.example")
    here = command.having(VERSIONTWO_API_URL="http://second.example")
    assert command.told("config", "get", "api.endpoint") == "http://file.example/v1\n"
    assert here.told("config", "get", "api.endpoint") == "http://second.example/v1\n"
    here = here.having(VERSION2_API_URL="http://first.example")
    assert here.told("config", "get", "api.endpoint") == "http://first.example/v1\n"
    assert (
        here.told("--api-url", "http://flag.example/api", "config", "get", "api.endpoint")
        == "http://flag.example/api\n"
    )
    assert (
        here.told("config", "get", "api.endpoint", "--api-url", "http://behind.example") == "http://behind.example/v1\n"
    )


def test_the_workspace_file_goes_before_the_project_file(command: Command) -> None:
    command.project_file.write_text("environment: prod\n")
    assert command.told("config", "get", "environment") == "production\n"
    command.told("config", "set", "environment", "dev", "--scope", "workspace")
    assert command.told("config", "get", "environment") == "development\n"
    assert command.told("config", "get", "environment", "--scope", "project") == "prod\n"


def test_a_project_file_does_not_choose_where_a_key_goes(command: Command) -> None:
    command.project_file.write_text("name: shop\napi:\n  endpoint: http://thief.example\n  key: other\n")
    assert command.told("config", "get", "api.endpoint") == "http://127.0.0.1:8000/v1\n"
    assert "is not set" in command.refused(1, "config", "get", "api.key")
    assert "api.key is no key of the project file" in command.refused(3, "config", "validate")


def test_old_spellings_are_read_and_new_ones_written(command: Command) -> None:
    old = command.home / ".version2" / "config.yaml"
    old.parent.mkdir()
    old.write_text(f"api-key: {SECRET}\nworkspace: ~/projects\n")
    assert command.told("config", "get", "api-key") == f"{SECRET[:7]}…\n"
    assert "workspace.default" not in command.told("config", "list")  # a folder, which is another thing
    command.told("config", "set", "workspace", "ws_1")
    assert command.told("config", "get", "workspace.default") == "ws_1\n"
    assert SECRET in command.global_file.read_text()
    (command.folder / "version2.yaml").write_text("name: old\n")
    assert command.told("config", "get", "name") == "old\n"
    command.project_file.write_text("name: new\n")
    assert command.told("config", "get", "name") == "new\n"


def test_config_and_its_alias_choose_the_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    command.told("config", "set", "output", "yaml", "--config", str(file))
    assert mode(file) == 0o600
    for variable in ("VERSION2_CONFIG_FILE", "VERSION2_CONFIG", "VERSIONTWO_CONFIG"):
        assert command.having(**{variable: str(file)}).told("config", "get", "output") == "yaml\n"
    assert command.told("config", "get", "output") == "table\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("security.encryption.key", "x"), "no file knows security.encryption.key"),
        (("editor.name", "vim", "--scope", "global"), "editor.name is no key of the global file"),
        (("output", "xml"), "must be table, json or yaml"),
        (("api.endpoint", "ftp://x"), "is no address"),
        (("api.endpoint", "https://user:word@x"), "is no address"),
        (("name", " "), "must be a text"),
        (("config.day", "2026-02-26"), "put quotes around it"),
        (("config.bad", "[1"), "no valid YAML"),
    ],
)
def test_what_cannot_be_set_is_refused(command: Command, words: tuple[str, ...], said: str) -> None:
    assert said in command.refused(3, "config", "set", *words)
    assert not command.global_file.exists()
    assert not command.project_file.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "no valid YAML"),
        ("- a\n", "must hold names with values"),
        ("version: 1.10\n", "put quotes around numbers"),
        ("name: a\nname: b\n", "no valid YAML"),
        ("nmae: a\n", "nmae is no key of the project file"),
        ("config: {scaling: {min_instances: 3, max_instances: 2}}\n", "must not be above max_instances"),
        ("config: {scaling: {min_instances: two}}\n", "whole number"),
        ("config: {region: 1}\n", "config.region must be a text"),
        ("config: {day: 2026-02-26}\n", "put quotes around it"),
        ("config: {1: a}\n", "names must be texts"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(command: Command, text: str, said: str) -> None:
    command.project_file.write_text(text)
    assert said in command.refused(3, "config", "validate")
    command.project_file.write_text(
        "name: a\nversion: '1.10'\nconfig: {scaling: {min_instances: 2, max_instances: 2}}\n"
    )
    assert command.run("config", "validate").returncode == 0


def test_reset_removes_a_file_when_it_may(command: Command) -> None:
    command.told("config", "set", "api.key", SECRET)
    assert "--yes" in command.refused(2, "config", "reset", "--scope", "global")
    assert command.global_file.exists()
    command.told("config", "reset", "--scope", "global", "--yes")
    assert not command.global_file.exists()
    assert "reset what?" in command.refused(2, "config", "reset", "--yes")


def test_one_place_at_a_time(command: Command) -> None:
    assert "one place" in command.refused(2, "config", "list", "--scope", "global", "--workspace")


def test_init_writes_a_file_that_is_right_and_replaces_none(command: Command) -> None:
    command.told("init")
    assert command.run("config", "validate").returncode == 0
    assert command.told("config", "get", "name") == "shop\n"
    assert command.told("config", "get", "environment") == "development\n"
    assert "is there already" in command.refused(3, "init")
    command.told("init", 'Meu "Projeto": água', "--force")
    assert command.told("config", "get", "name") == 'Meu "Projeto": água\n'
    command.told("init", "--path", "inner/deep")
    assert "name: deep" in (command.folder / "inner" / "deep" / "versiontwo.yaml").read_text().replace('"', "")
    assert "1 to 100 characters" in command.refused(2, "init", " ", "--force")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_what_is_printed_as_yaml_reads_back(value: object) -> None:
    text = yaml_text(value)
    assert json.dumps(value_of(text)) == json.dumps(value)


def test_a_value_without_end_is_refused() -> None:
    deep: list[object] = []
    deep.append(deep)
    with pytest.raises(Failure, match="levels deep"):
        plain(deep, "it")
