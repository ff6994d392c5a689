"""The direct request: the product's headline speed, so no framework stands on its way.

Token to actor, access, version and fields all come from memory; the result's JSON text goes out as it came in.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from quinta.core.access.key_permissions import require_key
from quinta.core.access.model import KeyPermission
from quinta.core.errors import InvalidInput, QuintaError
from quinta.core.observation.refusals import Attempt
from quinta.core.requests.execution import Answer
from quinta.core.services import Services
from quinta.dialects.base.bodies import headers_of
from quinta.dialects.base.hang_ups import UntilHangUp
from quinta.dialects.ubiops.auth import actor_of
from quinta.dialects.ubiops.calls import read_data
from quinta.dialects.ubiops.convert_failures import failure_members
from quinta.dialects.ubiops.errors import refused
from quinta.dialects.ubiops.parameters import whole_number

TEMPLATE = "/projects/{project_name}/models/{model_name}/versions/{version}/request"
LIVE_TEMPLATE = "/projects/{project_name}/models/{model_name}/request"
"""An addition to the contract: to the live version, the one that a rollout made so (decision 0030)."""
Target = tuple[str, str, str | None]
"""Names of project, model and version; None: the live one."""


def target_of(path: str) -> Target | None:
    """The target when ``path``, clean, is that of a direct request; else None."""
    if not path.endswith("/request"):
        return None
    parts = path.split("/")
    if len(parts) == 6 and (parts[1], parts[3]) == ("projects", "models"):
        return parts[2], parts[4], None
    if len(parts) != 8 or (parts[1], parts[3], parts[5]) != ("projects", "models", "versions"):
        return None
    return parts[2], parts[4], parts[6]


class DirectRequest:
    """``POST {version}/request``, and ``{model}/request``: one request, one answer (contract ubiops 2, 3.1)."""

    def __init__(self, services: Services, maximum_body_bytes: int) -> None:
        self._authenticator = services.authenticator
        self._requests = services.direct
        self._refusals = services.refusals
        self._limit = maximum_body_bytes

    async def __call__(self, target: Target, scope: Scope, receive: Receive, send: Send) -> None:
        actor = None
        try:
            if scope["method"] != "POST":
                raise HTTPException(405, "a direct request is a POST", {"Allow": "POST"})
            headers = headers_of(scope)
            actor = await actor_of(headers, self._authenticator)
            require_key(actor, KeyPermission.WRITE)
            data = await read_data(receive, headers, self._limit)
            with UntilHangUp(receive):
                answer = await self._requests.run(actor, *target, data, _timeout(scope["query_string"]))
        except (QuintaError, HTTPException) as error:
            if isinstance(error, QuintaError):
                template = LIVE_TEMPLATE if target[2] is None else TEMPLATE
                self._refusals.note(error, Attempt(actor, "POST", f"{scope['root_path']}{template}"))
            await refused(error)(scope, receive, send)
            return
        body = _body(answer)
        length = str(len(body)).encode()
        start = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        await send({"type": "http.response.body", "body": body})


def _timeout(query: bytes) -> int | None:
    """The parameter ``timeout`` in seconds; the last one counts."""
    if not query:
        return None
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("timeout")
    try:
        return None if given is None else int(str(whole_number(given[-1])))
    except ValueError as error:
        raise InvalidInput(f"'timeout' {error}", field="timeout") from None


def _body(answer: Answer) -> bytes:
    if answer.result is None:
        failure = json.dumps({"error_message": answer.error_message, **failure_members(answer.reason)})[1:]
        return f'{{"request_id":"{answer.request_id}","success":false,"result":null,{failure}'.encode()
    return (
        f'{{"request_id":"{answer.request_id}","success":true,"result":{answer.result},"error_message":null}}'.encode()
    )
