"""Why things fail: the one catalogue of codes (decision 0019, docs/reason-codes.md).

A failed request, build, verification or delivery carries a ``Reason``. Its text is stored, shown and counted, so a code
never changes its meaning and never goes: a finer one is added, and the old one stays readable (``EARLIER``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Phase(StrEnum):
    """Where the cause lies."""

    QUEUE = "queue"  # no instance was given the work
    COLD_START = "cold_start"  # no instance came up
    RUN = "run"  # the model's code, or what it answered
    DEADLINE = "deadline"  # the code was still at work when its time was over
    MEMORY = "memory"  # more memory was needed than is allocated
    CRASH = "crash"  # a process ended, or could not be spoken with any more
    POLICY = "policy"  # a limit, a decision of somebody, or the operation of the server
    BUILD = "build"  # what was uploaded, and what it requires
    DELIVERY = "delivery"  # a store behind a connector, a webhook's receiver, and the way there


class Reason(StrEnum):
    """A code and its phase. What each means, and what to do about it, is in reason_texts.py."""

    phase: Phase

    def __new__(cls, code: str, phase: Phase = Phase.RUN) -> Reason:  # no phase: a code is looked up, not defined
        member = str.__new__(cls, code)
        member._value_ = code
        member.phase = phase
        return member

    COMPLETED = "completed", Phase.RUN

    # Before an instance has the request.
    QUEUE_TIMEOUT = "queue_timeout", Phase.QUEUE
    QUEUE_FULL = "queue_full", Phase.QUEUE
    NO_ROOM = "no_room", Phase.QUEUE
    ALLOCATION_TOO_LARGE = "allocation_too_large", Phase.QUEUE
    INPUT_TIMEOUT = "input_timeout", Phase.QUEUE
    INPUT_BLOB_GONE = "input_blob_gone", Phase.QUEUE
    INPUT_UNAVAILABLE = "input_unavailable", Phase.QUEUE

    # While an instance starts.
    COLD_START_TIMEOUT = "cold_start_timeout", Phase.COLD_START
    START_RETRY_TIMEOUT = "start_retry_timeout", Phase.COLD_START
    START_TOOK_TOO_LONG = "start_took_too_long", Phase.COLD_START
    START_NO_MODEL_FILE = "start_no_model_file", Phase.COLD_START
    START_NO_MODEL_CLASS = "start_no_model_class", Phase.COLD_START
    START_NO_REQUEST_METHOD = "start_no_request_method", Phase.COLD_START
    START_NO_RUN_FUNCTION = "start_no_run_function", Phase.COLD_START
    START_IMPORT_ERROR = "start_import_error", Phase.COLD_START
    START_CONSTRUCTOR_ERROR = "start_constructor_error", Phase.COLD_START
    START_EXITED = "start_exited", Phase.COLD_START
    START_KILLED_BY_SIGNAL = "start_killed_by_signal", Phase.COLD_START
    START_IMPOSSIBLE = "start_impossible", Phase.COLD_START
    START_DISK_FULL = "start_disk_full", Phase.COLD_START
    CRASH_LOOPING = "crash_looping", Phase.COLD_START

    # While an instance has the request.
    MODEL_ERROR = "model_error", Phase.RUN
    MODEL_CALLED_EXIT = "model_called_exit", Phase.RUN
    RESULT_NOT_JSON = "result_not_json", Phase.RUN
    RESULT_WRONG_TYPE = "result_wrong_type", Phase.RUN
    RESULT_MISSING_FIELD = "result_missing_field", Phase.RUN
    RESULT_TOO_LARGE = "result_too_large", Phase.RUN
    RESULT_BAD_FILE = "result_bad_file", Phase.RUN
    RESULT_NOT_KEPT = "result_not_kept", Phase.RUN
    OUTPUT_TOO_LARGE = "output_too_large", Phase.RUN
    RESULT_TOO_LARGE_TO_HAND_ON = "result_too_large_to_hand_on", Phase.RUN
    RUN_TIMEOUT = "run_timeout", Phase.DEADLINE
    PIPELINE_TIMEOUT = "pipeline_timeout", Phase.DEADLINE
    MEMORY = "memory", Phase.MEMORY
    START_MEMORY = "start_memory", Phase.MEMORY
    EXITED = "exited", Phase.CRASH
    KILLED_BY_SIGNAL = "killed_by_signal", Phase.CRASH
    KILLED = "killed", Phase.CRASH
    PROTOCOL_BROKEN = "protocol_broken", Phase.CRASH
    CONNECTION_CLOSED = "connection_closed", Phase.CRASH
    GIVEN_UP = "given_up", Phase.CRASH

    # By a limit, a decision of somebody, or the operation of the server.
    PROCESSES = "processes", Phase.POLICY
    DISK = "disk", Phase.POLICY
    VERSION_DELETED = "version_deleted", Phase.POLICY
    ORGANIZATION_SUSPENDED = "organization_suspended", Phase.POLICY
    SERVER_STOPPING = "server_stopping", Phase.POLICY
    INSTANCE_STOPPED = "instance_stopped", Phase.POLICY
    CANCELLED = "cancelled", Phase.POLICY
    REQUEST_REFUSED = "request_refused", Phase.POLICY
    SECRET_UNREADABLE = "secret_unreadable", Phase.POLICY

    # Of builds. A build whose first instance does not start carries the code of that start.
    NOT_AN_ARCHIVE = "not_an_archive", Phase.BUILD
    ARCHIVE_DAMAGED = "archive_damaged", Phase.BUILD
    ARCHIVE_UNSAFE = "archive_unsafe", Phase.BUILD
    ARCHIVE_UNSUPPORTED = "archive_unsupported", Phase.BUILD
    ARCHIVE_TOO_LARGE = "archive_too_large", Phase.BUILD
    NO_MODEL_FILE = "no_model_file", Phase.BUILD
    MODEL_FILE_INVALID = "model_file_invalid", Phase.BUILD
    LANGUAGE_UNKNOWN = "language_unknown", Phase.BUILD
    NO_INTERPRETER = "no_interpreter", Phase.BUILD
    REQUIREMENTS_UNREADABLE = "requirements_unreadable", Phase.BUILD
    REQUIREMENT_REFUSED = "requirement_refused", Phase.BUILD
    REQUIREMENT_NOT_FOUND = "requirement_not_found", Phase.BUILD
    REQUIREMENT_CONFLICT = "requirement_conflict", Phase.BUILD
    REQUIREMENT_UNBUILDABLE = "requirement_unbuildable", Phase.BUILD
    INDEX_UNREACHABLE = "index_unreachable", Phase.BUILD
    INSTALL_FAILED = "install_failed", Phase.BUILD
    INSTALL_TIMEOUT = "install_timeout", Phase.BUILD
    BUILD_MEMORY = "build_memory", Phase.MEMORY
    BUILD_GIVEN_UP = "build_given_up", Phase.BUILD

    # Of connectors: verifications and deliveries.
    CONNECTOR_GONE = "connector_gone", Phase.DELIVERY
    CONNECTOR_NOT_AVAILABLE = "connector_not_available", Phase.DELIVERY
    MESSAGE_INVALID = "message_invalid", Phase.DELIVERY
    MESSAGE_BLOB_GONE = "message_blob_gone", Phase.DELIVERY
    DESTINATION_REFUSED = "destination_refused", Phase.DELIVERY
    UNREACHABLE = "unreachable", Phase.DELIVERY
    STORE_TIMEOUT = "store_timeout", Phase.DELIVERY
    CREDENTIALS_INVALID = "credentials_invalid", Phase.DELIVERY
    CREDENTIALS_REFUSED = "credentials_refused", Phase.DELIVERY
    PERMISSION_MISSING = "permission_missing", Phase.DELIVERY
    PLACE_MISSING = "place_missing", Phase.DELIVERY
    PLACE_UNFIT = "place_unfit", Phase.DELIVERY
    VALUE_REJECTED = "value_rejected", Phase.DELIVERY
    STORE_BUSY = "store_busy", Phase.DELIVERY
    STORE_REFUSED = "store_refused", Phase.DELIVERY
    DRIVER_MISSING = "driver_missing", Phase.DELIVERY
    DRIVER_FAILED = "driver_failed", Phase.DELIVERY
    DELIVERY_GIVEN_UP = "delivery_given_up", Phase.DELIVERY

    # Of webhooks.
    RECEIVER_UNREACHABLE = "receiver_unreachable", Phase.DELIVERY
    RECEIVER_TIMEOUT = "receiver_timeout", Phase.DELIVERY
    RECEIVER_REFUSED = "receiver_refused", Phase.DELIVERY
    RECEIVER_INVALID_ANSWER = "receiver_invalid_answer", Phase.DELIVERY


TIMEOUTS: Final = frozenset(
    {
        Reason.RUN_TIMEOUT,
        Reason.QUEUE_TIMEOUT,
        Reason.COLD_START_TIMEOUT,
        Reason.START_RETRY_TIMEOUT,
        Reason.NO_ROOM,
        Reason.INPUT_TIMEOUT,
    }
)
"""The ends of a request whose own time-out passed."""

RETIREMENTS: Final = frozenset({Reason.VERSION_DELETED, Reason.ORGANIZATION_SUSPENDED, Reason.SERVER_STOPPING})
"""Why all requests of a version end at once."""

EARLIER: Final = {
    "invalid_result": Phase.RUN,
    "deadline": Phase.DEADLINE,
    "crashed": Phase.CRASH,
    "start_failed": Phase.COLD_START,
    "invalid_input": Phase.QUEUE,
    "retired": Phase.POLICY,
}
"""Codes of releases before the catalogue: not given any more, but requests that ended then have them."""


class Failure(NamedTuple):
    """That something failed: its code, and a sentence for whoever it belongs to. As text, the end of a log line."""

    reason: Reason
    message: str

    def __str__(self) -> str:
        return f"{self.message} [{self.reason}]"


def phase_of(code: str) -> Phase | None:
    """The phase of a code that was stored, also by an earlier release; None for one that a later release stored."""
    try:
        return EARLIER.get(code) or Reason(code).phase
    except ValueError:
        return None
