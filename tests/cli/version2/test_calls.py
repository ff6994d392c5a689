"""Calls that go wrong: the exit codes of the table, and one line that says what to do."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

from tests.cli.version2.command import Command
from tests.cli.version2.peers import Reply, peer, refusal

SECRET = "v2_" + "b2" * 20
NOTHING = Reply(200, {"projects": []})


@pytest.fixture
def command(command: Command) -> Command:
    return command.having(VERSION2_API_KEY=SECRET)


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [
        (400, "invalid_request", 1),
        (401, "unauthorized", 5),
        (403, "forbidden", 6),
        (404, "not_found", 1),
        (409, "conflict", 1),
        (500, "internal_error", 1),
    ],
)
def test_each_refusal_has_its_exit_code(command: Command, status: int, name: str, code: int) -> None:
    with peer(refusal(status, name, "No such\nthing.")) as told:
        line = command.refused(code, "--api-url", told.url, "project", "list")
    assert line.startswith("version2: No such thing")
    assert ("auth login" in line) == (status == 401)


def test_details_are_told_where_the_message_leaves_them_out(command: Command) -> None:
    details = {"field": "config.scaling", "reason": "out_of_range"}
    answer = Reply(400, {"error": {"code": "invalid_request", "message": "Refused.", "details": details}})
    with peer(answer) as told:
        line = command.refused(1, "--api-url", told.url, "project", "create", "shop")
    assert line == "version2: Refused (config.scaling: out_of_range)"


def test_the_key_is_sent_as_it_should_be_and_never_shown(command: Command) -> None:
    with peer(NOTHING) as told:
        done = command.run("project", "list", "--debug", "--api-url", told.url)
    assert done.returncode == 0
    assert told.calls[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert (told.calls[0].method, told.calls[0].path) == ("GET", "/v1/projects?limit=100")
    assert "GET" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_no_server_is_4(command: Command) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        line = command.refused(4, "project", "list", "--api-url", url)
    assert "connection refused" in line
    assert url in line


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(302, "", {"Location": "http://127.0.0.1:9/elsewhere"}), "a redirect to 'http://127.0.0.1:9/elsewhere'"),
        (Reply(200, "<html>", {"Content-Type": "text/html"}), "HTTP 200 with text/html instead of JSON"),
        (Reply(404, {"detail": "Not Found"}), "HTTP 404 without an error"),
        (Reply(200, {"items": []}), "a list without 'projects'"),
        (Reply(200, []), "a list without 'projects'"),
    ],
)
def test_another_kind_of_server_is_noticed(command: Command, reply: Reply, said: str) -> None:
    with peer(reply) as told:
        line = command.refused(1, "project", "list", "--api-url", told.url)
    assert said in line
    assert "is api.endpoint right?" in line
    assert len(told.calls) == 1


@pytest.mark.parametrize("reply", [Reply(502, "Bad Gateway"), refusal(503, "internal_error", "Busy.")])
def test_a_server_that_is_not_ready_is_4(command: Command, reply: Reply) -> None:
    with peer(reply) as told:
        assert f"not ready (HTTP {reply.status})" in command.refused(4, "project", "list", "--api-url", told.url)


def test_a_wait_outlives_a_server_that_starts_again(command: Command) -> None:
    made = {"id": "dep_1", "project_id": "proj_1", "version": "v1", "status": "pending"}
    ended = [Reply(200, {**made, "status": status, "error": "It broke."}) for status in ("completed", "failed")]
    starting = refusal(503, "internal_error", "Starting.")
    words = ("deploy", "--version", "v1", "--wait", "--project", "proj_1")
    with peer(Reply(201, made), starting, ended[0]) as told:
        assert command.data(*words, "--api-url", told.url)["status"] == "completed"
    with peer(Reply(201, made), starting, ended[1]) as told:
        assert "dep_1 failed: It broke." in command.refused(1, *words, "--api-url", told.url)
    with peer(Reply(201, made), Reply(200, made)) as told:
        assert "still pending after 1 s" in command.refused(4, *words, "--timeout", "1", "--api-url", told.url)


def test_a_broken_answer_is_4(command: Command) -> None:
    with peer(Reply(200, "{}", {"Content-Length": "1000"})) as told:
        pass  # nobody listens any more
    assert "cannot reach" in command.refused(4, "project", "list", "--api-url", told.url)


def test_the_rate_limit_is_waited_for(command: Command) -> None:
    limited = refusal(429, "rate_limited", "Too many.", Retry_After="1")
    with peer(limited, limited, NOTHING) as told:
        done = command.run("project", "list", "--output", "json", "--api-url", told.url)
    assert json.loads(done.stdout) == {"projects": []}
    assert done.stderr.count("the rate limit is reached; going on in 1 s") == 2
    with peer(limited) as told:
        assert "Too many" in command.refused(1, "project", "list", "--api-url", told.url)
    assert len(told.calls) == 3


def test_quiet_leaves_errors_only(command: Command) -> None:
    with peer(NOTHING, NOTHING, refusal(403, "forbidden", "No.")) as told:
        loud, quiet, wrong = (
            command.run("project", "list", *more, "--api-url", told.url) for more in ([], ["-q"], ["-q"])
        )
    assert (loud.stderr, quiet.stderr, wrong.stderr) == ("there are no projects\n", "", "version2: No\n")


def test_all_pages_are_read(command: Command) -> None:
    pages = [
        Reply(200, {"projects": [{"id": "proj_1", "name": "one"}], "next_cursor": "a b"}),
        Reply(200, {"projects": [{"id": "proj_2", "name": "two"}]}),
    ]
    with peer(*pages) as told:
        assert [each["name"] for each in command.data("project", "list", "--api-url", told.url)["projects"]] == [
            "one",
            "two",
        ]
    assert told.calls[1].path == "/v1/projects?limit=100&cursor=a+b"


def test_what_users_code_printed_gives_a_terminal_no_orders(command: Command) -> None:
    line = {
        "id": "1",
        "timestamp": "2026-02-26T12:00:00Z",
        "level": "info",
        "component": "m",
        "message": "\x1b[2Jgone\r\n",
    }
    with peer(Reply(200, {"logs": [line]})) as told:
        said = command.told("logs", "--project", "proj_1", "--api-url", told.url)
        assert command.data("logs", "--project", "proj_1", "--api-url", told.url) == {"logs": [line]}
    assert said == "2026-02-26T12:00:00Z  info   m  \\x1b[2Jgone\n"


@pytest.mark.parametrize("key", ["with space in", "ação", "line\nbreak"])
def test_what_can_be_no_key_is_not_sent(command: Command, key: str) -> None:
    with peer(NOTHING) as told:
        here = command.having(VERSION2_API_KEY=key, VERSION2_API_URL=told.url)
        assert "characters that no key has" in here.refused(5, "project", "list")
    assert told.calls == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("logs", "--since", "yesterday"), "--since 'yesterday' is no time"),
        (("logs", "--tail", "0"), "--tail"),
        (("logs", "--level", "loud"), "'loud' is not one of"),
        (("metrics", "--interval", "2m"), "'2m' is not one of"),
        (("metrics", "--start", "10x"), "--start '10x' is no time"),
        (("rollback", "dep_1", "--version", "v1"), "not both"),
        (("deploy",), "which version?"),
        (("status",), "which project?"),
        (("project", "update", "proj_1"), "nothing to change"),
        (("project", "delete", "proj_1"), "--yes"),
    ],
)
def test_wrong_usage_is_2_and_calls_nobody(command: Command, words: tuple[str, ...], said: str) -> None:
    with peer(NOTHING) as told:
        here = command.having(VERSION2_API_URL=told.url)
        more = ("--project", "proj_1") if words[0] in ("logs", "metrics", "rollback") else ()
        assert said in here.refused(2, *words, *more)
    assert told.calls == []


def test_times_are_sent_in_utc(command: Command) -> None:
    with peer(Reply(200, {"metrics": {"cpu": {"values": []}, "memory": {"values": []}}})) as told:
        times = ("--start", "2026-02-26T12:00:00+02:00", "--end", "2026-02-26T11:00:00")
        command.told("metrics", "--project", "proj_1", "--api-url", told.url, *times, "--interval", "5m")
    assert told.calls[0].path == (
        "/v1/projects/proj_1/metrics?start_time=2026-02-26T10%3A00%3A00Z&end_time=2026-02-26T11%3A00%3A00Z&interval=5m"
    )


def test_output_that_cannot_be_written_is_told(command: Command) -> None:
    with peer(Reply(200, {"projects": [{"id": "proj_1", "name": "shop"}]})) as told, open("/dev/full", "w") as full:
        done = subprocess.run(
            command.words("project", "list", "--api-url", told.url),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=command.folder,
            env=command.environment,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "version2: the output cannot be written: No space left on device\n")


def test_names_are_shown_where_the_terminal_does_not_know_their_characters(command: Command) -> None:
    with peer(Reply(200, {"projects": [{"id": "proj_1", "name": "☕"}]})) as told:
        said = command.having(PYTHONIOENCODING="latin-1").told("project", "list", "--api-url", told.url)
    assert r"\u2615" in said


@pytest.mark.parametrize(
    ("words", "body"),
    [
        ("status", {}),
        ("status", []),
        ("project list", {"projects": [1]}),
        ("project get shop", {"projects": [{}]}),
        ("metrics", {}),
        ("deploy --version v1 --wait", {}),
        ("keys generate", {}),
    ],
)
def test_answers_of_another_form_end_with_one_line(command: Command, words: str, body: object) -> None:
    with peer(Reply(200, body)) as told:
        at = () if words.split()[0] in ("project", "keys") else ("--project", "proj_1")
        line = command.refused(1, *words.split(), *at, "--api-url", told.url)
        assert "--debug" in line
        assert "Traceback" in command.run(*words.split(), *at, "--api-url", told.url, "--debug").stderr
