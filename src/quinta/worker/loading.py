"""Loads the modules of a package: the class ``Model``, constructed as its constructor wants (contract ubiops 4.3)."""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

_TAKES_ANY_KEYWORD = 0x08  # CO_VARKEYWORDS; the module inspect, which names it, takes 10 ms to import


class LoadError(Exception):
    """The package lacks what every package must have; the text is for its author, ``code`` one of START_FAILURES."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def search_first(package: str) -> None:
    """Lets imports find the package's own modules, and those in its folder ``libraries``, before all others."""
    sys.path[:0] = [package, os.path.join(package, "libraries")]


def has_module(package: str, name: str) -> bool:
    """Whether the folder ``package`` has the file ``<name>.py``."""
    return os.path.isfile(os.path.join(package, name + ".py"))


def load_module(package: str, name: str) -> ModuleType:
    """Imports ``<name>.py`` from the folder ``package``. Raises LoadError when the file is not there, and whatever the
    user's code raises."""
    path = os.path.join(package, name + ".py")
    if not os.path.isfile(path):
        raise LoadError("start_no_model_file", "the package has no file %s.py" % name)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LoadError("start_no_model_file", "%s.py cannot be loaded as a Python module" % name)
    module = importlib.util.module_from_spec(spec)
    # Registered under its name so that pickles of its classes load, but never over a module that is already there.
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


def load_class(package: str, model_file: str) -> type:
    """The class ``Model`` of ``<model_file>.py``.

    Raises LoadError when the file or the class is not there, and whatever the user's code raises.
    """
    model_class = getattr(load_module(package, model_file), "Model", None)
    if not isinstance(model_class, type):
        raise LoadError("start_no_model_class", "%s.py has no class Model" % model_file)
    return model_class


def construct(model_class: type, package: str, model_file: str, context: dict[str, Any]) -> Any:
    """An instance of the class. Raises LoadError when it has no method ``request``, and whatever its constructor
    raises."""
    model = model_class(**_wanted(model_class, {"base_directory": package, "context": context}))
    if not callable(getattr(model, "request", None)):
        raise LoadError("start_no_request_method", "the class Model in %s.py has no method request" % model_file)
    return model


def _wanted(model_class: type, offered: dict[str, Any]) -> dict[str, Any]:
    """Those of the offered arguments that the constructor takes: both, one or none."""
    code = getattr(model_class.__init__, "__code__", None)  # type: ignore[misc]  # looked at, not called
    if code is None:  # the class has no constructor of its own
        return {}
    if code.co_flags & _TAKES_ANY_KEYWORD:
        return offered
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return {name: value for name, value in offered.items() if name in names}
