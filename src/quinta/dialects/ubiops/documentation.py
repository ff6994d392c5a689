"""The OpenAPI document: what the framework cannot see for itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from quinta.dialects.ubiops.answers import Error, ModelRequestList
from quinta.dialects.ubiops.direct import LIVE_TEMPLATE, TEMPLATE
from quinta.dialects.ubiops.shapes import Body

_SCHEMAS = "#/components/schemas/"
_DATA = {"description": "An object with the input fields, or a string for a plain model or pipeline"}

ERROR_ANSWERS: dict[int | str, dict[str, Any]] = {"4XX": {"description": "Refused", "model": Error}}
"""Brings the shape into the document, and keeps the framework's own 422 out; ``_refusals`` puts the real ones there."""
_REFUSALS = {
    "400": "Something in the call is against a rule",
    "401": "No valid key",
    "403": "The caller may not do this",
    "404": "What the path names is not there, or not for the caller",
    "413": "The body is larger than the limit",
    "415": "Another type of content is needed",
    "429": "Too many requests wait already",
    "500": "Fault of the server",
    "503": "The server cannot do this now",
}
WRONG_KEY_ANSWER: dict[int | str, dict[str, Any]] = {401: {"description": "No such key or account", "model": Error}}
"""Of an operation that needs no key, but refuses a wrong one."""
SIGN_IN_ANSWERS: dict[int | str, dict[str, Any]] = {
    **WRONG_KEY_ANSWER,
    429: {"description": "Too many attempts with a wrong password", "model": Error},
}
FILE_ANSWER: dict[int | str, dict[str, Any]] = {200: {"description": "The file", "content": {"*/*": {}}}}


def takes(shape: type[Body]) -> dict[str, Any]:
    """The operation reads ``shape``."""
    return _takes("application/json", {"$ref": _SCHEMAS + shape.__name__})


def takes_nothing() -> dict[str, Any]:
    """The operation may get a body, and does not look at it."""
    content = {"application/json": {"schema": {"description": "Ignored"}}}
    return {"requestBody": {"required": False, "content": content}}


def takes_file() -> dict[str, Any]:
    """The operation reads a form with one file."""
    file = {"type": "string", "format": "binary"}
    return _takes("multipart/form-data", {"type": "object", "properties": {"file": file}, "required": ["file"]})


def takes_data(*, most: int = 1) -> dict[str, Any]:
    """The operation reads request data: one item, or as a batch 1 to ``most``."""
    if most == 1:
        return _takes("application/json", _DATA)
    return _takes("application/json", {"anyOf": [{"type": "array", "items": _DATA, "maxItems": most}, _DATA]})


def takes_ids(most: int) -> dict[str, Any]:
    """The operation reads 1 to ``most`` request ids."""
    item = {"type": "string", "format": "uuid"}
    return _takes("application/json", {"type": "array", "items": item, "minItems": 1, "maxItems": most})


def document(app: FastAPI) -> None:
    """Gives ``app`` a document with the bodies that ``takes`` names, and with the direct request."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _openapi(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's documented way to extend the document


def _takes(content_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {content_type: {"schema": schema}}}}


def _openapi(app: FastAPI) -> dict[str, Any]:
    built = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, servers=app.servers
    )
    schemas = built["components"]["schemas"]
    _, bodies = models_json_schema(
        [(shape, "validation") for shape in _shapes(Body)], ref_template=_SCHEMAS + "{model}"
    )
    schemas.update(bodies["$defs"])
    schemas["ModelRequestList"] = ModelRequestList.model_json_schema()
    built["paths"][TEMPLATE] = {"post": _direct_operation(built)}
    built["paths"][LIVE_TEMPLATE] = {"post": _live_operation(built)}
    for path, methods in built["paths"].items():
        for operation in methods.values():
            del operation["responses"]["4XX"]
            operation["responses"].update(_refusals(path, operation))
    return built


def _refusals(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    """The answers of contract ubiops 5.2 that the operation can give."""
    may = {"400", "500", "503"}
    if "security" in operation:
        may |= {"401", "403"}
    if "{" in path:
        may.add("404")
    if "requestBody" in operation:
        may |= {"413", "415"}
    return {status: _refusal(status) for status in sorted(may)}


def _refusal(status: str) -> dict[str, Any]:
    return {"description": _REFUSALS[status], "content": {"application/json": {"schema": _ref(Error)}}}


def _shapes(base: type[Body]) -> list[type[Body]]:
    return [found for shape in base.__subclasses__() for found in (shape, *_shapes(shape))]


def _direct_operation(built: dict[str, Any]) -> dict[str, Any]:
    """The one operation that no route stands for; where it is, and who may call it, it shares with the batch."""
    batch = built["paths"][TEMPLATE + "-batch"]["post"]
    timeout = {"type": "integer", "minimum": 10, "maximum": 3600, "default": 300}
    answer = {"description": "How it ended", "content": {"application/json": {"schema": _ref(ModelRequestList)}}}
    return {
        "tags": batch["tags"],
        "summary": "Model Requests Create",
        "description": "Runs one request and waits for the answer.",
        "operationId": "model_requests_create",
        "security": batch["security"],
        "parameters": [*batch["parameters"], {"name": "timeout", "in": "query", "schema": timeout}],
        **takes_data(),
        "responses": {**batch["responses"], "200": answer, "429": _refusal("429")},
    }


def _live_operation(built: dict[str, Any]) -> dict[str, Any]:
    """The same to the live version: an addition of this server."""
    direct = _direct_operation(built)
    return {
        **direct,
        "summary": "Model Requests Create Live",
        "description": "Runs one request on the live version of the model and waits for the answer.",
        "operationId": "model_requests_create_live",
        "parameters": [parameter for parameter in direct["parameters"] if parameter["name"] != "version"],
    }


def _ref(model: type) -> dict[str, str]:
    return {"$ref": _SCHEMAS + model.__name__}
