"""Chromium without a window, driven by its own protocol: what a person sees, types and clicks."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

_NAMES = ("chromium-headless-shell", "chromium-shell", "chromium")
_SECONDS = 60.0
_ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
_TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}


class Browser:
    """One tab. ``complaints`` are what the browser has refused to load or run, and errors of pages."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._last = 0
        self._session = ""
        self._loaded = False
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "DOM", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        self._connection.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        while True:
            told = self._next()
            if told.get("id") == self._last:
                assert "error" not in told, f"{method}: {told['error']}"
                result: dict[str, Any] = told["result"]
                return result

    def narrow(self, width: int) -> None:
        """Makes the window as wide as a small telephone, in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=640, deviceScaleFactor=1, mobile=True)

    def open(self, url: str) -> None:
        self._loaded = False
        assert "errorText" not in self.call("Page.navigate", url=url)
        self._wait_for_page()

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is worth on the page."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    @property
    def words(self) -> str:
        return " ".join(str(self.value("document.body.innerText")).split())

    def click(self, selector: str, *, leads_on: bool = False) -> None:
        """A press of the mouse in the middle of an element; ``leads_on`` to another page, which is waited for."""
        box = f"document.querySelector({json.dumps(selector)})"
        self.value(f"{box}.scrollIntoView()")
        x, y = self.value(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({box}.getBoundingClientRect())")
        self._loaded = False
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        if leads_on:
            self._wait_for_page()

    def type(self, text: str) -> None:
        """Into the field that has the focus."""
        self.call("Input.insertText", text=text)

    def tab(self) -> None:
        self._press(_TAB)

    def enter(self) -> None:
        """The key that sends a form; waits for the page that it leads to."""
        self._loaded = False
        self._press(_ENTER)
        self._wait_for_page()

    def named(self, *roles: str) -> list[str]:
        """The names of all elements of these roles, as a screen reader says them."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [str(node["name"]["value"]) for node in nodes if node.get("role", {}).get("value") in roles]

    def picture(self) -> bytes:
        """The page as a PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def _press(self, key: Mapping[str, object]) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **key)

    def _wait_for_page(self) -> None:
        while not self._loaded:
            self._next()

    def _next(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._connection.recv(timeout=_SECONDS))
        method, parameters = told.get("method"), told.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Log.entryAdded" and parameters["entry"]["source"] != "network":  # that is a status above 399
            self.complaints.append(parameters["entry"]["text"])
        elif method in ("Runtime.exceptionThrown", "Page.javascriptDialogOpening"):
            self.complaints.append(json.dumps(parameters))
        return told


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser for the length of a block. It reaches this machine alone."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.fail("there is no Chromium: run ./script/setup dev, or install Debian's chromium-headless-shell")
    with tempfile.TemporaryDirectory(prefix="quinta-browser-", ignore_cleanup_errors=True) as folder:
        options = [
            "--headless",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-proxy-server",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),  # which it refuses to set up for root
        ]
        log = Path(folder, "log")
        with log.open("wb") as output:
            # In a group of its own: Debian's command is a shell script, whose end would leave the browser behind.
            process = subprocess.Popen(
                [program, *options, "about:blank"], stdout=output, stderr=output, start_new_session=True
            )
        try:
            with connect(_address(process, log), proxy=None, max_size=2**26) as connection:
                yield Browser(connection)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the browser with all that it has started, and returns when none of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while True:
            process.poll()  # a group is there as long as its dead leader has not been waited for
            os.killpg(process.pid, 0 if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(0.05)
    process.wait(timeout=30)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the browser listens, once it says so."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines(keepends=True):
            if line.startswith("DevTools listening on ") and line.endswith("\n"):
                return line.split()[-1]
        time.sleep(0.05)
    raise AssertionError(f"the browser did not start:\n{log.read_text(errors='replace')}")
