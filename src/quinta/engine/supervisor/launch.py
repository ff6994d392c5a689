"""What it takes to start an instance: its folder, its cgroup, its command line and its first message."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from errno import ENOENT
from pathlib import Path
from typing import Any, Final

from quinta.core.models.model import DataType, Field, RunnableVersion
from quinta.engine.sandbox.cgroups import Cgroup
from quinta.engine.sandbox.confinement import confinement
from quinta.engine.sandbox.processes import MARKER
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.supervisor.bytecode import WorkerBytecode
from quinta.engine.supervisor.folders import RESULTS, copy_package, give
from quinta.engine.supervisor.settings import EngineFolders, SupervisorPolicy
from quinta.wire.messages import MOUNT, Start, encode

# Where an instance finds things. BOX is one mount, so files pass between its folders by hard link.
_BOX: Final = "/quinta"
_PACKAGE: Final = "/opt/package"
_SOURCES: Final = "/opt/quinta"
_INPUTS: Final = "/opt/inputs"

_PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv[2]); from quinta.worker.{module} import main; del sys.path[0]; main()"
)
_SOURCE_ROOT: Final = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Prepared:
    """An instance that only needs to be spawned. ``first_frame`` is its Start message, ``blob_outputs`` the output
    fields that are files, ``user`` whom it runs as; None: as the server."""

    folder: Path
    box: Path
    cgroup: Cgroup | None
    command: list[str]
    first_frame: bytes
    blob_outputs: list[str]
    user: int | None


class Launcher:
    """Prepares instances in ``folders.instances``. Blocking: call it in a thread."""

    def __init__(self, folders: EngineFolders, sandbox: Sandbox, policy: SupervisorPolicy) -> None:
        self._folders = folders
        self._sandbox = sandbox
        self._policy = policy
        self._bytecode = WorkerBytecode(_SOURCE_ROOT / "quinta")

    def prepare(self, instance_id: str, version: RunnableVersion, socket: int) -> Prepared:
        """Makes the folder (``box/work`` and ``box/exchange``, for a job also folders.RESULTS), the cgroup and the
        command, whose socket has the number ``socket``. Raises OSError when the package or the environment is not there
        or the disk refuses, and WireError when the version's variables are larger than a message may be."""
        folder = self._folders.instances / instance_id
        box = folder / "box"
        for name in ("exchange", *(RESULTS if version.job else ())):
            (box / name).mkdir(parents=True)
        package = self._folders.packages / version.package_digest
        if not package.is_dir():
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(package))
        self._bytecode.prepare(self._folders.environments / version.environment_digest)
        copy_package(package, box / "work", self._sandbox.inside(package, _PACKAGE))
        cgroup = None
        if self._sandbox.cgroups is not None:
            cgroup = self._sandbox.cgroups.create(
                instance_id,
                version.project_id,
                memory_bytes=version.memory_megabytes << 20,
                processes=self._policy.maximum_processes,
            )
        user = self._sandbox.user_of(instance_id)
        mounts = self._mounts(version, package)
        if user is not None:
            give(box, user)
            accounts = folder / "passwd"
            accounts.write_text(f"quinta:x:{user}:{user}:quinta:/tmp:/usr/sbin/nologin\n")
            mounts[accounts] = "/etc/passwd"
        command = self._command(instance_id, version, box, mounts, cgroup, socket, user)
        start = self._start(version, box, mounts)
        return Prepared(folder, box, cgroup, command, encode(start), start.blob_outputs, user)

    def _mounts(self, version: RunnableVersion, package: Path) -> dict[Path, str]:
        """What the instance may read, as host paths and paths inside."""
        environment = self._folders.environments / version.environment_digest
        # An environment is found by its own path: scripts in it and its pyvenv.cfg name it.
        mounts = {environment: str(environment), package: _PACKAGE}
        mounts |= {prefix: str(prefix) for prefix in _interpreter_prefixes(environment)}
        if version.job is not None:
            mounts[version.job.inputs] = _INPUTS
            mounts |= {path: _mounted(name, path) for name, path in version.job.mounts.items()}
        return mounts | {_SOURCE_ROOT / "quinta" / room: f"{_SOURCES}/quinta/{room}" for room in ("wire", "worker")}

    def _command(
        self,
        instance_id: str,
        version: RunnableVersion,
        box: Path,
        mounts: dict[Path, str],
        cgroup: Cgroup | None,
        socket: int,
        user: int | None,
    ) -> list[str]:
        environment = self._folders.environments / version.environment_digest
        variables = {
            "PATH": f"{environment}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/tmp",
            "LANG": "C.UTF-8",
            "VIRTUAL_ENV": str(environment),
        }
        options = ["-I"]
        if self._sandbox.bwrap is None:
            # Without a /tmp of its own, and confined by itself: before that, nothing of the environment may run (-S).
            temporary = self._inside(box, "tmp")
            (box / "tmp").mkdir()
            variables |= {MARKER: instance_id, "HOME": temporary, "TMPDIR": temporary}
            options.append("-S")
        sources = self._sandbox.inside(_SOURCE_ROOT, _SOURCES)
        program = _PROGRAM.format(module="projects" if version.runs_command else "main")
        # Twice the allocation and some: interpreters reserve more than they use; this only stops what outruns the
        # watch or the kernel's own limit.
        limits = self._policy.limits
        data_bytes = (2 * version.memory_megabytes + 256) << 20
        return self._sandbox.command(
            [str(environment / "bin" / "python"), *options, "-c", program, str(socket), sources],
            read_only=mounts,
            writable={box: _BOX},
            network=self._network(version),
            environment=variables,
            workdir=self._inside(box, "work"),
            limits=replace(limits, data_bytes=data_bytes, file_bytes=min(limits.file_bytes, limits.scratch_bytes)),
            cgroup=cgroup,
            inherited=(socket,),
            user=user,
        )

    def _start(self, version: RunnableVersion, box: Path, mounts: dict[Path, str]) -> Start:
        counted = self._sandbox.cgroups is not None and "pids" in self._sandbox.cgroups.parents
        return Start(
            model_file=version.model_file,
            package=self._inside(box, "work"),
            exchange=self._inside(box, "exchange"),
            context=_context(version),
            variables=dict(version.environment_variables),
            # A job leaves files in its output folder instead.
            blob_outputs=[] if version.job else [f.name for f in version.output_fields if f.data_type is DataType.BLOB],
            # Without namespaces the limit would count all processes of the server's user, not those of the instance.
            maximum_processes=0 if counted or self._sandbox.bwrap is None else self._policy.maximum_processes,
            confinement=confinement(
                self._sandbox,
                read_only=[self._sandbox.inside(host, inside) for host, inside in mounts.items()],
                writable=[self._sandbox.inside(box, _BOX)],
                network=self._network(version),
            ),
            job=self._job(version, box),
        )

    def _job(self, version: RunnableVersion, box: Path) -> dict[str, str]:
        if version.job is None:
            return {}
        output, logs = (self._inside(box, name) for name in RESULTS)
        job = {"inputs": self._sandbox.inside(version.job.inputs, _INPUTS), "outputs": output, "logs": logs}
        mounts = version.job.mounts.items()
        return job | {MOUNT + name: self._sandbox.inside(path, _mounted(name, path)) for name, path in mounts}

    def _network(self, version: RunnableVersion) -> bool:
        return self._policy.network and not version.runs_command

    def _inside(self, box: Path, name: str) -> str:
        return self._sandbox.inside(box / name, f"{_BOX}/{name}")


def _mounted(name: str, path: Path) -> str:
    """Files keep their suffix, by which libraries tell what is in them."""
    return f"/opt/mounts/{name}{path.suffix if path.is_file() else ''}"


def _context(version: RunnableVersion) -> dict[str, Any]:
    """The argument ``context`` of the user's constructor (contract ubiops 4.3), but for the variables, which are in
    the same message already and which the worker adds."""
    return {
        "model": version.model_name,
        "version": version.version_name,
        "project": version.project_name,
        "input_type": version.input_type.value,
        "output_type": version.output_type.value,
        "input_fields": _fields(version.input_fields),
        "output_fields": _fields(version.output_fields),
        "language": version.language,
    }


def _fields(fields: tuple[Field, ...]) -> list[dict[str, str]]:
    return [{"name": field.name, "data_type": field.data_type.value} for field in fields]


def _interpreter_prefixes(environment: Path) -> list[Path]:
    """Installations that the environment's interpreter needs, apart from /usr, which every sandbox has."""
    found = {(environment / "bin" / "python").resolve(strict=True).parent.parent}
    for line in (environment / "pyvenv.cfg").read_text().splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "home":
            found.add(Path(value.strip()).parent)
    return sorted(prefix for prefix in found if prefix != Path("/") and not prefix.is_relative_to("/usr"))
