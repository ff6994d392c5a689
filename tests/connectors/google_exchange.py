"""Google's side of two conversations: a token for a signed assertion, and BigQuery's answers as they were recorded from
its documentation. A real server on a port of its own; Google's clients speak to it as they would to Google."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

TOKEN = "ya29.a-token-that-nobody-may-see"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass
class Google:
    """``answers`` are (status, body) by method and path; ``heard`` is what came, with its body."""

    url: str = ""
    knows_the_key: bool = True
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    heard: list[tuple[str, Any]] = field(default_factory=list)

    def key_file(self, **changes: str) -> str:
        """The JSON key file of a service account."""
        key = {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "key-1",
            "private_key": PEM,
            "client_email": "writer@project.iam.gserviceaccount.com",
            "token_uri": f"{self.url}/token",
        }
        return json.dumps(key | changes)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/token":
            assert parse_qs(body.decode())["assertion"]
            if self.knows_the_key:
                return 200, {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        said = json.loads(body) if body else None
        self.heard.append((f"{method} {path}", said))
        return self.answers.get(f"{method} {path}", (404, _error(404, f"Not found: {path}", "notFound")))

    def refuse(self, call: str, status: int, reason: str) -> None:
        self.answers[call] = (status, _error(status, reason, "backendError"))


def _error(status: int, message: str, reason: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "errors": [{"message": message, "reason": reason}]}}


@contextmanager
def running_google() -> Iterator[Google]:
    google = Google()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0]
            if path != "/token" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, answer = 401, _error(401, "no token", "authError")
            else:
                status, answer = google.answer(self.command, path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    google.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield google
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
