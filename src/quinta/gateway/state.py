"""What the gateway remembers: one JSON file in a folder of the person's own, which nobody else can read.

Every call reads it afresh and changes it under a lock, so that the server and any number of commands may run at once.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from quinta.gateway.calls import GatewayFailure

_FOLDER_MODE = 0o700
_FILE = "state.json"
_LOCK = "lock"


@dataclass(slots=True)
class Proxy:
    """A way to a server: ``public_key`` is the server's, pinned when the proxy was added. ``email`` is who registered
    or logged in last, ``session`` its token or empty; ``keys`` are private keys by e-mail, in base64."""

    id: int
    hostname: str
    port: int
    scheme: str
    request_uri: str
    public_key: str
    email: str = ""
    session: str = field(default="", repr=False)
    keys: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str:
        """Where the server's operations begin, without a slash at the end."""
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{self.scheme}://{host}:{self.port}{self.request_uri}"


@dataclass(slots=True)
class LocalProject:
    """A project whose folder is on this computer. ``job`` and ``model`` are the command's last ones, or empty."""

    uuid: str
    name: str
    directory: str
    job: str = ""
    model: str = ""


@dataclass(slots=True)
class State:
    """``device`` is the UUID of this computer; ``active`` the id of the proxy that calls go through."""

    device: str
    active: int | None = None
    last_id: int = 0
    proxies: dict[int, Proxy] = field(default_factory=dict)
    projects: dict[str, LocalProject] = field(default_factory=dict)

    @property
    def active_proxy(self) -> Proxy:
        """GatewayFailure 401 when there is none."""
        if self.active is None:
            raise GatewayFailure(401, "there is no active proxy, please run 'dq0 proxy add' or 'dq0 proxy activate'")
        return self.proxies[self.active]


class StateFolder:
    """``folder`` is made when it is first needed; GatewayFailure 500 where it cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> State:
        with self.change() as state:  # the first reading makes the device
            return state

    @contextmanager
    def change(self) -> Iterator[State]:
        """The state, locked; it is written at the end of a block that raises nothing."""
        try:
            with self._locked():
                before = self._load()
                state = _parsed(before)
                yield state
                after = _formatted(state)
                if after != before:
                    self._save(after)
        except OSError as error:
            raise GatewayFailure(500, f"{self.folder} cannot be used: {error.strerror or error}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        if self.folder.stat().st_mode & 0o077:
            self.folder.chmod(_FOLDER_MODE)
        handle = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _load(self) -> str:
        try:
            return (self.folder / _FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError:
            raise _damaged(self.folder / _FILE) from None

    def _save(self, content: str) -> None:
        """In one step; mkstemp's files are for their owner alone."""
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=f".{_FILE}.")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
            os.replace(name, self.folder / _FILE)
        except BaseException:
            os.unlink(name)
            raise


def _formatted(state: State) -> str:
    return json.dumps(asdict(state), indent=2)


def _parsed(content: str) -> State:
    if not content:
        return State(device=str(uuid.uuid4()))
    try:
        data: Mapping[str, Any] = json.loads(content)
        return State(
            device=data["device"],
            active=data["active"],
            last_id=data["last_id"],
            proxies={int(number): Proxy(**proxy) for number, proxy in data["proxies"].items()},
            projects={name: LocalProject(**project) for name, project in data["projects"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _damaged(Path(_FILE)) from None


def _damaged(file: Path) -> GatewayFailure:
    return GatewayFailure(
        500, f"the gateway's {file.name} is damaged: move it away, then add the proxy and log in again"
    )
