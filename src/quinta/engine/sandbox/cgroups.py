"""Control groups: exact limits on memory and on the number of processes, and fair shares of the cores.

Version 1 needs a writable group of each controller, version 2 a delegated subtree (systemd: ``Delegate=memory pids
cpu`` with ``DelegateSubgroup=server``). New groups are children (version 1) or siblings (version 2, which allows no
processes in an inner group) of the server's own, so limits that stand above the server hold for them too.

Cores are shared level by level: the server and all groups together, then tenants, which are equal, then the groups of a
tenant. Hence a group lies at ``quinta/<tenant>/quinta-<name>`` where there is a cpu controller.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CONTROLLERS: Final = ("memory", "pids", "cpu")
_NEEDED: Final = frozenset({"memory", "pids"})
_TENANTS: Final = "quinta"
# All groups together weigh as much as one thread of the server for each core: however many instances are busy, the
# server then gets 2/3 of a core where there are two, and more where there are more. Builds weigh a quarter of a tenant.
_WEIGHT_OF_ALL: Final = float(os.cpu_count() or 1)
_WEIGHT_OF_BUILDS: Final = 0.25
BUILDS: Final = "builds"
_MAKE_ATTEMPTS: Final = 5
# The tenant's last group has just been removed, and the tenant's with it: before it or a file in it was looked up, or
# after (ENODEV), or between two looks at whether it is there (EEXIST).
_REMOVED: Final = frozenset({errno.ENOENT, errno.ENODEV, errno.EEXIST})
_PREFIX: Final = "quinta-"
_ABANDONED_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One group for one instance or one build: a folder per controller, which may be the same folder, and the file in
    each by which a program of one thread moves itself there (0 stands for the writer)."""

    folders: tuple[Path, ...]
    entry: str = "cgroup.procs"

    def out_of_memory_kills(self) -> int:
        """How many processes of the group the kernel has killed because the group was over its memory."""
        for name in ("memory.events", "memory.oom_control"):
            for folder in self.folders:
                with contextlib.suppress(OSError):
                    for line in (folder / name).read_text().splitlines():
                        if line.startswith("oom_kill "):
                            return int(line.split()[1])
        return 0

    def resident_bytes(self) -> int | None:
        """Memory of the group that the kernel cannot take back: of its processes, pages that several share once, and
        of their temporary files. None when the group is gone."""
        found = self._read("memory.stat")
        if found is None:
            return None
        counts = dict(line.split() for line in found.splitlines())
        names = ("anon", "shmem") if "anon" in counts else ("total_rss", "total_shmem")
        return sum(int(counts.get(name, 0)) for name in names)

    def processor_seconds(self) -> float | None:
        """What its processes have used, also those that have ended. None when the group is gone, or on version 1
        where the controllers cpu and cpuacct are apart."""
        if (nanoseconds := self._read("cpuacct.usage")) is not None:
            return int(nanoseconds) / 1e9
        for line in (self._read("cpu.stat") or "").splitlines():
            if line.startswith("usage_usec "):
                return int(line.split()[1]) / 1e6
        return None

    def _read(self, name: str) -> str | None:
        for folder in self.folders:
            with contextlib.suppress(OSError):
                return (folder / name).read_text()
        return None

    def processes(self) -> set[int]:
        """Ids of the processes in the group; empty when the group is gone."""
        found: set[int] = set()
        for folder in self.folders:
            with contextlib.suppress(OSError):
                found.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
        return found

    def kill(self) -> None:
        """Kills every process in the group. What forks meanwhile is met by the next call."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def remove(self) -> bool:
        """Removes the group. False while processes are still in it."""
        for folder in self.folders:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False
            if folder.parents[1].name == _TENANTS:
                with contextlib.suppress(OSError):  # as a rule there are others of the tenant
                    folder.parent.rmdir()
        return True


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Where groups can be made: the version and the parent folder of each controller."""

    version: int
    parents: dict[str, Path]

    def create(self, name: str, tenant: str, *, memory_bytes: int, processes: int) -> Cgroup:
        """Makes the group ``name`` with its limits, sharing the cores as one of ``tenant``'s. Raises OSError when the
        kernel refuses."""
        folders = {kind: self._folder(kind, name, tenant) for kind in self.parents}
        # Version 1 lets a single thread in without holding up every fork of the machine: 2 ms a group, under load 5.
        group = Cgroup(tuple(dict.fromkeys(folders.values())), "tasks" if self.version == 1 else "cgroup.procs")
        try:
            for kind, folder in folders.items():
                self._make(self.parents[kind], folder)
            if "memory" in folders:
                _limit_memory(folders["memory"], memory_bytes, self.version)
            if "pids" in folders:
                (folders["pids"] / "pids.max").write_text(str(processes))
        except OSError:
            group.remove()
            raise
        return group

    def existing(self, name: str) -> Cgroup:
        """The handle of a group that an earlier server may have left; nothing is made."""
        group = f"{_PREFIX}{name}"
        parents = set(self.parents.values())
        tenants = [tenant for parent in parents for tenant in _inside(parent / _TENANTS)]
        found = [tenant / group for tenant in tenants if (tenant / group).is_dir()]
        return Cgroup((*found, *(parent / group for parent in parents)))

    def _folder(self, kind: str, name: str, tenant: str) -> Path:
        shared = "cpu" in self.parents if self.version == 2 else kind == "cpu"
        parent = self.parents[kind] / _TENANTS / tenant if shared else self.parents[kind]
        return parent / f"{_PREFIX}{name}"

    def _make(self, parent: Path, folder: Path) -> None:
        if folder.parent == parent:
            folder.mkdir(exist_ok=True)
            return
        for attempt in range(_MAKE_ATTEMPTS):
            try:
                for outer, weight in self._levels(parent, folder):
                    outer.mkdir(exist_ok=True)
                    self._weigh(outer, weight)
                folder.mkdir(exist_ok=True)
                return
            except OSError as error:
                if error.errno not in _REMOVED or attempt == _MAKE_ATTEMPTS - 1:
                    raise

    def _levels(self, parent: Path, folder: Path) -> list[tuple[Path, float]]:
        of_tenant = _WEIGHT_OF_BUILDS if folder.parent.name == BUILDS else 1.0
        return [(parent / _TENANTS, _WEIGHT_OF_ALL), (folder.parent, of_tenant)]

    def _weigh(self, folder: Path, weight: float) -> None:
        if self.version == 1:
            (folder / "cpu.shares").write_text(str(int(1024 * weight)))
        else:
            (folder / "cpu.weight").write_text(str(min(int(100 * weight), 10_000)))
            (folder / "cgroup.subtree_control").write_text(" ".join(f"+{kind}" for kind in self.parents))

    def sweep(self) -> None:
        """Removes groups that are empty and older than ten minutes: servers that were killed left them. A group gets
        its first process right after it is made, so a younger one may be another server's that is about to be used."""
        oldest = time.time() - _ABANDONED_SECONDS
        for parent in set(self.parents.values()):
            tenants = _inside(parent / _TENANTS)
            groups = [group for outer in (parent, *tenants) for group in _inside(outer)]
            for folder in (*(group for group in groups if group.name.startswith(_PREFIX)), *tenants):
                with contextlib.suppress(OSError):
                    if folder.stat().st_mtime < oldest:
                        folder.rmdir()  # the kernel refuses it when a process or another group is in the group


def _inside(parent: Path) -> list[Path]:
    """The groups in ``parent``; none when it is gone, as it may be at any time: other servers make and remove theirs
    in the same place (``Path.glob`` fails when a folder vanishes on its way)."""
    try:
        with os.scandir(parent) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def find_cgroups(process: Path = Path("/proc/self")) -> Cgroups | None:
    """Where this process may make groups with a memory limit, found by trying; None when it may not."""
    own = [line.split(":", 2) for line in (process / "cgroup").read_text().splitlines()]
    mounts = _mounts(process / "mountinfo")
    for version, parents in ((2, _version_2(own, mounts)), (1, _version_1(own, mounts))):
        if "memory" not in parents:
            continue
        for kinds in (parents, {kind: parent for kind, parent in parents.items() if kind != "cpu"}):
            found = Cgroups(version, kinds)
            try:
                found.create(f"trial-{os.getpid()}", "trial", memory_bytes=64 << 20, processes=16).remove()
            except OSError:
                continue
            return found
    return None


def _version_1(own: list[list[str]], mounts: dict[str, tuple[str, Path]]) -> dict[str, Path]:
    parents: dict[str, Path] = {}
    for _, controllers, path in own:
        for kind in _CONTROLLERS:
            if kind in controllers.split(",") and kind in mounts:
                parents[kind] = _below(mounts[kind], path)
    return parents


def _version_2(own: list[list[str]], mounts: dict[str, tuple[str, Path]]) -> dict[str, Path]:
    path = next((path for number, _, path in own if number == "0"), None)
    if path is None or "unified" not in mounts:
        return {}
    parent = _below(mounts["unified"], path).parent
    control = parent / "cgroup.subtree_control"
    try:
        for wanted in ({"cpu"}, _NEEDED):  # apart: a subtree may have been delegated without cpu
            if not wanted <= set(control.read_text().split()):
                with contextlib.suppress(OSError):
                    control.write_text(" ".join(f"+{kind}" for kind in sorted(wanted)))
        enabled = control.read_text().split()
    except OSError:
        return {}
    return {kind: parent for kind in _CONTROLLERS if kind in enabled}


def _mounts(mountinfo: Path) -> dict[str, tuple[str, Path]]:
    """Controller (or ``unified`` for version 2) to the root of its mount within the hierarchy and the mount point."""
    found = {}
    for line in mountinfo.read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2":
            found["unified"] = (root, Path(point))
        elif kind == "cgroup":
            found.update(dict.fromkeys(options.replace(" ", ",").split(","), (root, Path(point))))
    return found


def _below(mount: tuple[str, Path], path: str) -> Path:
    root, point = mount
    return point / os.path.relpath(path, root) if root != "/" else point / path.lstrip("/")


def _limit_memory(folder: Path, memory_bytes: int, version: int) -> None:
    """No swap beyond the limit either; kernels without swap accounting have no file for it."""
    if version == 2:
        limits = {"memory.max": memory_bytes, "memory.swap.max": 0}
    else:
        limits = {"memory.limit_in_bytes": memory_bytes, "memory.memsw.limit_in_bytes": memory_bytes}
    for index, (name, value) in enumerate(limits.items()):
        if index == 0 or (folder / name).exists():
            (folder / name).write_text(str(value))
