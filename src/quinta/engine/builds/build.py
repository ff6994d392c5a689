"""The whole build of one uploaded archive: package folder, interpreter, environment."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from quinta.core.reasons import Reason
from quinta.engine.archives.members import DEFAULT_LIMITS, ArchiveLimits
from quinta.engine.builds.command import StepRunner
from quinta.engine.builds.environments import EnvironmentStore
from quinta.engine.builds.errors import PackageRejected
from quinta.engine.builds.index import IndexSettings
from quinta.engine.builds.interpreters import Interpreter, Interpreters, discover
from quinta.engine.builds.packages import PackageStore, StoredPackage
from quinta.engine.builds.requirements import read_requirements, with_defaults
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.threads import in_thread

_MODULE: Final = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What an operator decides about builds.

    ``pythons`` are interpreters to prefer; ``search_path`` has the form of PATH; pyenv's interpreters are looked for
    below ``home``. ``index_environment`` is the server's environment, or the part of it about package indexes (UV_*,
    PIP_*, SSL_CERT_*, proxies); what is not about them is not passed on. Memory in units of 2**20 bytes; it and
    ``processes`` are only limited where the machine has cgroups.
    """

    pythons: Sequence[Path] = ()
    search_path: str = "/usr/local/bin:/usr/bin:/bin"
    home: Path | None = None
    index_environment: Mapping[str, str] = field(default_factory=dict)
    limits: ArchiveLimits = DEFAULT_LIMITS
    time_limit_seconds: float = 1_800.0
    memory_megabytes: int = 4_096
    processes: int = 1_024


@dataclass(frozen=True, slots=True)
class BuiltPackage:
    """What instances run: the folders ``<packages root>/<package_digest>`` and
    ``<environments root>/<environment_digest>``, the module with the class ``Model`` (without ``.py``; "" of a
    project), and the version of the interpreter in the environment, such as ``3.8.18``."""

    package_digest: str
    environment_digest: str
    model_file: str
    interpreter_version: str


class PackageBuilder:
    """Builds archives. One object serves any number of builds at a time."""

    def __init__(self, packages: Path, environments: Path, sandbox: Sandbox, settings: BuildSettings) -> None:
        """``packages`` and ``environments`` are folders for this builder (and other servers on the same data) alone."""
        runner = StepRunner(sandbox, settings.memory_megabytes, settings.processes)
        index = IndexSettings.of(settings.index_environment)
        self._packages = PackageStore(packages, settings.limits)
        self._environments = EnvironmentStore(
            environments, runner, index, time_limit_seconds=settings.time_limit_seconds
        )
        self._settings = settings

    def remove_leftovers(self) -> list[str]:
        """Removes what a server that died was building; returns the names of the folders. Blocks."""
        return [*self._packages.remove_leftovers(), *self._environments.remove_leftovers()]

    async def interpreters(self) -> Interpreters:
        """The interpreters of this machine. The first call looks for them, for a second or so."""
        settings = self._settings
        return await in_thread(discover, settings.pythons, settings.search_path, settings.home)

    async def build(self, archive: Path, language: str, model_file: str, log: Callable[[str], None]) -> BuiltPackage:
        """Builds the zip ``archive`` for ``language`` (such as ``python3.7``).

        ``model_file`` names the module in the package's root that has the class ``Model``, with or without ``.py``
        (contract ubiops 4.2). ``log`` gets every line of the build's story, from the event loop's thread. A package
        and an environment with the same content are there once; building them again does no work.

        Raises PackageRejected or BuildFailed, both BuildError with a ``message`` for the uploader; nothing is left
        then, apart from a good package whose environment failed. Raises OSError when the server's disk refuses.
        """
        return await self._build(archive, language, _module_name(model_file), (), log)

    async def build_project(
        self, archive: Path, language: str, defaults: Sequence[str], log: Callable[[str], None]
    ) -> BuiltPackage:
        """As ``build``, of a project: all of the archive, whatever is in it, and an environment that has ``defaults``,
        lines of requirements, beside what the project's requirements.txt says."""
        return await self._build(archive, language, None, defaults, log)

    async def _build(
        self, archive: Path, language: str, module: str | None, defaults: Sequence[str], log: Callable[[str], None]
    ) -> BuiltPackage:
        package = await in_thread(self._packages.add, archive, module)
        _log_package(package, log)
        requirements = with_defaults(await in_thread(read_requirements, package.path), defaults)
        interpreter = (await self.interpreters()).nearest(language)
        log(_choice(language, interpreter))
        started = time.monotonic()
        environment = await self._environments.ensure(interpreter, requirements, package.path, package.digest, log)
        if environment.is_new:
            log(f"environment: made in {time.monotonic() - started:.1f} s")
        elif package.is_new:
            log("environment: already built for the same requirements")
        else:
            log("already built: a package and an environment with the same content are there")
        return BuiltPackage(package.digest, environment.digest, module or "", interpreter.version_text)


def _module_name(model_file: str) -> str:
    name = model_file.removesuffix(".py")
    if not _MODULE.fullmatch(name):
        raise PackageRejected(
            Reason.MODEL_FILE_INVALID,
            f"The model file {model_file!r} must be a Python module in the root of the package, such as 'model'.",
        )
    return name


def _log_package(package: StoredPackage, log: Callable[[str], None]) -> None:
    source = package.root or "the root of the archive"
    log(f"package: {package.files:,} files, {package.size:,} bytes, from {source}")


def _choice(language: str, interpreter: Interpreter) -> str:
    version = interpreter.version_text
    if version.rpartition(".")[0] == language.removeprefix("python"):
        return f"interpreter: CPython {version}"
    return f"interpreter: requested {language}; nearest here is {version}"
