"""Makes one virtual environment with uv, step by step, each in the sandbox with the least it needs to see.

Wheels are only unpacked, so uv installs them with the cache that all builds share. A distribution without a wheel
brings a build script, which is a stranger's code: it runs in a second attempt that sees nothing but a private,
throw-away cache, or it could put changed files into other people's environments.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from quinta.core.reasons import Reason
from quinta.engine.builds.command import Step, StepRunner
from quinta.engine.builds.errors import BuildFailed
from quinta.engine.builds.folders import writable_copy
from quinta.engine.builds.index import IndexSettings
from quinta.engine.builds.interpreters import Interpreter
from quinta.engine.builds.requirements import REQUIREMENTS_FILE, Requirements
from quinta.engine.builds.uv_output import cause_of, explain, lacks_wheels, without_credentials
from quinta.engine.threads import in_thread

_UV_ENVIRONMENT: Final = {
    "UV_NO_CONFIG": "1",  # a uv.toml or pyproject.toml in the package has no say
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_PROGRESS": "1",
    "NO_COLOR": "1",
}
_SKELETON_CHARACTERS: Final = 1 << 20
_COMPILE_DEPTH: Final = "50"  # Python 3.8 goes 10 folders deep by itself
_SEEN_ANYWAY: Final = (Path("/"), Path("/usr"))


@dataclass(frozen=True, slots=True)
class Workshop:
    """The folders of one build: ``work`` is its own; ``shared`` holds all of them and the shared cache."""

    shared: Path
    work: Path

    @property
    def environment(self) -> Path:
        """What is being made."""
        return self.work / "environment"

    @property
    def package(self) -> Path:
        """A copy for builds of the package's own folders, which write next to their sources."""
        return self.work / "package"

    @property
    def variables(self) -> Path:
        return self.work / "variables"

    @property
    def requirements(self) -> Path:
        return self.work / REQUIREMENTS_FILE

    @property
    def constraints(self) -> Path:
        return self.work / "constraints.txt"

    @property
    def shared_cache(self) -> Path:
        return self.shared / "cache"

    @property
    def private_cache(self) -> Path:
        return self.work / "cache"


@dataclass(frozen=True, slots=True)
class Installer:
    """Makes the environment of ``interpreter`` in ``shop``; every line of output goes to ``log``."""

    runner: StepRunner
    index: IndexSettings
    interpreter: Interpreter
    shop: Workshop
    log: Callable[[str], None]

    async def install(self, requirements: Requirements, package: Path) -> None:
        """Leaves a complete environment in ``shop.environment``, with byte code for everything.

        ``package`` is the unpacked package, which requirements may name files of. Raises BuildFailed with the reason
        that uv gave.
        """
        self.shop.shared_cache.mkdir(exist_ok=True)
        self.shop.variables.touch(mode=0o600)
        self.shop.variables.write_text(self.index.shell_assignments())
        await self._uv("venv", "--no-project", "--relocatable", "--python", str(self.interpreter.path), self._target())
        if requirements.lines:
            skeleton = _skeleton(self.shop.environment)
            await self._install(requirements, package)
            # Before the folder is handed to anything else: it may have become a link to somewhere on the host.
            if _skeleton(self.shop.environment) != skeleton:
                raise BuildFailed(
                    Reason.REQUIREMENT_REFUSED,
                    "One of the requirements replaces the environment's own pyvenv.cfg or python; it cannot be used.",
                )
            await self._compile()

    async def _install(self, requirements: Requirements, package: Path) -> None:
        self.shop.requirements.write_text(requirements.text)
        if requirements.constraints:
            self.shop.constraints.write_text(requirements.constraints)
        if requirements.only_names:
            lines: list[str] = []
            if await self._attempt(["--only-binary", ":all:"], self.shop.shared_cache, self.shop.work, lines) == 0:
                return
            if not lacks_wheels(lines):
                raise BuildFailed(cause_of(lines), f"requirements.txt cannot be installed: {explain(lines)}.")
            self.log("not everything is there as a wheel: trying again with builds from source")
        await in_thread(writable_copy, package, self.shop.package)
        self.shop.private_cache.mkdir()
        lines = []
        if await self._attempt([], self.shop.private_cache, self.shop.package, lines) != 0:
            raise BuildFailed(cause_of(lines), f"requirements.txt cannot be installed: {explain(lines)}.")

    async def _attempt(self, options: Sequence[str], cache: Path, folder: Path, lines: list[str]) -> int:
        files = ["-r", str(self.shop.requirements)]
        if self.shop.constraints.is_file():
            files += ["-c", str(self.shop.constraints)]
        python = str(self.shop.environment / "bin" / "python")
        command = ["pip", "install", "--link-mode", "hardlink", "--cache-dir", str(cache), "--python", python]
        # A link cannot cross two mounts, so cache and environment have to be below one that is writable.
        shared = cache == self.shop.shared_cache
        step = Step(
            [find_uv_bin(), *command, *options, *files],
            folder=folder,
            read_only=[*self._tools(), *self.index.paths],
            writable=[self.shop.shared if shared else self.shop.work],
            network=True,
            environment=_UV_ENVIRONMENT,
            variables=self.shop.variables,
        )
        return await self.runner.run(step, self._into(lines))

    async def _uv(self, *arguments: str) -> None:
        lines: list[str] = []
        cache = ["--offline", "--quiet", "--cache-dir", str(self.shop.shared_cache)]
        step = Step(
            [find_uv_bin(), *cache, *arguments],
            folder=self.shop.work,
            read_only=self._tools(),
            writable=[self.shop.shared],
            environment=_UV_ENVIRONMENT,
        )
        if await self.runner.run(step, self._into(lines)) != 0:
            raise BuildFailed(cause_of(lines), f"The environment could not be made: {explain(lines)}.")

    async def _compile(self) -> None:
        """Byte code for all modules: the environment is read-only later, so without it every start would compile.

        By the interpreter itself, without ``site`` (-S) and without the cache in sight: uv's --compile-bytecode would
        run the ``.pth`` files of what was just installed. Folders named ``tests`` are left out: with numpy, pandas and
        scikit-learn they take half of 12 seconds, where byte code saves 8 seconds of 10 at each start. Files that do
        not compile are no reason to fail.
        """
        packages = f"lib/python{self.interpreter.version[0]}.{self.interpreter.version[1]}/site-packages"
        options = ["-q", "-q", "-j", "0", "-r", _COMPILE_DEPTH, "-x", "/tests/"]
        options += ["--invalidation-mode", "unchecked-hash"]
        step = Step(
            [str(self.interpreter.path), "-I", "-S", "-m", "compileall", *options, packages],
            folder=self.shop.environment,
            read_only=self._tools(),
            writable=[self.shop.environment],
        )
        await self.runner.run(step, self._into([]))

    def _target(self) -> str:
        return str(self.shop.environment)

    def _tools(self) -> list[Path]:
        return [Path(find_uv_bin()), *(prefix for prefix in self.interpreter.prefixes if prefix not in _SEEN_ANYWAY)]

    def _into(self, lines: list[str]) -> Callable[[str], None]:
        def take(line: str) -> None:
            # The host's paths mean nothing to the reader; what is left is relative to the work folder.
            lines.append(without_credentials(line).replace(f"{self.shop.work}/", ""))
            self.log(lines[-1])

        return take


def _skeleton(environment: Path) -> dict[str, str]:
    """What makes the folder an environment of its interpreter, and what instances are started by.

    A wheel may install files anywhere below the environment, and ``pyvenv.cfg`` and ``bin/python`` decide which
    folders of the host an instance gets to see.
    """
    names = ("", "bin", "bin/python", "bin/python3", "pyvenv.cfg")
    return {name: _content(environment / name) for name in names}


def _content(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return f"link to {path.readlink()}"
        if not stat.S_ISREG(mode):
            return f"kind {stat.S_IFMT(mode):o}"
        with path.open(errors="replace") as file:  # the code of a requirement can make gigabytes of nothing of it
            return file.read(_SKELETON_CHARACTERS)
    except FileNotFoundError:
        return "missing"
