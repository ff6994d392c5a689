"""At a terminal it asks; and Ctrl-C ends what goes on for ever."""

from __future__ import annotations

import pytest

from tests.cli.version2.command import Command
from tests.cli.version2.peers import Reply, peer, refusal
from tests.cli.version2.terminals import terminal

SECRET = "v2_" + "c3" * 20
PROJECTS = Reply(200, {"projects": [{"id": "proj_1", "name": "shop"}]})
LINE = {"id": "1", "timestamp": "2026-02-26T12:00:00Z", "level": "info", "component": "m", "message": "hello"}


@pytest.fixture
def signed_in(command: Command) -> Command:
    return command.having(VERSION2_API_KEY=SECRET)


def test_login_asks_for_the_key_without_showing_it(command: Command) -> None:
    with peer(PROJECTS) as told, terminal(command, "auth", "login", "--api-url", told.url) as screen:
        screen.wait_for(f"API key for {told.url}/v1: ")  # the blank comes once typing is hidden
        screen.type(f"{SECRET}\n")
        assert screen.ends() == 0
    assert SECRET not in screen.text
    assert "signed in" in screen.text
    assert SECRET in command.global_file.read_text()


def test_a_delete_is_asked_for_and_not_done_without_a_yes(signed_in: Command) -> None:
    with peer(PROJECTS) as told:
        for answer, code, asked in (("n\n", 1, 1), ("y\n", 0, 2)):
            with terminal(signed_in, "project", "delete", "proj_1", "--api-url", told.url) as screen:
                screen.wait_for("[y/N]")
                screen.type(answer)
                assert screen.ends() == code, screen.text
            assert [call.method for call in told.calls].count("DELETE") == asked - 1
            assert ("nothing was changed" in screen.text) == (code == 1)


def test_an_interrupt_at_a_question_changes_nothing(signed_in: Command) -> None:
    with peer(PROJECTS) as told, terminal(signed_in, "keys", "revoke", "key_1", "--api-url", told.url) as screen:
        screen.wait_for("[y/N]")
        assert screen.ends(interrupted=True) != 0
    assert told.calls == []
    assert "Traceback" not in screen.text


def test_a_new_key_is_shown_with_a_warning(signed_in: Command) -> None:
    made = Reply(201, {"id": "key_1", "name": "ci", "permissions": ["read"], "key": SECRET})
    with peer(made) as told:
        with terminal(signed_in, "keys", "generate", "--name", "ci", "--api-url", told.url) as screen:
            assert screen.ends() == 0
        assert SECRET in screen.text
        assert "it is not shown again" in screen.text
        piped = signed_in.run("keys", "generate", "--name", "ci", "--api-url", told.url)
    assert piped.stdout == f"{SECRET}\n"


def test_following_ends_well_with_an_interrupt(signed_in: Command) -> None:
    later = {**LINE, "id": "2", "message": "later"}
    pages = (Reply(200, {"logs": [LINE]}), Reply(200, {"logs": [LINE]}), Reply(200, {"logs": [LINE, later]}))
    with peer(*pages) as told:
        words = ("logs", "--follow", "--project", "proj_1", "--api-url", told.url)
        with terminal(signed_in, *words) as screen:
            screen.wait_for("later")
            screen.interrupt()
            assert screen.ends() == 0, screen.text
    assert screen.text.count("hello") == 1
    assert screen.text.count("later") == 1
    assert "start_time=2026-02-26T11%3A59%3A55Z" in told.calls[1].path


def test_errors_are_one_line_at_a_terminal_too(signed_in: Command) -> None:
    no = refusal(403, "forbidden", "Your key may not do this.")
    with peer(no) as told, terminal(signed_in, "project", "list", "--api-url", told.url) as screen:
        assert screen.ends() == 6
    assert screen.text == "version2: Your key may not do this\n"
