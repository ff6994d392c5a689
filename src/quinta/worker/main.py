"""The program of an instance: loads the model, then answers one request after the other until it is told to stop.

The instance of a job gets one request, and answers with what the application makes of it (applications.py).

Started by the supervisor as ``python -I -c "... main()" DESCRIPTOR`` with the package's copy as working directory, both
output descriptors on the log pipe and the number of the socket to the supervisor as its argument.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
import traceback
from typing import Any, Callable, Optional

from quinta.wire.messages import (
    MAX_PAYLOAD_BYTES,
    MAX_PAYLOAD_IN_FRAME,
    Done,
    Failed,
    Ready,
    Run,
    Start,
    StartFailed,
    Stop,
)
from quinta.worker.applications import ModelJob, load_application
from quinta.worker.channel import Channel
from quinta.worker.confinement import ConfinementError, confine
from quinta.worker.loading import LoadError, construct, load_class, search_first
from quinta.worker.results import InvalidResult, encode_result, take_files
from quinta.worker.streams import Streams

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MAX_TEXT = 4000  # characters of an exception's text that go into error_message; the log has all of it


def main(instead: Optional[Callable[[Start], Any]] = None) -> None:
    """Runs until Stop, or until the supervisor's end of the socket closes. ``instead`` makes what answers the calls in
    place of the package's application or model."""
    channel = Channel(int(sys.argv[1]))
    streams = Streams()
    received = channel.receive()
    if received is None:
        return
    start = received[0]
    assert isinstance(start, Start)
    model = _construct(channel, streams, start, instead)
    streams.settle()
    streams.flush()
    channel.send(Ready())
    while True:
        received = channel.receive()
        if received is None:
            os._exit(0)  # the server is gone, and nobody would wait for the user's clean-up
        message, payload = received
        if isinstance(message, Stop):
            break
        assert isinstance(message, Run)
        _answer(channel, streams, model, start, message, payload)
        _tidy(streams, start)
    if callable(getattr(model, "stop", None)):
        model.stop()
    streams.flush()


def _construct(channel: Channel, streams: Streams, start: Start, instead: Optional[Callable[[Start], Any]]) -> Any:
    code = "start_impossible"
    try:
        if start.maximum_processes:
            import resource  # only where no cgroup counts processes

            resource.setrlimit(resource.RLIMIT_NPROC, (start.maximum_processes, start.maximum_processes))
        warning = confine(start.confinement)
        if warning:
            sys.stderr.write("WARNING " + warning + "\n")
        if sys.flags.no_site:
            import site  # the environment's own start-up files are others' code too

            site.main()
        os.environ.update(start.variables)
        sys.argv[:] = [start.model_file + ".py"]
        context = dict(start.context, environment_variables=dict(start.variables))
        code = "start_import_error"
        if instead is not None:
            return instead(start)
        search_first(start.package)
        application = load_application(start)
        if application is not None:
            return application
        model_class = load_class(start.package, start.model_file)
        code = "start_constructor_error"
        model = construct(model_class, start.package, start.model_file, context)
        return ModelJob(model, start) if start.job else model
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raises is the reason to report
        streams.restore()
        if not isinstance(error, (LoadError, ConfinementError)):
            _print_traceback(error)
        streams.flush()
        channel.send(StartFailed(_start_code(error, code), _start_failure(error)))
        sys.exit(1)


def _answer(channel: Channel, streams: Streams, model: Any, start: Start, run: Run, payload: bytes) -> None:
    folder = os.path.join(start.exchange, str(run.id))
    data = _input(start, run, payload)
    began = time.perf_counter()
    try:
        result = model.request(data)
    except BaseException as error:  # noqa: BLE001 - SystemExit and the like fail one request, not the instance
        seconds = time.perf_counter() - began
        streams.restore()
        _print_traceback(error)
        streams.flush()
        channel.send(Failed(run.id, seconds, _run_code(error, "model_error"), _text(error)))
        return
    seconds = time.perf_counter() - began
    try:
        result, files = take_files(result, start.blob_outputs, os.path.join(folder, "out"))
        encoded = encode_result(result)
        if len(encoded) > MAX_PAYLOAD_BYTES:
            text = "the result has %d bytes; the limit is %d" % (len(encoded), MAX_PAYLOAD_BYTES)
            raise InvalidResult(text, "result_too_large")
    except Exception as error:  # noqa: BLE001 - the user's objects run code while they are converted
        if not isinstance(error, InvalidResult):
            streams.restore()
            _print_traceback(error)
        streams.flush()
        channel.send(Failed(run.id, seconds, _run_code(error, "result_not_json"), _text(error)))
        return
    result_file = ""
    if len(encoded) > MAX_PAYLOAD_IN_FRAME:
        result_file = "result.json"
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, result_file), "wb") as file:
            file.write(encoded)
        encoded = b""
    streams.flush()
    channel.send(Done(run.id, seconds, result_file, files), encoded)


def _input(start: Start, run: Run, payload: bytes) -> Any:
    if run.data_file:
        with open(os.path.join(start.exchange, run.data_file), "rb") as file:
            payload = file.read()
    data = json.loads(payload)
    for field, path in run.blobs.items():
        data[field] = os.path.join(start.exchange, path)
    return data


def _tidy(streams: Streams, start: Start) -> None:
    """The next request finds the streams and the working directory as they should be. Done while the supervisor
    handles the answer, so that it costs the caller nothing."""
    streams.restore()
    try:
        moved = os.getcwd() != start.package
    except OSError:  # the code removed the folder it was in
        moved = True
    if moved:
        os.chdir(start.package)


def _print_traceback(error: BaseException) -> None:
    """Into the log, without our own frames on top."""
    trace = error.__traceback__
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("quinta.worker."):
        trace = trace.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, trace))
    except BaseException:  # noqa: BLE001 - exceptions of users may fail to print themselves, or exit in the attempt
        text = "%s (its text cannot be printed)\n" % type(error).__name__
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:  # noqa: BLE001 - the code may have put any object there before the first request
        os.write(2, text.encode("utf-8", "backslashreplace"))


def _text(error: BaseException) -> str:
    """The exception's text (contract ubiops 4.5), or its class where there is none."""
    if isinstance(error, SystemExit):
        return "the code called sys.exit(%r)" % (error.code,)
    try:
        text = str.__getitem__(str(error), slice(_MAX_TEXT))  # str() may give what only derives from it
    except BaseException:  # noqa: BLE001 - as above
        text = ""
    return text or type(error).__name__


def _start_code(error: BaseException, otherwise: str) -> str:
    if isinstance(error, LoadError):
        return error.code
    if isinstance(error, SystemExit):
        return "start_exited"
    return "start_memory" if isinstance(error, MemoryError) else otherwise


def _run_code(error: BaseException, otherwise: str) -> str:
    """What stopped the code when it met a limit shows in what it raises."""
    if isinstance(error, InvalidResult):
        return error.code
    if isinstance(error, SystemExit):
        return "model_called_exit"
    if isinstance(error, MemoryError):
        return "memory"
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return "disk"
    if type(error) is RuntimeError and error.args == ("can't start new thread",):
        return "processes"
    return otherwise


def _start_failure(error: BaseException) -> str:
    text = _text(error)
    if isinstance(error, (LoadError, ConfinementError, SystemExit)) or text == type(error).__name__:
        return text
    return "%s: %s" % (type(error).__name__, text)
