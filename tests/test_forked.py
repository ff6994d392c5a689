"""A forked server is what the command would have been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.forked import ForkedServer, can_fork
from tests.serving import start_server

_MASKS = ("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt")


@pytest.mark.parametrize(
    ("words", "settings", "code"),
    [
        (["serve", "--port", "many"], {}, 2),
        (["nothing"], {}, 2),
        (["serve", "--data", "data"], {"QUINTA_REQUIRE_SANDBOX": "perhaps"}, 1),
    ],
)
def test_words_and_settings_as_the_command_has_them(words: list[str], settings: dict[str, str], code: int) -> None:
    environment = {**os.environ, **settings}
    command = [sys.executable, "-m", "quinta", *words]
    fresh = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60, env=environment
    )
    assert can_fork(environment)
    forked = ForkedServer(words, environment)
    with forked.stdout:
        assert (forked.stdout.read(), forked.wait(60)) == (fresh.stdout, fresh.returncode)
    assert (fresh.returncode, forked.poll()) == (code, code)


def signals_of(process: Path) -> dict[str, int]:
    """The masks of a process's main thread. While it starts a thread, the C library has it block all signals for a
    moment: read again then."""
    for _ in range(1000):
        fields = (line.split(":") for line in (process / "status").read_text().splitlines())
        masks = {name: int(value, 16) for name, value in fields if name.startswith(_MASKS)}
        if not masks["SigBlk"]:
            break
    return masks


def test_folder_limits_and_files_are_those_of_a_fresh_process(tmp_path: Path) -> None:
    seen = []
    for fresh in (False, True):
        server = start_server(tmp_path / str(fresh), fresh=fresh)
        try:
            process = Path(f"/proc/{server.process.pid}")
            files = sorted(os.readlink(link).partition(":")[0] for link in (process / "fd").iterdir())
            signals = signals_of(process)
            group = os.getpgid(server.process.pid), os.getsid(server.process.pid)
            files = [name.replace(str(server.data), "") for name in files]
            seen.append(((process / "cwd").readlink(), (process / "limits").read_text(), group, signals, files))
        finally:
            assert server.stop() == 0
    assert seen[0] == seen[1]


def test_killed_and_stopped_it_tells_its_end(tmp_path: Path) -> None:
    killed, stopped = (start_server(tmp_path / name) for name in ("killed", "stopped"))
    assert isinstance(killed.process, ForkedServer)
    with pytest.raises(subprocess.TimeoutExpired):
        killed.process.wait(0.01)
    killed.kill()
    assert (killed.process.poll(), stopped.process.poll()) == (-signal.SIGKILL, None)
    assert httpx2.get(f"{stopped.url}/health", trust_env=False).status_code == 200
    assert stopped.stop() == 0
    stopped.process.terminate()  # another may have its process id now


@pytest.mark.parametrize(("name", "forks"), [("PATH", False), ("TZ", False), ("QUINTA_TIME_ZONE", True)])
def test_what_loading_may_have_read_needs_a_fresh_process(name: str, forks: bool) -> None:
    assert can_fork({**os.environ, name: "another"}) is forks


def test_one_that_has_ended_can_be_signalled_until_its_end_was_seen() -> None:
    ended = ForkedServer(["nothing"], os.environ)
    with ended.stdout:
        ended.stdout.read()  # to the end: it is closed with the process
    os.kill(ended.pid, signal.SIGTERM)  # as Popen does after it has looked and before it signals
    assert ended.wait(60) == 2
