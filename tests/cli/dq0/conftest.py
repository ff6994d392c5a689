"""The command in this process, with a folder of its own and a small server to reach."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from quinta.cli.dq0.app import main
from tests.gateway.conftest import EMAIL
from tests.gateway.quarantine import PASSWORD, Quarantine


@dataclass
class Command:
    """``port`` is the server's; the command runs in the current folder."""

    server: Quarantine
    port: int
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def run(self, *words: str, given: str = "") -> tuple[int, str, str]:
        """(exit code, standard output, standard error), with ``given`` on standard input, which is no terminal."""
        self.patch.setattr(sys, "argv", ["dq0", *words])
        self.patch.setattr(sys, "stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capture.readouterr()
        return int(ended.value.code or 0), out, err

    def told(self, *words: str, given: str = "") -> str:
        """Its standard output, when it ends with 0."""
        code, out, err = self.run(*words, given=given)
        assert code == 0, (words, out, err)
        return out

    def refused(self, code: int, *words: str, given: str = "") -> str:
        """The one line that it ends with, and with ``code``."""
        ended, out, err = self.run(*words, given=given)
        assert (ended, out) == (code, ""), (words, out, err)
        assert err.startswith("dq0: ")
        assert err.count("\n") == 1
        return err

    def log_in(self) -> None:
        self.told("proxy", "add", "--hostname", "127.0.0.1", "--port", str(self.port))
        credentials = ("--email", EMAIL, "--password", PASSWORD)
        self.told("user", "register", *credentials)
        self.server.confirm(EMAIL)
        self.told("user", "login", *credentials)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.setenv("QUINTA_GATEWAY_FOLDER", str(tmp_path / "dq0"))
    monkeypatch.chdir(tmp_path)
    server = Quarantine()
    with server.served() as port:
        yield Command(server, port, capsys, monkeypatch)
