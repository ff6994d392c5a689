"""What the server's door bears: heads without end, callers that are slow, and upgrades that nothing here speaks."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

from quinta.cli.connections import HEAD_BYTES
from tests.serving import RunningServer

READ_AT_ONCE = 262_144  # what the server's loop reads in one piece


def answer_to(server: RunningServer, *pieces: bytes) -> bytes:
    """What comes back until the server closes; nothing when it closes so early that sending fails."""
    address = urlsplit(server.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=30) as caller:
        received = b""
        try:
            for piece in pieces:
                caller.sendall(piece)
            while piece := caller.recv(65_536):
                received += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
    return received


@pytest.mark.parametrize("line", [b"X-Long: " + b"a" * 60_000 + b"\r\n", b"X: y\r\n" * 10_000, b"a" * 60_000])
def test_a_head_without_end_is_cut_off(server: RunningServer, line: bytes) -> None:
    start = b"GET /v2.1/status?" if line.startswith(b"a") else b"GET /v2.1/status HTTP/1.1\r\nHost: test\r\n"
    endless = answer_to(server, start, *([line] * ((READ_AT_ONCE + 2 * HEAD_BYTES) // len(line) + 5)))
    assert endless == b"" or endless.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("size", [HEAD_BYTES + 1, 3 * HEAD_BYTES])
def test_a_path_that_is_too_long_is_told_so_however_it_comes(server: RunningServer, size: int) -> None:
    before, after = b"GET /v2.1/status?", b" HTTP/1.1\r\nHost: test\r\n\r\n"
    for pieces in ((before + b"a" * size + after,), (before, b"a" * size, after)):
        assert answer_to(server, *pieces).startswith(b"HTTP/1.1 431 ")


def test_a_caller_that_goes_on_sending_hears_why_it_is_refused(server: RunningServer) -> None:
    """What is in the way when the server ends the connection would turn its answer into a reset."""
    address = urlsplit(server.url)
    with socket.create_connection((str(address.hostname), address.port or 80), timeout=30) as caller:
        caller.sendall(b"GET /v2.1/status?" + b"a" * (READ_AT_ONCE + 2 * HEAD_BYTES))
        received = caller.recv(65_536)
        caller.sendall(b"a" * READ_AT_ONCE)
        assert received.startswith(b"HTTP/1.1 431 ")
        while caller.recv(65_536):
            pass


def test_a_large_head_in_pieces_and_a_body_behind_it_pass(server: RunningServer) -> None:
    body = json.dumps({"email": "nobody@example.com", "password": "x" * READ_AT_ONCE}).encode()
    start = b"POST /v2.1/authorize HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
    long = b"X-Long: " + b"a" * 30_000
    end = b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
    for pieces in ((start, long, end + body), (start + long + end, body), (start + long + end + body,)):
        assert answer_to(server, *pieces).startswith(b"HTTP/1.1 401 ")


def test_what_is_no_http_gets_an_error_like_all_others(server: RunningServer) -> None:
    received = answer_to(server, b"GET /v2.1/projects/\xc3\xa9 HTTP/1.1\r\nHost: test\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert isinstance(json.loads(body)["error"], str)


@pytest.mark.parametrize("path", ["/health", "/v2.1/status"])
def test_an_upgrade_to_web_sockets_is_an_ordinary_call(server: RunningServer, path: str) -> None:
    wanted = "Connection: Upgrade, close", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AA=="
    lines = [f"GET {path} HTTP/1.1", "Host: test", *wanted, "", ""]
    assert answer_to(server, "\r\n".join(lines).encode()).startswith(b"HTTP/1.1 200 ")
    assert not [line for line in server.output if "Traceback" in line or "pgrade" in line]


def test_requests_ahead_of_their_answers_are_bounded(server: RunningServer) -> None:
    call = b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    assert answer_to(server, call * 500 + last).count(b"HTTP/1.1 200 ") == 501
    assert answer_to(server, call * 50_000 + last).count(b"HTTP/1.1 200 ") < 50_001
    assert answer_to(server, last).count(b"HTTP/1.1 200 ") == 1


def test_head_and_body_of_an_answer_arrive_together(server: RunningServer) -> None:
    address = urlsplit(server.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=30) as caller:
        for _ in range(3):
            caller.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
            assert caller.recv(65_536).endswith(b'{"status":"ok"}'), "one read has all of it"


def test_heads_without_a_body_are_sent(server: RunningServer) -> None:
    end = b" HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
    assert answer_to(server, b"HEAD /health" + end + b"\r\n").startswith(b"HTTP/1.1 200 ")
    waits = end + b"Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
    received = answer_to(server, b"POST /v2.1/authorize" + waits, b"{}")
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 "), received
