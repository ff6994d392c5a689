"""Calls operations by the real client and checks what comes back against the contract's table."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ubiops import CoreApi

from tests.dialects.ubiops.bodies import BODIES, fits, misfits
from tests.dialects.ubiops.contract import PROMISES

# A log line leaves out what it has not (contract ubiops 3.1).
_LOG_LINE = {
    "id": r"[0-9a-f]{24}", "log": r"(?s).+", "date": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "system": bool,
    "connector_name": r".+", "model_name": r".+", "model_version": r".+", "pipeline_name": r".+",
    "pipeline_object_name": r".+", "request_id": r"[0-9a-f-]{36}", "pipeline_request_id": r"[0-9a-f-]{36}",
}  # fmt: skip


@dataclass
class Walk:
    """Who calls what: ``administrator`` of an organization (and, for subscriptions, of the server's staff)."""

    administrator: CoreApi
    walked: list[str] = field(default_factory=list)

    def __call__(self, operation: str, by: CoreApi | None = None, **arguments: Any) -> Any:
        """Calls it; the checked answer as it was on the wire: JSON, bytes, or None."""
        promise = PROMISES[operation]
        api = by or self.administrator
        self.walked.append(operation)
        returned = getattr(api, operation)(**arguments)
        answer = api.api_client.last_response
        if promise.kind == "bytes":
            assert returned.status == promise.status, operation
            return returned.read()
        assert answer.status == promise.status, operation
        if promise.kind == "-":
            assert answer.data == "", operation
        if promise.kind in ("-", "any"):
            return None
        body = json.loads(answer.data)
        _check(promise.kind, body, operation)
        return body


def _check(kind: str, body: Any, operation: str) -> None:
    items = [body]
    if kind.startswith("["):
        assert isinstance(body, list), operation
        assert body, f"{operation} answered nothing that could be checked"
        items, kind = body, kind[1:-1]
    for item in items:
        if kind == "Logs":
            assert all(fits(value, _LOG_LINE[name]) for name, value in item.items()), (operation, item)
            assert item.keys() >= {"id", "log", "date", "system"}, (operation, item)
        else:
            assert misfits(item, BODIES[kind]) == [], operation
