"""One call to receivers of every kind."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from quinta.core.reasons import Reason
from quinta.engine.webhooks.calling import Answer, Caller
from tests.webhooks.certificates import certificate_for, server_side
from tests.webhooks.receivers import Behaviour, answers, closes, drips, for_ever, hangs, receiving, says

BODY = b'{"id":"evt_1"}'
HOUR = 3_600.0
SOON = 0.3
"""For receivers that never answer."""


async def call(url: str, *, private: bool = True, seconds: float = HOUR) -> Answer:
    return await Caller("Quinta/test", private, seconds).post(url, [("X-VersionTwo-Event", "deployment.failed")], BODY)


def reason(answer: Answer) -> Reason | None:
    return None if answer.failure is None else answer.failure.reason


async def test_a_call_says_what_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # where nobody listens
    async with receiving() as receiver:
        assert await call(receiver.url + "#fragment") == Answer(200, None)
    (heard,) = receiver.calls
    assert heard.line == "POST /hook?key=value HTTP/1.1"
    assert heard.body == BODY
    assert heard.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "connection": "close",
        "x-versiontwo-event": "deployment.failed",
        "user-agent": "Quinta/test",
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(status: int) -> None:
    async with receiving(answers(status)) as receiver:
        assert await call(receiver.url) == Answer(status, None)


@pytest.mark.parametrize("status", [300, 400, 401, 404, 410, 429, 500, 503, 599])
async def test_another_status_is_none(status: int) -> None:
    async with receiving(answers(status, b"secret words of the receiver")) as receiver:
        answer = await call(receiver.url)
    assert (answer.status, reason(answer)) == (status, Reason.RECEIVER_REFUSED)
    assert "secret words" not in str(answer.failure)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with receiving() as other, receiving(answers(status, Location=other.url)) as receiver:
        answer = await call(receiver.url)
        assert (answer.status, reason(answer)) == (status, Reason.RECEIVER_REFUSED)
        assert "redirects are not followed" in str(answer.failure)
        assert not other.calls
        assert await call(other.url) == Answer(200, None)


@pytest.mark.parametrize("behaviour", [hangs, drips(b"HTTP/1.1 20"), says(b"HTTP/1.1 100 Continue\r\n\r\n")])
async def test_who_does_not_answer_is_left(behaviour: Behaviour, request: pytest.FixtureRequest) -> None:
    async with receiving(behaviour) as receiver:
        answer = await call(receiver.url, seconds=SOON)
    expected = {Reason.RECEIVER_TIMEOUT, Reason.RECEIVER_INVALID_ANSWER}  # the last one has closed its side
    assert answer.status is None
    assert reason(answer) in expected


async def test_the_time_is_for_all_of_the_answer() -> None:
    """A byte every ten milliseconds resets nothing."""
    async with receiving(drips(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1_000)) as receiver:
        assert reason(await call(receiver.url, seconds=SOON)) is Reason.RECEIVER_TIMEOUT
    async with receiving(drips(b"HTTP/1.1 200 OK\r\n\r\n")) as receiver:
        assert await call(receiver.url, seconds=5.0) == Answer(200, None)


async def test_a_status_counts_however_the_body_goes_on() -> None:
    """Else a receiver that has taken the call would get it again."""
    for behaviour in (
        drips(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        for_ever(b"x" * 65_536, b"HTTP/1.1 200 OK\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"),
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense"),
    ):
        async with receiving(behaviour) as receiver:
            assert await call(receiver.url, seconds=1.0) == Answer(200, None)


@pytest.mark.parametrize(
    "behaviour",
    [
        for_ever(b"HTTP/1.1 102 Processing\r\n\r\n"),
        for_ever(b"A: b\r\n", b"HTTP/1.1 200 OK\r\n"),
        for_ever(b"x" * 1_000),
        says(b"SSH-2.0-OpenSSH_9.2\r\n"),
        says(b"HTTP/2 200\r\n\r\n"),
        says(b"HTTP/1.1 2000 OK\r\n\r\n"),
        says(b""),
    ],
)
async def test_what_is_no_answer_is_called_that(behaviour: Behaviour) -> None:
    async with receiving(behaviour) as receiver:
        answer = await call(receiver.url)
    assert (answer.status, reason(answer)) == (None, Reason.RECEIVER_INVALID_ANSWER)


async def test_a_connection_that_is_closed_early_is_a_failure() -> None:
    async with receiving(closes) as receiver:
        answer = await call(receiver.url)
    assert answer.status is None
    assert reason(answer) in {Reason.RECEIVER_INVALID_ANSWER, Reason.RECEIVER_UNREACHABLE}


async def test_nobody_listens() -> None:
    async with receiving() as receiver:
        assert await call(receiver.url) == Answer(200, None)
    answer = await call(receiver.url)
    assert reason(answer) is Reason.RECEIVER_UNREACHABLE
    assert "connection refused" in str(answer.failure)


async def test_no_such_host() -> None:
    answer = await call("http://no-such-host.invalid/")
    assert reason(answer) is Reason.RECEIVER_UNREACHABLE
    assert "'no-such-host.invalid' cannot be found" in str(answer.failure)


async def test_tls_is_checked_by_the_name_of_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, others = certificate_for("localhost", tmp_path), certificate_for("elsewhere.test", tmp_path)
    async with receiving(tls=server_side(own)) as receiver, receiving(tls=server_side(others)) as impostor:
        url, wrong = (f"https://localhost:{each.port}/" for each in (receiver, impostor))
        untrusted = await call(url)
        assert reason(untrusted) is Reason.RECEIVER_UNREACHABLE
        assert "certificate is not valid" in str(untrusted.failure)
        trusted = tmp_path / "trusted.pem"
        trusted.write_bytes(own.read_bytes() + others.read_bytes())
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert await call(url) == Answer(200, None)
        assert receiver.calls[0].headers["host"] == f"localhost:{receiver.port}"
        mismatch = await call(wrong)
        assert reason(mismatch) is Reason.RECEIVER_UNREACHABLE
        assert "certificate is not valid" in str(mismatch.failure)
        assert not impostor.calls


async def test_https_where_there_is_no_tls() -> None:
    async with receiving(says(b"HTTP/1.1 200 OK\r\n\r\n")) as receiver:
        answer = await call(receiver.url.replace("http:", "https:"), seconds=5.0)
    assert answer.status is None
    assert reason(answer) in {Reason.RECEIVER_UNREACHABLE, Reason.RECEIVER_TIMEOUT}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "0.0.0.0", "127.0.0.1."],
)
async def test_the_inside_is_closed_unless_allowed(host: str) -> None:
    async with receiving() as receiver:
        url = f"http://{host}:{receiver.port}/"
        refused = await call(url, private=False)
        assert reason(refused) in {Reason.DESTINATION_REFUSED, Reason.RECEIVER_UNREACHABLE}
        assert not receiver.calls
        if host != "127.0.0.1.":  # which is a name that nobody has
            assert reason(refused) is Reason.DESTINATION_REFUSED
            assert "QUINTA_WEBHOOK_ALLOW_PRIVATE" in str(refused.failure)
            assert await call(url) == Answer(200, None)


@pytest.mark.parametrize(
    "inside", ["10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "::1", "fe80::1", "fd00::1"]
)
async def test_a_name_that_leads_inside_is_refused(inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where it leads outside as well: which address is tried first would be up to chance."""
    resolve = Resolver("93.184.215.14", inside)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert reason(await call("http://both.example/", private=False)) is Reason.DESTINATION_REFUSED


async def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that leads elsewhere at the next look, where that would be another machine, is not looked at again."""
    async with receiving() as receiver:
        resolve = Resolver("127.0.0.1")
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert await call(f"http://rebinding.example:{receiver.port}/") == Answer(200, None)
        assert resolve.asked == ["rebinding.example"]
        assert receiver.calls[0].headers["host"] == f"rebinding.example:{receiver.port}"


async def test_the_next_address_is_tried_where_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver:
        monkeypatch.setattr(socket, "getaddrinfo", Resolver("127.0.0.9", "127.0.0.1"))
        assert await call(f"http://two.example:{receiver.port}/") == Answer(200, None)


class Resolver:
    """The machine's resolver, with answers of its own."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        self.asked.append(host)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in self.addresses
        ]
