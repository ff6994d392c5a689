"""The page where a person lets a program in (contract brainstem 4.4): plain HTML, no script, no outside host.

Nothing is kept between calls, no cookie either: what decides is the password that comes with the decision, so that no
other site can decide in a person's name.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from quinta.core.access.devices import DeviceGrant
from quinta.core.errors import (
    InvalidInput,
    NotAuthenticated,
    NotFound,
    QuintaError,
    StateConflict,
    TooManyRequests,
    Unavailable,
)
from quinta.dialects.base.refusals import tell_refusal
from quinta.dialects.brainstem.calls import Anyone, Visit

PATH = "/account/authorize/"
_MEMBERS = ("session", "email", "password", "decision")
_STATUS: dict[type[QuintaError], int] = {
    InvalidInput: 400,
    NotAuthenticated: 403,  # 401 would make a browser ask for a password itself
    NotFound: 404,
    StateConflict: 409,
    TooManyRequests: 429,
    Unavailable: 503,
}
_STYLE = """
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
body { margin: 0; }
main { box-sizing: border-box; max-width: 30rem; margin: 0 auto; padding: 1.5rem 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input, button { box-sizing: border-box; font: inherit; padding: .6rem .75rem; border: 1px solid GrayText;
  border-radius: .375rem; }
input { width: 100%; margin-top: .25rem; }
button { min-width: 8rem; margin: 1.25rem .5rem 0 0; cursor: pointer; }
button.first { background: #0b57d0; border-color: #0b57d0; color: #fff; }
:focus-visible { outline: 3px solid #e08a00; outline-offset: 2px; }
.code { font: 700 1.5rem/1.5 ui-monospace, monospace; letter-spacing: .1em; }
.told { border-left: .3rem solid #c5221f; padding: .25rem .75rem; }
"""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'sha256-"
        + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
        + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

router = APIRouter(include_in_schema=False)


@router.get("/authorize")
async def approval_page(visit: Anyone, session: str = "", user_code: str = "") -> Response:
    """Asks for the code that the program shows, or for the decision about it."""
    if not session and not user_code:
        return _page("Sign in a program", _code_form())
    try:
        grant = await visit.services.devices.find(session or user_code)
    except (NotFound, StateConflict) as error:
        return _refused(error)
    return _asked(grant)


@router.post("/authorize")
async def approval_decide(visit: Anyone) -> Response:
    """Decides, for whoever gives an e-mail and its password."""
    given = await _given(visit)
    session, email = given["session"], given["email"]
    try:
        grant = await visit.services.devices.find(session)
    except (NotFound, StateConflict) as error:
        return _refused(error)
    if not email or not given["password"] or given["decision"] not in ("approve", "deny"):
        return _asked(grant, email, InvalidInput("both the e-mail and the password are needed"))
    approve = given["decision"] == "approve"
    try:
        await visit.services.devices.decide(
            session, approve=approve, email=email, password=given["password"], address=visit.address
        )
    except (NotFound, StateConflict) as error:
        return _refused(error)
    except (NotAuthenticated, TooManyRequests, Unavailable) as error:
        tell_refusal(visit.services.refusals, visit.request, error)
        return _asked(grant, email, error)
    return _decided(grant, approve=approve)


async def _given(visit: Visit) -> dict[str, str]:
    """The fields of the form; all are empty when the body is none that a browser makes of it."""
    try:
        fields = await visit.fields(_MEMBERS)
        texts = {name: fields.text(name, blank=True, trim=name != "password") for name in _MEMBERS}
        fields.check()
    except HTTPException:
        return dict.fromkeys(_MEMBERS, "")
    return {name: text if isinstance(text, str) else "" for name, text in texts.items()}


def _asked(grant: DeviceGrant, email: str = "", error: QuintaError | None = None) -> Response:
    """The page that asks for the decision, with what was wrong about the last one."""
    content = f"""{_told(error)}
<p>The program <strong>{escape(grant.client_name)}</strong> asks to act in your name on this server, for a year. Its
code:</p>
<p class="code">{grant.user_code}</p>
<p>Approve only if you have just started it yourself. If it shows a code, that must be the same. Otherwise close this
page, or deny.</p>
<form method="post" action="{PATH}">
<input type="hidden" name="session" value="{escape(grant.session)}">
<label for="email">E-mail</label>
<input id="email" name="email" type="email" autocomplete="username" required value="{escape(email)}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button class="first" name="decision" value="approve">Approve</button>
<button name="decision" value="deny">Deny</button>
</form>"""
    return _page("Sign in a program", content, error)


def _decided(grant: DeviceGrant, *, approve: bool) -> Response:
    name = f"<strong>{escape(grant.client_name)}</strong>"
    if approve:
        return _page(
            "Approved", f"<p>{name} is signed in within seconds. You can close this page and go back to it.</p>"
        )
    return _page("Denied", f"<p>{name} was not let in. You can close this page.</p>")


def _refused(error: QuintaError) -> Response:
    return _page("Sign in a program", _told(error) + _code_form(), error)


def _code_form() -> str:
    return f"""
<form method="get" action="{PATH}">
<label for="code">Code that the program shows</label>
<input id="code" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" required
 placeholder="WXZK-1234">
<button class="first">Continue</button>
</form>"""


def _told(error: QuintaError | None) -> str:
    if error is None:
        return ""
    return f'<p class="told" role="alert">{escape(error.message[:1].upper() + error.message[1:])}.</p>'


def _page(title: str, content: str, error: QuintaError | None = None) -> Response:
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Quinta</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
    headers = dict(_HEADERS)
    if isinstance(error, TooManyRequests) and error.wait_seconds is not None:
        headers["Retry-After"] = str(error.wait_seconds)
    return Response(html, 200 if error is None else _STATUS[type(error)], headers, media_type="text/html")
