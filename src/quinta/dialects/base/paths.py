"""From what stands in the request line to the path that routes see."""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.types import Scope


def clean_path(scope: Scope) -> str:
    """The path within the app: decoded, one slash between segments, none at the end; ``/`` for the root.

    Never a redirect, so that a POST is not sent twice (contract ubiops 1.1, 10.48). ``root_path`` is cut off where the
    path begins with it. An encoded slash stays encoded (``%2F``): it belongs to a name and separates nothing, and no
    name may hold one, so that it finds nothing. The same goes for NUL, which databases refuse.
    """
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    path = "/" + raw.decode("ascii", "replace").partition("?")[0].lstrip("/")
    root: str = scope.get("root_path", "")
    if root and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    if "%" in path:
        path = unquote(path.replace("%2F", "%252F").replace("%2f", "%252F")).replace("\0", "\ufffd")
    if "//" in path or path.endswith("/"):
        path = "/" + "/".join(segment for segment in path.split("/") if segment)
    return path or "/"
