"""The code of a failure and its phase, beside ``error_message``: additions to contract ubiops 3.1 (decision 0019)."""

from __future__ import annotations

from quinta.core.reasons import Reason, phase_of


def failure_members(reason: str | None) -> dict[str, str]:
    """``error_code`` and ``error_phase``; neither where nothing has failed, so that such an answer is the era's."""
    if reason is None or reason == Reason.COMPLETED:
        return {}
    phase = phase_of(reason)
    return {"error_code": str(reason)} if phase is None else {"error_code": str(reason), "error_phase": phase.value}
