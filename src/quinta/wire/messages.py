"""Every message between the supervisor and a worker, and the frames they travel in (decision 0005).

A frame is two lengths of 4 bytes, big-endian (of what follows them, and of its first part), then the message as JSON,
then a payload that is passed on as it is: JSON text of an input or of a result. So nobody between the caller and the
user's code parses or writes the payload again. A payload over ``MAX_PAYLOAD_IN_FRAME`` travels as a file in the
exchange folder, named in the message.

The two messages of a request without files, nearly all there are, have a message of ``_SHORT_BYTES`` in binary instead
of JSON: writing and reading it costs 3 microseconds instead of 17.

    supervisor -> worker   Start, then Run ..., then Stop
    worker -> supervisor   Ready or StartFailed, then Done or Failed for each Run

The supervisor does not trust what comes from a worker: ``Decoder`` checks sizes and types and raises ``WireError``.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Dict, List, NamedTuple, Tuple, Type, Union

MAX_FRAME_BYTES = 4 << 20
MAX_HEADER_BYTES = 1 << 20
# Of a message to the server, which stands still while it parses one: a millisecond for this much.
MAX_ANSWER_HEADER_BYTES = 64 << 10
MAX_PAYLOAD_IN_FRAME = MAX_FRAME_BYTES - MAX_HEADER_BYTES
# A result goes through the memory of the server once more when it is answered, so even files have an end.
MAX_PAYLOAD_BYTES = 16 << 20

# The codes that a worker may give (core/reasons.py): why a start failed, and why a call did.
START_FAILURES = (
    "start_no_model_file",
    "start_no_model_class",
    "start_no_request_method",
    "start_no_run_function",
    "start_import_error",
    "start_constructor_error",
    "start_exited",
    "start_memory",
    "start_impossible",
)
RUN_FAILURES = (
    "model_error",
    "model_called_exit",
    "memory",
    "processes",
    "disk",
    "result_not_json",
    "result_too_large",
    "result_bad_file",
)

# What members of Start.job begin with that are no folder of the job's own.
MOUNT = "mount:"
# A file that the server puts among the inputs of a command while it runs: the command gets SIGTERM.
STOP_FILE = "stop"
# In the log folder of a command: what it logged to its run, a line of JSON each.
TRACKING_FILE = "tracking.jsonl"

_LENGTHS = struct.Struct(">II")
# Kind, id and, in a Done, the seconds. JSON begins with "[", so the first byte tells which of the two it is.
_SHORT = struct.Struct(">BQd")
_SHORT_BYTES = _SHORT.size
_SHORT_FRAME = struct.Struct(">IIBQd")
_SHORT_RUN, _SHORT_DONE = 1, 2
# json.dumps with options would build such an encoder for each message, which costs more than the encoding.
_encode_json = json.JSONEncoder(separators=(",", ":")).encode
_decode_json = json.JSONDecoder().decode


class WireError(ValueError):
    """A frame breaks the protocol; the text says how."""


class Start(NamedTuple):
    """The first message: load the class ``Model`` and construct it, or load the application. Paths are as the worker
    sees them.

    ``variables`` come as a message, not on a command line, since they hold secrets; the worker adds them to
    ``context``. ``blob_outputs`` are the output fields whose value is the path of a file. ``maximum_processes`` is
    0 when something else limits them. ``confinement`` is for ``worker.confinement.confine``. ``job`` is empty, or the
    instance runs the package's application, or a command in it, once and it names the folders ``inputs``, ``outputs``
    and ``logs``, and by MOUNT and a name what a command may read beside them.
    """

    model_file: str
    package: str
    exchange: str
    context: Dict[str, Any]
    variables: Dict[str, str]
    blob_outputs: List[str]
    maximum_processes: int
    confinement: Dict[str, Any]
    job: Dict[str, str]


class Run(NamedTuple):
    """Call ``request`` with the payload, or with the content of ``data_file`` when that is not empty.

    ``id`` numbers the calls of one supervisor. ``blobs`` maps input fields to paths below the exchange folder.
    """

    id: int
    data_file: str
    blobs: Dict[str, str]


class Stop(NamedTuple):
    """Call ``stop`` if the class has it, then exit."""


class Ready(NamedTuple):
    """The model is constructed and waits for requests."""


class StartFailed(NamedTuple):
    """The model could not be loaded or constructed; the worker exits. ``code`` is one of START_FAILURES."""

    code: str
    message: str


class Done(NamedTuple):
    """The call returned: the payload, or the content of ``result_file``, is the result as JSON.

    ``files`` maps output fields to file names in ``<id>/out/<position of the field in blob_outputs>/``.
    """

    id: int
    seconds: float
    result_file: str
    files: Dict[str, str]


class Failed(NamedTuple):
    """The call raised, or what it returned cannot be an answer. ``code`` is one of RUN_FAILURES."""

    id: int
    seconds: float
    code: str
    message: str


Message = Union[Start, Run, Stop, Ready, StartFailed, Done, Failed]

_KINDS: Dict[str, Tuple[Type[Message], Tuple[type, ...]]] = {
    "Start": (Start, (str, str, str, dict, dict, list, int, dict, dict)),
    "Run": (Run, (int, str, dict)),
    "Stop": (Stop, ()),
    "Ready": (Ready, ()),
    "StartFailed": (StartFailed, (str, str)),
    "Done": (Done, (int, float, str, dict)),
    "Failed": (Failed, (int, float, str, str)),
}


def encode(message: Message, payload: bytes = b"") -> bytes:
    """The frame of ``message``. Raises WireError when it is larger than a frame may be."""
    if isinstance(message, Run) and not message.data_file and not message.blobs:
        return _short(_SHORT_RUN, message.id, 0.0, payload)
    if isinstance(message, Done) and not message.result_file and not message.files:
        return _short(_SHORT_DONE, message.id, message.seconds, payload)
    header = _encode_json([type(message).__name__, *message]).encode("ascii")
    length = len(header) + len(payload)
    if length > MAX_FRAME_BYTES or len(header) > MAX_HEADER_BYTES:
        raise _too_large(length)
    return b"".join((_LENGTHS.pack(length, len(header)), header, payload))


def _short(kind: int, number: int, seconds: float, payload: bytes) -> bytes:
    length = _SHORT_BYTES + len(payload)
    if length > MAX_FRAME_BYTES:
        raise _too_large(length)
    return _SHORT_FRAME.pack(length, _SHORT_BYTES, kind, number, seconds) + payload


def _too_large(length: int) -> WireError:
    return WireError("a message of %d bytes is larger than a frame may be (%d)" % (length, MAX_FRAME_BYTES))


class Decoder:
    """Puts frames together from pieces of any size and checks them."""

    def __init__(self, maximum_header_bytes: int = MAX_HEADER_BYTES) -> None:
        self._maximum_header_bytes = maximum_header_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> List[Tuple[Message, bytes]]:
        """The messages that ``data`` completes, each with its payload.

        Raises WireError for a frame that is too long, not a known message, or has fields of wrong types; what came
        with it is lost, as the connection is.
        """
        buffer = self._buffer
        if buffer:
            buffer += data
            received, used = _take_frames(buffer, self._maximum_header_bytes)
            del buffer[:used]
        else:  # as a rule a read is one frame, which need not be copied first
            received, used = _take_frames(data, self._maximum_header_bytes)
            if used < len(data):
                buffer += data[used:]
        return received


def _take_frames(data: Union[bytes, bytearray], maximum_header_bytes: int) -> Tuple[List[Tuple[Message, bytes]], int]:
    """The whole frames at the start of ``data``, and how many bytes they are."""
    received: List[Tuple[Message, bytes]] = []
    start = 0
    while len(data) - start >= _LENGTHS.size:
        length, header_length = _LENGTHS.unpack_from(data, start)
        if length > MAX_FRAME_BYTES or header_length > min(length, maximum_header_bytes):
            raise WireError("a frame says that it has %d bytes with a message of %d" % (length, header_length))
        begin = start + _LENGTHS.size
        if len(data) < begin + length:
            break
        start = begin + length
        split = begin + header_length
        short = header_length == _SHORT_BYTES and data[begin] in (_SHORT_RUN, _SHORT_DONE)
        message = _parse_short(data, begin) if short else _parse(data[begin:split])
        received.append((message, bytes(data[split:start])))
    return received, start


def _parse_short(data: Union[bytes, bytearray], begin: int) -> Message:
    kind, number, seconds = _SHORT.unpack_from(data, begin)
    return Done(number, seconds, "", {}) if kind == _SHORT_DONE else Run(number, "", {})


def _parse(header: Union[bytes, bytearray]) -> Message:
    try:
        name, *fields = _decode_json(header.decode("utf-8"))
        kind, types = _KINDS[name]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WireError("a frame does not hold a known message") from error
    # type() and not isinstance(): a bool is an int for Python, but not for us.
    if tuple(map(type, fields)) != types:
        raise WireError("a message %s has wrong fields" % name)
    for field in fields:
        if field and type(field) is dict and kind is not Start and {str} != set(map(type, field.values())):
            raise WireError("a message %s has wrong fields" % name)
    return kind(*fields)
