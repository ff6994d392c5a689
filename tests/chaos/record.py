"""What the client knows by itself: what it sent, what was accepted, what it has seen. Nothing here asks the server."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sent:
    """One call that creates requests: its items, and their ids where the call was answered (else nobody knows)."""

    kind: str
    items: tuple[str, ...]
    ids: tuple[str, ...] | None


@dataclass(frozen=True)
class Seen:
    """The first sight of a request's end."""

    status: str
    result: object
    at: float


@dataclass
class Record:
    """Shared by all threads of the load; every method is safe to call from any of them."""

    sent: list[Sent] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)
    uploads: list[tuple[str, str | None]] = field(default_factory=list)
    due: Counter[str] = field(default_factory=Counter)
    deleted: set[str] = field(default_factory=set)
    perhaps_deleted: set[str] = field(default_factory=set)
    seen: dict[str, Seen] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, kind: str, items: tuple[str, ...], ids: tuple[str, ...] | None) -> None:
        """A creating call ended; ``ids`` is None when its answer was lost or said that it may be tried again."""
        with self._lock:
            self.sent.append(Sent(kind, items, ids))

    def see(self, request_id: str, status: str, result: object) -> None:
        """A request as the server shows it; one that has ended must never look different again."""
        with self._lock:
            before = self.seen.get(request_id)
            if before is None:
                if status in ("completed", "failed"):
                    self.seen[request_id] = Seen(status, result, time.time())
            elif (before.status, before.result) != (status, result):
                self.wrong.append(f"{request_id} was {before.status} {before.result}, and now is {status} {result}")

    def complain(self, text: str) -> None:
        with self._lock:
            self.wrong.append(text)

    def count(self, counter: Counter[str], name: str) -> None:
        with self._lock:
            counter[name] += 1

    def accepted(self, kind: str) -> dict[str, str]:
        """Item by id of the request, of every call that was answered."""
        with self._lock:
            calls = [call for call in self.sent if call.kind == kind and call.ids is not None]
        return {key: item for call in calls for key, item in zip(call.ids or (), call.items, strict=True)}

    def open_ids(self, kind: str) -> list[str]:
        """Accepted, and not seen to have ended, nor deleted."""
        return [key for key in self.accepted(kind) if key not in self.seen and key not in self.perhaps_deleted]

    def summary(self) -> dict[str, Any]:
        return {
            "accepted": Counter({kind: len(self.accepted(kind)) for kind in sorted({call.kind for call in self.sent})}),
            "unsure calls": sum(call.ids is None for call in self.sent),
            "due times": sum(self.due.values()),
            "blobs": len(self.blobs),
            "uploads": len(self.uploads),
            "deleted": len(self.deleted),
            "faults": dict(self.faults),
            "answers": dict(self.answers),
        }
