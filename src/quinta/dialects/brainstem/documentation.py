"""The OpenAPI document: what the framework cannot see for itself."""

from __future__ import annotations

from typing import Any

from quinta.dialects.brainstem.shapes import Detail

Answers = dict[int | str, dict[str, Any]]

REFUSALS: Answers = {"4XX": {"description": "Refused", "model": Detail}}
"""With it, the framework keeps its own 422 out."""
