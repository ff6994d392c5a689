"""Input of predictions, which may be a file on this computer (contract dq0 4.2)."""

from __future__ import annotations

import json
from pathlib import Path

from quinta.gateway.calls import GatewayFailure, LocalCall, Reply
from quinta.gateway.desk import Desk

LARGEST_INPUT_BYTES = 10 * 2**20
_KINDS = {".json": "json", ".csv": "csv"}


class Predictions:
    """The one operation of models that is not forwarded as it is."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def predict(self, call: LocalCall, _: str) -> Reply:
        """Where ``input_data`` is the full path of a .json or .csv file, what is in it goes in its place."""
        values = call.values
        given = values.get("input_data")
        if not isinstance(given, str) or not given.startswith("/") or "\n" in given:
            return self._desk.forward(call)
        kind = _KINDS.get(Path(given).suffix.lower())
        if kind is None:
            raise GatewayFailure(
                400, f"'input_data' must be JSON, CSV or a file that ends with .json or .csv: {given[:200]!r}"
            )
        sent = {**values, "input_data": read_input(Path(given)), "input_type": kind}
        return self._desk.ask(
            call.method, call.path, query=call.query, body=json.dumps(sent).encode(), content_type="application/json"
        )


def read_input(file: Path) -> str:
    """The file's text; GatewayFailure 400 where it is none that can be read, 413 above 10 MiB."""
    try:
        if not file.is_file():
            raise GatewayFailure(400, f"there is no file {file}")
        if file.stat().st_size > LARGEST_INPUT_BYTES:
            raise GatewayFailure(413, f"{file} is larger than {LARGEST_INPUT_BYTES // 2**20} MiB")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GatewayFailure(400, f"{file} cannot be read as text: {error}") from None
