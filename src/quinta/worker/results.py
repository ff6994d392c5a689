"""Turns what user code returned into JSON text and files, or into a sentence that says why it cannot be."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Tuple

_COPY_BYTES = 1 << 20


class InvalidResult(Exception):
    """What the code returned cannot be an answer; the text names the field, ``code`` is one of RUN_FAILURES."""

    def __init__(self, text: str, code: str = "result_not_json") -> None:
        super().__init__(text)
        self.code = code


def encode_result(result: Any) -> bytes:
    """``result`` as JSON in UTF-8. Raises InvalidResult for what JSON cannot hold: NaN, infinity, other objects,
    broken Unicode, cycles. Arrays and scalars of numpy and the like become lists and numbers."""
    try:
        return _dump(result)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidResult(_explain(result, error)) from None


def take_files(result: Any, fields: List[str], folder: str) -> Tuple[Any, Dict[str, str]]:
    """Puts the files that ``result`` names in blob fields below ``folder``, one numbered folder a field.

    Returns the result with the file names in place of the paths, and the names by field. Raises InvalidResult when a
    value is not the path of a regular file. A field that is missing is left to whoever checks the result's shape.
    """
    if not isinstance(result, dict):
        return result, {}
    files: Dict[str, str] = {}
    for position, field in enumerate(fields):
        if field not in result:
            continue
        try:
            path = os.path.realpath(os.fsdecode(os.fspath(result[field])))
        except (TypeError, ValueError):
            text = "the field %r must be the path of a file, not %s" % (field, _type_name(result[field]))
            raise InvalidResult(text, "result_bad_file") from None
        if not os.path.isfile(path):
            text = "the field %r names a file that does not exist: %s" % (field, result[field])
            raise InvalidResult(text, "result_bad_file")
        name = os.path.basename(os.fsdecode(os.fspath(result[field])))
        target = os.path.join(folder, str(position))
        os.makedirs(target)
        link_or_copy(path, os.path.join(target, name))
        files[field] = name
    return {**result, **files}, files


def link_or_copy(source: str, target: str) -> None:
    """Makes ``target``, which must not exist, the same file as ``source``, or a copy."""
    try:
        os.link(source, target)
    except OSError:  # another file system: /tmp, or a file of the package itself
        with open(source, "rb") as read, open(target, "wb") as write:
            while True:
                piece = read.read(_COPY_BYTES)
                if not piece:
                    return
                write.write(piece)


def _dump(value: Any) -> bytes:
    text: str = _ENCODER.encode(value)
    return text.encode("utf-8")


def _coerce(value: Any) -> Any:
    """Arrays and scalars of numpy, torch and others know how to become Python values."""
    for method in ("tolist", "item"):
        convert = getattr(value, method, None)
        if callable(convert) and not isinstance(value, type):
            return convert()
    raise TypeError("a value of type %s" % _type_name(value))


_ENCODER = json.JSONEncoder(default=_coerce, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _explain(result: Any, error: Exception) -> str:
    """Names the field, by looking for the first one that fails alone."""
    if isinstance(result, dict):
        for name, value in result.items():
            try:
                _dump(value)
            except (TypeError, ValueError, OverflowError, RecursionError) as field_error:
                return "the field %r of the result cannot be answered: %s" % (name, _cause(value, field_error))
    return "the result cannot be answered: %s" % _cause(result, error)


def _cause(value: Any, error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "its text is not valid Unicode"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, ValueError) and "Out of range float" in str(error):
        return "it holds NaN or an infinity, which JSON has no form for"
    if isinstance(error, ValueError) and "Circular" in str(error):
        return "it contains itself"
    return "%s is not a value that JSON has a form for (%s)" % (_type_name(value), error)


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else "%s.%s" % (kind.__module__, kind.__qualname__)
