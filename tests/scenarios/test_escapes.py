"""Every way out that a package may try, by name, with the refusal it must meet; and beside it what must go on working.

Each attempt says at which levels of protection it must fail: with everything the machine has ("best"), with bubblewrap
alone ("mounts": neither the filter of system calls nor Landlock), and without bubblewrap ("alone": Landlock and the
filter in the worker). docs/architecture/03-isolation.md explains the walls.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from quinta.core.reasons import Reason
from quinta.engine.sandbox.detection import detect
from quinta.engine.sandbox.processes import marked, scan
from quinta.engine.sandbox.sandbox import Limits, Sandbox
from tests.engine.supervisor.conftest import QUICK, environments, open_world
from tests.engine.supervisor.harness import World, until, version_of

__all__ = ["environments"]  # a fixture

LEVELS: dict[str, dict[str, bool]] = {
    "best": {},
    "mounts": {"use_seccomp": False, "use_landlock": False},
    "alone": {"use_bwrap": False},
}
EVERYWHERE = frozenset(LEVELS)
NAMESPACES = frozenset({"best", "mounts"})
FILTER = frozenset({"best", "alone"})
BEST = frozenset({"best"})

UNSEEN = {"ENOENT", "EACCES", "ENXIO", "EPERM"}
UNWRITABLE = {"EROFS", "EACCES", "EPERM", "ENOENT"}
NOT_PERMITTED = {"EPERM", "EACCES"}
NOBODY = {"ESRCH", "EPERM", "ENOENT"}
UNREACHED = {"ECONNREFUSED", "ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EACCES", "EPERM", "EHOSTUNREACH"}
NO_FAMILY = {"EAFNOSUPPORT", "EPERM", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT"}

SECRET = "of-the-server-only"
_ARM = platform.machine() == "aarch64"
POLICY = replace(QUICK, limits=Limits(temporary_bytes=8 << 20))


@dataclass(frozen=True)
class Attempt:
    """``call`` is what the package does; one of ``refusals`` (names of errno) is what it must get at ``levels``."""

    name: str
    call: dict[str, Any]
    refusals: set[str]
    levels: frozenset[str] = EVERYWHERE


@dataclass
class Victims:
    """What the attempts are aimed at: a server's folder, a process and listeners of its user, and another tenant."""

    data: Path
    process: int
    port: int
    port_6: int | None
    neighbour_box: Path
    neighbour_port: int
    environment: Path

    def attempts(self) -> list[Attempt]:
        return [
            *self._reading(),
            *self._processes(),
            *self._network(),
            *self._neighbour(),
            *self._writing(),
            *_becoming(),
            *_kernel(),
            *_exhausting(),
        ]

    def _reading(self) -> list[Attempt]:
        paths = {
            "the key that opens the secrets": self.data / "secrets.key",
            "the database": self.data / "quinta.db",
            "another tenant's file": self.neighbour_box / "work" / "own",
            "the server's record of an instance": self.neighbour_box.parent / "process.json",
            "password hashes": "/etc/shadow",
            "private keys": "/etc/ssl/private",
            "the server's sources": Path(__file__).parents[2] / "src" / "quinta" / "server.py",
            "the machine's memory": "/dev/mem",
            "the machine's disk": "/dev/vda",
            "the kernel's memory": "/proc/kcore",
            "the kernel's log": "/proc/kmsg",
            "files through process 1": "/proc/1/root/etc/shadow",
            "files through the victim's folder": f"/proc/{self.process}/cwd",
        }
        folders = {
            "the data folder": self.data,
            "all instances": self.neighbour_box.parents[1],
            "another tenant's folder": self.neighbour_box,
            "root's home": "/root",
            "/home": "/home",
            "/var": "/var",
            "/run": "/run",
            "/sys": "/sys",
            "cgroups": "/sys/fs/cgroup",
            "the machine's temporary files": self.data.parent,
        }
        # The environment lies below root's home or the temporary folder on some machines: its parents are passed then.
        seen = {str(folder) for folder in (self.environment, Path(os.path.realpath("/proc/self/exe")))}
        return [
            *(Attempt(f"read {name}", _do("read", str(path)), UNSEEN | {"EISDIR"}) for name, path in paths.items()),
            *(
                Attempt(f"list {name}", _do("listdir", str(path)), UNSEEN)
                for name, path in folders.items()
                if not any(below.startswith(f"{path}/") for below in seen)
            ),
        ]

    def _processes(self) -> list[Attempt]:
        victim = self.process
        numbers = (310, 270), (438, 438), (312, 272), (302, 261)
        read_memory, take_descriptor, compare, limits = (number[_ARM] for number in numbers)
        return [
            Attempt("see other processes", _do("others"), UNSEEN),
            Attempt("find a secret in an environment", _do("environments", SECRET), UNSEEN),
            Attempt("read the victim's environment", _do("read", f"/proc/{victim}/environ"), UNSEEN),
            Attempt("read process 1's environment", _do("read", "/proc/1/environ"), {"EACCES"}, FILTER),
            Attempt("read the victim's memory", _do("read", f"/proc/{victim}/mem"), UNSEEN),
            Attempt("read the victim's command line", _do("read", f"/proc/{victim}/cmdline"), UNSEEN),
            Attempt("list the victim's descriptors", _do("listdir", f"/proc/{victim}/fd"), UNSEEN),
            Attempt("signal the victim", _do("kill", victim), NOBODY),
            Attempt("signal everybody", _do("kill", -1), NOBODY, NAMESPACES),
            Attempt("signal the parent", _do("kill_parent"), NOBODY, FILTER),
            Attempt("signal the victim by a descriptor", _do("signal_by_pidfd", victim), NOBODY),
            Attempt("signal the victim's group", _do("kill", -victim), NOBODY),
            Attempt("trace the victim", _do("trace", _number(101, 117), 16, victim), NOBODY),
            Attempt("be traced", _do("trace", _number(101, 117), 0, 0), NOT_PERMITTED, FILTER),
            Attempt("read memory by a call", _do("read_memory", read_memory, victim), NOBODY),
            Attempt("take a descriptor", _do("system_call", take_descriptor, 0, 0, 0), NOT_PERMITTED, FILTER),
            Attempt("compare processes", _do("system_call", compare, victim, victim, 0, 0, 0), NOBODY),
            Attempt("set the victim's limits", _do("limits_of", limits, victim), NOBODY),
            Attempt("slow the victim down", _do("setpriority", 0, victim, 19), NOBODY, NAMESPACES),
        ]

    def _network(self) -> list[Attempt]:
        api = ["127.0.0.1", self.port]
        attempts = [
            Attempt("reach the API", _do("connect", "AF_INET", api), UNREACHED),
            Attempt("reach the API from nowhere", _do("connect", "AF_INET", ["0.0.0.0", self.port]), UNREACHED),
            Attempt("find a way out", _do("connect", "AF_INET", ["192.0.2.1", 9], "SOCK_DGRAM"), UNREACHED),
            Attempt("find a way out (IPv6)", _do("connect", "AF_INET6", ["2001:db8::1", 9], "SOCK_DGRAM"), UNREACHED),
            Attempt("ask for a name", _do("look_up", "quinta.invalid"), UNREACHED),
            Attempt("reach an abstract socket", _do("connect", "AF_UNIX", f"\0{SECRET}-{self.process}"), UNREACHED),
            Attempt("reach a Unix socket", _do("connect", "AF_UNIX", str(self.data / "socket")), UNSEEN, NAMESPACES),
            Attempt("raw socket", _do("any_socket", socket.AF_INET, socket.SOCK_RAW, 1), NO_FAMILY),
            Attempt("packet socket", _do("any_socket", socket.AF_PACKET, socket.SOCK_RAW, 3), NO_FAMILY),
            Attempt("machine socket", _do("any_socket", 40, 1, 0), NO_FAMILY, FILTER),
            Attempt("crypto socket", _do("any_socket", 38, 5, 0), NO_FAMILY, FILTER),
            Attempt("audit socket", _do("any_socket", socket.AF_NETLINK, 3, 9), NO_FAMILY, FILTER),
            Attempt("firewall socket", _do("any_socket", socket.AF_NETLINK, 3, 12), NO_FAMILY, FILTER),
        ]
        if self.port_6 is not None:
            attempts.append(
                Attempt("reach the API (IPv6)", _do("connect", "AF_INET6", ["::1", self.port_6]), UNREACHED)
            )
        return attempts

    def _neighbour(self) -> list[Attempt]:
        there = ["127.0.0.1", self.neighbour_port]
        keys = {"shared memory": (29, 194), "semaphores": (64, 190), "message queue": (68, 186)}
        return [
            Attempt("neighbour over loopback", _do("connect", "AF_INET", there), UNREACHED),
            Attempt("neighbour's abstract socket", _do("connect", "AF_UNIX", "\0quinta-escapes"), UNREACHED),
            Attempt("neighbour's /tmp", _do("read", "/tmp/quinta-escapes"), UNSEEN),
            Attempt("neighbour's /dev/shm", _do("read", "/dev/shm/quinta-escapes"), UNSEEN, NAMESPACES),
            *(
                Attempt(f"neighbour's {name}", _do("shared_memory", numbers[_ARM], 4711, 0), {"ENOENT", "EPERM"})
                for name, numbers in keys.items()
            ),
            Attempt("neighbour's POSIX queue", _do("queue", _number(240, 180), 0), {"ENOENT", "EPERM", "ENOSYS"}),
        ]

    def _writing(self) -> list[Attempt]:
        inside = {
            "the root": "/x",
            "/usr": "/usr/x",
            "/etc": "/etc/x",
            "devices": "/dev/x",
            "the core pattern": "/proc/sys/kernel/core_pattern",
            "the system request key": "/proc/sysrq-trigger",
            "its own chance to survive": "/proc/self/oom_score_adj",
            "the environment": str(self.environment / "x"),
            "the worker": "/opt/quinta/quinta/worker/x",
            "the package's original": "/opt/package/x",
            "cgroups": "/sys/fs/cgroup/x",
            "the data folder": str(self.data / "x"),
            "another tenant's folder": str(self.neighbour_box / "work" / "x"),
            "the database": str(self.data / "quinta.db"),
        }
        interpreter = str(self.environment / "pyvenv.cfg")
        return [
            *(Attempt(f"write to {name}", _do("append", path), UNWRITABLE) for name, path in inside.items()),
            Attempt("a hard link to what is read-only", _do("link", interpreter, "linked"), {"EXDEV", *UNWRITABLE}),
            Attempt("a device", _do("node", "device"), NOT_PERMITTED),
            Attempt("a set-user-id file by chmod", _do("set_id", "root-1", "chmod"), NOT_PERMITTED, FILTER),
            Attempt("a set-user-id file by open", _do("set_id", "root-2", "open"), NOT_PERMITTED, FILTER),
            Attempt(
                "change the environment's mode", _do("chmod", str(self.environment), 0o777), UNWRITABLE, NAMESPACES
            ),
        ]


def _becoming() -> list[Attempt]:
    """Other users, other namespaces, other roots."""
    flags = {"mount": 17, "cgroup": 25, "host name": 26, "IPC": 27, "user": 28, "process": 29, "network": 30}
    unshare, clone = _number(272, 97), _number(56, 220)
    user = frozenset({"best", "mounts"})
    return [
        Attempt("become root", _do("setuid", 0), {"EPERM", "EINVAL"}, user),
        Attempt("become root's group", _do("setgid", 0), {"EPERM", "EINVAL"}, user),
        Attempt("join groups", _do("setgroups", [0]), {"EPERM", "EINVAL"}, user),
        *(
            Attempt(f"a new {name} namespace", _do("system_call", unshare, 1 << bit), {"EPERM", "ENOSPC"})
            for name, bit in flags.items()
        ),
        Attempt(
            "a child in a new user namespace",
            _do("system_call", clone, 1 << 28 | 17, 0, 0, 0, 0),
            NOT_PERMITTED,
            FILTER,
        ),
        Attempt("clone3", _do("system_call", 435, 0, 0), {"ENOSYS"}, FILTER),
        Attempt("openat2", _do("system_call", 437, 0, b"x\0", 0, 0), {"ENOSYS"}, FILTER),
        Attempt("enter a namespace", _do("set_namespace", "net"), NOT_PERMITTED),
        Attempt("mount", _do("system_call", _number(165, 40), b"none\0", b"/tmp\0", b"tmpfs\0", 0, 0), NOT_PERMITTED),
        Attempt("unmount", _do("system_call", _number(166, 39), b"/proc\0", 0), NOT_PERMITTED | {"EINVAL"}),
        Attempt("pivot the root", _do("system_call", _number(155, 41), b"/tmp\0", b"/tmp\0"), NOT_PERMITTED),
        Attempt("change the root", _do("chroot", "/tmp"), NOT_PERMITTED),
        Attempt("copy a mount", _do("system_call", 428, -100, b"/\0", 1), NOT_PERMITTED),
        Attempt("open a file system", _do("system_call", 430, b"tmpfs\0", 0), NOT_PERMITTED),
        Attempt("change a mount", _do("system_call", 442, -100, b"/\0", 0, b"\0" * 32, 32), NOT_PERMITTED),
    ]


def _kernel() -> list[Attempt]:
    """Doors into the kernel and the machine."""
    calls: dict[str, tuple[tuple[int, int], tuple[Any, ...]]] = {
        "add a key": ((248, 217), (b"user\0", b"quinta\0", b"x\0", 1, -3)),
        "list keys": ((250, 219), (0, -3, 1)),
        "io_uring": ((425, 425), (8, b"\0" * 120)),
        "bpf": ((321, 280), (0, b"\0" * 64, 64)),
        "performance events": ((298, 241), (b"\0" * 120, 0, -1, -1, 0)),
        "userfaultfd": ((323, 282), (1,)),
        "handle of a file": ((303, 264), (-100, b"/\0", b"\0" * 64, b"\0" * 8, 0)),
        "open by handle": ((304, 265), (-100, b"\0" * 64, 0)),
        "watch all files": ((300, 262), (0, 0)),
        "take the kernel's log": ((103, 116), (3, b"\0" * 64, 64)),
    }
    machine: dict[str, tuple[tuple[int, int], tuple[Any, ...]]] = {
        "load a module": ((175, 105), (b"\0", 1, b"\0")),
        "load a module from a file": ((313, 273), (0, b"\0", 0)),
        "remove a module": ((176, 106), (b"quinta_none\0", 0)),
        "load another kernel": ((246, 104), (0, 0, 0, 0)),
        "set the clock": ((227, 112), (0, b"\0" * 16)),
        "adjust the clock": ((305, 266), (0, b"\1" + b"\0" * 300)),
        "rename the machine": ((170, 161), (b"x", 1)),
        "swap": ((167, 224), (b"/quinta-none\0", 0)),
        "restart": ((169, 142), (0, 0, 0, 0)),
        "account": ((163, 89), (b"/quinta-none\0",)),
        "disk quotas": ((179, 60), (0x800003 << 8, b"/dev/vda\0", 0, b"\0" * 64)),
    }
    refusals = {"EPERM", "EACCES", "ENOSYS", "ENODEV", "ENOENT", "ENOTBLK"}
    attempts = [Attempt(n, _do("system_call", _number(*c), *a), refusals, FILTER) for n, (c, a) in calls.items()]
    attempts += [Attempt(n, _do("system_call", _number(*c), *a), refusals) for n, (c, a) in machine.items()]
    no_terminal = {*NOT_PERMITTED, "ENOENT", "out of pty devices"}
    attempts += [
        Attempt("another personality", _do("system_call", _number(135, 92), 0x0040000), NOT_PERMITTED, FILTER),
        Attempt("type into a terminal", _do("insert_terminal_input"), no_terminal, FILTER),
    ]
    if not _ARM:
        relics = {"ports": (173, (0, 1, 1)), "all ports": (172, (3,)), "segments": (154, (0, b"\0" * 64, 64))}
        attempts += [Attempt(n, _do("system_call", c, *a), NOT_PERMITTED, FILTER) for n, (c, a) in relics.items()]
        attempts.append(Attempt("the x32 calls", _do("system_call", 0x40000000 | 39), {"ENOSYS"}))
    return attempts


def _exhausting() -> list[Attempt]:
    return [
        Attempt("a file without end", _do("beyond_file_size", "large", 8 << 30), {"EFBIG"}),
        Attempt("fill /tmp", _do("fill", "/tmp/large", 9 << 20), {"ENOSPC", "EACCES"}),
        Attempt("fill /dev/shm", _do("fill", "/dev/shm/large", 9 << 20), {"ENOSPC"}, NAMESPACES),
        Attempt("take all descriptors", _do("descriptors_without_end"), {"EMFILE"}),
    ]


def _do(name: str, *arguments: Any) -> dict[str, Any]:
    values = [{"bytes": a.decode("latin-1")} if isinstance(a, bytes) else a for a in arguments]
    return {"do": name, "with": values}


def _number(x86_64: int, aarch64: int) -> int:
    return aarch64 if _ARM else x86_64


TWINS: dict[str, tuple[dict[str, Any], object]] = {
    "files of its own": (_do("own_files", "."), 1),
    "children of its own": (_do("own_children"), -15),
    "a pool of processes": (_do("own_pool"), [1, 2, 3]),
    "shared memory of its own": (_do("own_shared_memory"), 7),
    "threads": (_do("own_threads"), 10),
    "an event loop with a child": (_do("own_event_loop"), "hello"),
    "anonymous memory": (_do("own_memory"), 1),
    "a Unix socket of its own": (_do("own_unix_socket", "socket"), "connected"),
    "an abstract socket of its own": (_do("own_abstract_socket"), "connected"),
    "the standard streams by name": (_do("own_output"), "said"),
    "the name of its user": (_do("own_name"), [True, True]),
    "another interpreter": (_do("run_python"), "42"),
    "a signal to itself": (_do("kill", 0), "could be signalled"),
}
TWINS_IN_NAMESPACES: dict[str, tuple[dict[str, Any], object]] = {
    "files in /tmp": (_do("own_files", "/tmp"), 1),
    "loopback of its own": (_do("own_loopback"), "hello"),
    # Its socket lies in the temporary folder, which without a /tmp of its own may have too long a name.
    "a manager process": (_do("own_manager"), {"x": 1}),
    "System V memory of its own": (_do("shared_memory", _number(29, 194), 0, 0o1600), None),
}


def _sandbox(level: str) -> Sandbox:
    sandbox = detect(**LEVELS[level])
    if level != "alone" and sandbox.bwrap is None:
        pytest.skip("needs bubblewrap")
    if level != "mounts" and not (sandbox.seccomp and sandbox.landlock):
        pytest.skip("needs seccomp and Landlock")
    return sandbox


@contextmanager
def _server(data: Path, process: int) -> Iterator[tuple[int, int | None]]:
    """What a server has: a folder with secrets, and listeners of every kind."""
    data.mkdir(mode=0o700)
    for name in ("secrets.key", "quinta.db"):
        (data / name).write_text(SECRET)
    with ExitStack() as stack:
        api = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port_6 = None
        if socket.has_ipv6:
            try:
                api_6 = stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
                port_6 = api_6.getsockname()[1]
            except OSError:
                port_6 = None  # this machine has no IPv6
        for address in (f"\0{SECRET}-{process}", os.path.relpath(data / "socket")):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
        yield api.getsockname()[1], port_6


@asynccontextmanager
async def _victim() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        "sleep", "3600", env={**os.environ, "SECRET": SECRET}, start_new_session=True
    )
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def _got(world: World, version: Any, call: dict[str, Any]) -> Any:
    outcome = await world.ask(version, call)
    assert outcome.success, (call, outcome)
    return json.loads(outcome.result or b"")["y"]


@pytest.mark.parametrize("level", LEVELS)
async def test_every_attempt_is_refused_and_its_twin_works(tmp_path: Path, environments: Path, level: str) -> None:
    sandbox = _sandbox(level)
    async with _victim() as process:
        with _server(tmp_path / "data", process) as (port, port_6):
            async with open_world(tmp_path, environments, sandbox, POLICY) as world:
                intruder = version_of("escapes", maximum_idle_seconds=300)
                neighbour = version_of("escapes", version_id="version-neighbour", project_id="project")
                await _got(world, neighbour, _do("write", "own"))
                (box,) = [path / "box" for path in (tmp_path / "instances").iterdir()]
                neighbour_port = await _prepare(world, neighbour)
                victims = Victims(
                    data=tmp_path / "data",
                    process=process,
                    port=port,
                    port_6=port_6,
                    neighbour_box=box,
                    neighbour_port=neighbour_port,
                    environment=environments / "environment",
                )
                await _only_its_own_descriptors(world, intruder)
                attempts = [attempt for attempt in victims.attempts() if level in attempt.levels]
                escaped = {}
                for attempt in attempts:
                    got = await _got(world, intruder, attempt.call)
                    if isinstance(got, dict) or got not in attempt.refusals:
                        escaped[attempt.name] = got
                assert escaped == {}
                assert len({attempt.name for attempt in attempts}) == len(attempts) >= 60
                twins = TWINS if level == "alone" else TWINS | TWINS_IN_NAMESPACES
                broken = {}
                for name, (call, wanted) in twins.items():
                    got = await _got(world, intruder, call)
                    if not isinstance(got, dict) or (got["got"] != wanted and wanted is not None):
                        broken[name] = got
                assert broken == {}
                assert world.pool("escapes").failures == 0
                await world.unharmed()


async def _prepare(world: World, neighbour: Any) -> int:
    """The other tenant leaves everything open that it can. Returns the port it listens on; 9 where it has none."""
    listening = await _got(world, neighbour, _do("listen", "AF_INET", ["127.0.0.1", 0]))
    for call in (
        _do("listen", "AF_UNIX", "\0quinta-escapes"),
        _do("write", "/tmp/quinta-escapes"),
        _do("write", "/dev/shm/quinta-escapes"),
        _do("shared_memory", _number(29, 194), 4711, 0o1666),
        _do("shared_memory", _number(64, 190), 4711, 0o1666),
        _do("queue", _number(240, 180), 0o102),
    ):
        await _got(world, neighbour, call)
    return int(listening["got"]) if isinstance(listening, dict) else 9


async def _only_its_own_descriptors(world: World, intruder: Any) -> None:
    """Nothing of the launcher's or the server's is open in an instance but what it is spoken to with."""
    got = await _got(world, intruder, _do("own_descriptors"))
    kinds = sorted(target.split(":")[0] for target in got["got"].values() if "/proc/" not in target)
    assert kinds == ["/dev/null", "pipe", "pipe", "pipe", "socket"], got


@pytest.mark.parametrize("level", LEVELS)
async def test_what_wants_to_outlive_its_instance_ends_with_it(tmp_path: Path, environments: Path, level: str) -> None:
    sandbox = _sandbox(level)
    async with open_world(tmp_path, environments, sandbox, POLICY) as world:
        before = set(scan())
        assert await _got(world, version_of("escapes"), _do("outlive")) == {"got": "started"}
        (instance,) = os.listdir(tmp_path / "instances")
        await until(lambda: len(set(scan()) - before) >= 4, "they run")
        await world.supervisor.retire("version-escapes", Reason.VERSION_DELETED)
        assert marked(instance) == []


async def test_with_the_machines_network_the_api_is_reached(tmp_path: Path, environments: Path) -> None:
    """The twin of every refusal that is the network namespace's."""
    sandbox = _sandbox("best")
    async with _victim() as process:
        with _server(tmp_path / "data", process) as (port, _):
            async with open_world(tmp_path, environments, sandbox, replace(POLICY, network=True)) as world:
                call = _do("connect", "AF_INET", ["127.0.0.1", port])
                assert await _got(world, version_of("escapes"), call) == {"got": "connected"}
                call = _do("connect", "AF_UNIX", f"\0{SECRET}-{process}")
                assert await _got(world, version_of("escapes"), call) in ("EPERM", {"got": "connected"})


@pytest.mark.parametrize("level", LEVELS)
async def test_forged_frames_end_the_instance_that_sends_them(tmp_path: Path, environments: Path, level: str) -> None:
    async with open_world(tmp_path, environments, _sandbox(level), POLICY) as world:
        for kind in ("garbage", "wrong id", "ready again", "start"):
            outcome = await world.ask("writes_to_protocol", kind)
            assert outcome.reason is Reason.PROTOCOL_BROKEN
            assert "broke the protocol" in (outcome.error_message or "")
        assert await world.value("writes_to_protocol", "nothing forged") == "nothing forged"
        await world.unharmed()
