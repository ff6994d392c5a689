"""Servers that answer as they are told to: what a client meets that no server of ours should do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """One answer; a ``body`` that is no text is sent as JSON."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """What the peer was asked."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Peer:
    url: str
    calls: list[Call] = field(default_factory=list)


def refusal(status: int, code: str, message: str, **headers: str) -> Reply:
    """A refusal as the interface writes it."""
    return Reply(
        status, {"error": {"code": code, "message": message}}, {k.replace("_", "-"): v for k, v in headers.items()}
    )


@contextmanager
def peer(*replies: Reply) -> Iterator[Peer]:
    """Gives the replies one after the other, the last of them again and again."""
    left = list(replies)
    found = Peer("")

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.calls.append(Call(self.command, self.path, dict(self.headers.items())))
            reply = left.pop(0) if len(left) > 1 else left[0]
            data = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(data)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
