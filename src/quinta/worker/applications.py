"""Applications: a function that gets folders, params and a logger, and answers one JSON value (contract vbrain 9).

``application.py`` in the root of a package has it: ``run(inputs, outputs, params, logger)``. The supervisor speaks to
an application as to a model, so here each is the other: an application answers ``request``, a model is run as a job.

pathlib and shutil are imported by those who use them: together they cost the start of a model 10 ms.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any, Callable, Dict, Iterable, List, Optional

from quinta.wire.messages import Start
from quinta.worker.loading import LoadError, has_module, load_module
from quinta.worker.results import InvalidResult, link_or_copy

APPLICATION = "application"
LOG_FOLDER = "QUINTA_LOG_FOLDER"

_Run = Callable[[Any, Any, Any, Any], Any]


def load_application(start: Start) -> Optional[Any]:
    """What answers ``request`` with the package's application; None where its class ``Model`` is to be used.

    A job runs the application where there is one, requests go to the model where there is one. Raises LoadError when
    the package has neither, or an ``application.py`` without ``run`` and no model; and whatever the user's code raises.
    """
    has_model = has_module(start.package, start.model_file)
    if not has_module(start.package, APPLICATION) or (has_model and not start.job):
        if not has_model and start.job:
            text = "the package has neither %s.py nor %s.py" % (APPLICATION, start.model_file)
            raise LoadError("start_no_model_file", text)
        return None
    folders = start.job or _scratch(start)
    os.environ[LOG_FOLDER] = folders["logs"]
    run = getattr(load_module(start.package, APPLICATION), "run", None)
    if callable(run):
        return Application(run, folders, clears=not start.job)
    if has_model:  # a model's own module that happens to have this name
        return None
    raise LoadError("start_no_run_function", "%s.py has no function run" % APPLICATION)


class Application:
    """The function ``run`` as a model. ``clears``: before each call, the folders are emptied."""

    def __init__(self, run: _Run, folders: Dict[str, str], *, clears: bool) -> None:
        self._run = run
        self._folders = folders
        self._clears = clears

    def request(self, data: Any) -> Any:
        """Calls the function with ``data``, or with what its JSON text says where ``data`` is text, as params."""
        from pathlib import Path

        params = json.loads(data) if isinstance(data, str) else data
        if not isinstance(params, dict):
            raise TypeError("params must be a JSON object, not %s" % type(params).__name__)
        inputs, outputs = Path(self._folders["inputs"]), Path(self._folders["outputs"])
        if self._clears:  # not after a call: its result may name a file in there, which is taken then
            _empty((inputs, outputs))
        return self._run(inputs, outputs, params, logging.getLogger(APPLICATION))


class ModelJob:
    """A model that is run once: its fields of type blob are files in the folders."""

    def __init__(self, model: Any, start: Start) -> None:
        self._model = model
        self._folders = start.job
        self._context = start.context
        os.environ[LOG_FOLDER] = start.job["logs"]

    def request(self, params: Dict[str, Any]) -> Any:
        """Calls the model's ``request`` with the params, or with their JSON text where it is plain.

        The value of an input field of type blob is the name of a file among the inputs, and becomes its path; the file
        that an output field of type blob names is put among the outputs, and its name is the field's value.
        """
        if self._context["input_type"] == "plain":
            return self._kept(self._model.request(json.dumps(params, ensure_ascii=False)))
        data = dict(params)
        for field in _blobs(self._context["input_fields"]):
            if isinstance(data.get(field), str):
                data[field] = os.path.join(self._folders["inputs"], data[field])
        return self._kept(self._model.request(data))

    def stop(self) -> None:
        """The model's own ``stop``, if it has one."""
        stop = getattr(self._model, "stop", None)
        if callable(stop):
            stop()

    def _kept(self, result: Any) -> Any:
        if not isinstance(result, dict):
            return result
        fields = _blobs(self._context["output_fields"])
        files = [field for field in fields if isinstance(result.get(field), (str, os.PathLike))]
        return dict(result, **{field: self._keep(field, result[field]) for field in files})

    def _keep(self, field: str, value: Any) -> str:
        source = os.path.realpath(os.fsdecode(os.fspath(value)))
        name = os.path.basename(os.fsdecode(os.fspath(value)))
        if not os.path.isfile(source):
            raise InvalidResult("the field %r names a file that does not exist: %s" % (field, value), "result_bad_file")
        target = os.path.join(self._folders["outputs"], name)
        if os.path.exists(target):
            if not os.path.samefile(source, target):
                raise InvalidResult("two of the result's files have the name %s" % name, "result_bad_file")
        else:
            link_or_copy(source, target)
        return name


def _blobs(fields: List[Dict[str, str]]) -> List[str]:
    return [field["name"] for field in fields if field["data_type"] == "blob"]


def _scratch(start: Start) -> Dict[str, str]:
    """Folders for an application that answers requests. Beside them are those of calls, which have numbers."""
    root = os.path.join(start.exchange, APPLICATION)
    folders = {name: os.path.join(root, name) for name in ("inputs", "outputs", "logs")}
    for folder in folders.values():
        os.makedirs(folder)
    return folders


def _empty(folders: Iterable[Any]) -> None:
    import shutil

    for folder in folders:
        shutil.rmtree(str(folder), ignore_errors=True)
        os.makedirs(str(folder), exist_ok=True)
