"""The command line that starts a program with as little sight and power as this machine can arrange.

Layers, from outside in: a shell that sets rlimits and joins cgroups, then bubblewrap with its own user, process, IPC,
host-name and network namespaces, its own view of the file system and a filter of system calls. The worker adds Landlock
(confinement.py). docs/architecture/03-isolation.md says what each refuses.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final
from zlib import crc32

from quinta.engine.sandbox.cgroups import Cgroup, Cgroups
from quinta.engine.sandbox.seccomp import program

USER_ID: Final = 65534
_NICE: Final = "5"  # where no group shares the cores: a third of what the server gets of a core that both want
# Above every range that distributions, systemd and container engines give away, and below 2**31.
_FIRST_USER: Final = 2_000_000_000
_USERS_MASK: Final = (1 << 26) - 1

# The shell that starts the program: rlimits, cgroups (0 stands for the writer itself), then it becomes the program.
# $1 file size in blocks of 512 bytes, $2 open files, $3 data segment in KiB; $4 the file of the system call filter (or
# nothing) and $5 the descriptor to open it at; files of cgroups up to "--".
_LAUNCH: Final = (
    'umask 022; ulimit -c 0; ulimit -f "$1"; ulimit -n "$2"; ulimit -d "$3" || exit 125; '
    '[ -z "$4" ] || eval "exec $5<\\"\\$4\\"" || exit 125; shift 5; '
    'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; unset PWD OLDPWD; exec "$@"'
)

# Host files without which programs cannot look up names, check certificates, find libraries or tell the time.
# Not /etc/ssl as a whole: from a server run by root, /etc/ssl/private would be readable inside.
_SYSTEM_FILES: Final = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)
SYSTEM_FOLDERS: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a program in the sandbox, or of each of its processes, in bytes unless said otherwise.

    ``data_bytes`` is a backstop against a single process that allocates faster than anyone can watch; None leaves it
    open. ``temporary_bytes`` is the size of the private /tmp and of /dev/shm. ``scratch_bytes`` and ``scratch_files``
    are what an instance may keep in its folder on the server's disk; a quarter of it while less than
    ``disk_reserve_bytes`` of the disk are free. They are watched, by the supervisor (scratch.py).
    """

    file_bytes: int = 8 << 30
    open_files: int = 1024
    data_bytes: int | None = None
    temporary_bytes: int = 512 << 20
    scratch_bytes: int = 4 << 30
    scratch_files: int = 200_000
    disk_reserve_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Protection:
    """One wall between packages and the machine. ``lack`` is one sentence or two, when it does not stand: what is
    possible without it, why it is not there, what to do. Empty otherwise."""

    name: str
    works: bool
    lack: str = ""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What ``detection.detect`` found. ``bwrap`` is None when bubblewrap is missing or may not make namespaces.

    ``setpriv`` is there when the server is root and can give each program a user of its own.
    """

    protections: tuple[Protection, ...]
    bwrap: Path | None
    cgroups: Cgroups | None
    can_disable_user_namespaces: bool = False
    seccomp: bool = False
    landlock: bool = False
    setpriv: Path | None = None
    shell: str = "/bin/sh"
    system_paths: tuple[str, ...] = field(default_factory=lambda: _existing(_SYSTEM_FILES))

    @property
    def level(self) -> str:
        """The layers that work, joined by ``+``, from outside in."""
        layers = {
            "bwrap": self.bwrap,
            "seccomp": self.seccomp,
            "landlock": self.landlock,
            "users": self.setpriv,
            f"cgroup{self.cgroups.version if self.cgroups else ''}": self.cgroups,
            "rlimits": True,
        }
        return "+".join(name for name, works in layers.items() if works)

    @property
    def missing(self) -> tuple[str, ...]:
        """For each protection that this machine does not give, what that means and what to do."""
        return tuple(protection.lack for protection in self.protections if not protection.works)

    def user_of(self, name: str) -> int | None:
        """The user that the program ``name`` is to be run as, to the kernel too; None: the server's own, which is not
        root then or cannot be helped. Of 67 million; two programs that share one are apart by their namespaces."""
        return _FIRST_USER + (crc32(name.encode()) & _USERS_MASK) if self.setpriv else None

    def inside(self, host: Path, inside: str) -> str:
        """The path under which a program sees ``host`` that is mounted at ``inside``: the host's own path where
        there are no mounts, since bubblewrap is missing."""
        return inside if self.bwrap else str(host)

    def command(
        self,
        argv: Sequence[str],
        *,
        read_only: Mapping[Path, str],
        writable: Mapping[Path, str],
        network: bool,
        environment: Mapping[str, str],
        workdir: str,
        limits: Limits = Limits(),
        cgroup: Cgroup | None = None,
        inherited: Sequence[int] = (),
        user: int | None = None,
    ) -> list[str]:
        """The argument list that runs ``argv`` in the sandbox with ``workdir`` (a path inside) as its folder.

        ``read_only`` and ``writable`` map host paths to absolute paths inside; use ``inside()`` for these paths in
        ``argv``, ``environment`` and ``workdir``, so that they hold without bubblewrap too. Start the result with
        ``env={}`` (what the launcher gets is visible inside as /proc/1/environ); nothing of the server's own
        environment is passed on. ``environment`` becomes part of the command line, which other users of the host can
        read: no secrets in it. Extra file descriptors are ``inherited`` by their number (``pass_fds``).
        ``user`` is one from ``user_of``: what it shall write to must belong to it, what it reads be readable by all.

        Kill it through ``processes.kill_tree``; closing the server kills it as well (``--die-with-parent``).
        """
        filtered = self.bwrap is not None and self.seccomp
        descriptor = next(str(number) for number in range(3, 10) if number not in inherited)
        start = [self.shell, "-c", _LAUNCH, "quinta-sandbox", *_ulimits(limits)]
        start += [_filter_file() if filtered else "", descriptor]
        start += [str(folder / cgroup.entry) for folder in cgroup.folders] if cgroup else []
        start.append("--")
        if self.cgroups is None or "cpu" not in self.cgroups.parents:
            start += ["nice", "-n", _NICE]
        if self.bwrap is None:
            # /usr/bin/env is in every POSIX system; -i clears what the shell itself has set (PWD, OLDPWD).
            variables = [f"{name}={value}" for name, value in environment.items()]
            chdir = [self.shell, "-c", 'cd "$1" && shift && exec "$@"', "quinta-sandbox", workdir]
            return [*start, *chdir, "/usr/bin/env", "-i", *variables, *argv]
        start += [str(self.bwrap), *self._namespaces(network, user)]
        start += _parents([*self.system_paths, "/etc/passwd"], user)
        start += self._system_mounts(limits, user)
        start += _parents([*read_only.values(), *writable.values()], user)
        for option, mounts in (("--ro-bind", read_only), ("--bind", writable)):
            for host, inside in mounts.items():
                start += [option, str(host), inside]
        # The root and /dev are temporary file systems that the program's user owns: without size, so not writable.
        # And in /proc, what belongs to the host's root (as /proc/sys/kernel/core_pattern, which would run a program on
        # the host) is writable for the program of a server that root runs, capabilities or not.
        start += ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]
        start += ["--chdir", workdir, "--clearenv"]
        if filtered:
            start += ["--seccomp", descriptor]
        for name, value in environment.items():
            start += ["--setenv", name, value]
        return [*start, "--", *self._become(user), *argv]

    def _become(self, user: int | None) -> list[str]:
        if user is None:
            return []
        ids = ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
        return [str(self.setpriv), *ids, "--bounding-set=-all", "--inh-caps=-all", "--"]

    def _namespaces(self, network: bool, user: int | None) -> list[str]:
        options = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "quinta"]
        options += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        if user is None:
            options += ["--unshare-user", "--uid", str(USER_ID), "--gid", str(USER_ID)]
            options += ["--disable-userns"] if self.can_disable_user_namespaces else []
        else:  # A user namespace would make the program root's to the kernel. What setpriv needs, setpriv drops.
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                options += ["--cap-add", capability]
        if not network:
            options.append("--unshare-net")
        return options

    def _system_mounts(self, limits: Limits, user: int | None) -> list[str]:
        mode = [] if user is None else ["--perms", "1777"]
        sized = [*mode, "--size", str(limits.temporary_bytes), "--tmpfs"]
        options = ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
        options += [*sized, "/tmp", *sized, "/dev/shm"]
        for folder in map(Path, SYSTEM_FOLDERS):
            if folder.is_symlink():
                options += ["--symlink", str(folder.readlink()), str(folder)]
            elif folder.exists():
                options += ["--ro-bind", str(folder), str(folder)]
        for path in self.system_paths:
            options += ["--ro-bind", path, path]
        for name in ("passwd", "group"):
            options += ["--ro-bind", str(Path(__file__).with_name(name)), f"/etc/{name}"]
        return options


def _parents(paths: Iterable[str], user: int | None) -> list[str]:
    """Makes the folders above ``paths`` so that ``user`` may pass them: as bubblewrap makes them, only root may."""
    if user is None:
        return []
    folders = {str(folder) for path in paths for folder in Path(path).parents} - {"/", "/tmp", "/usr"}
    return [word for folder in sorted(folders) if not folder.startswith("/usr/") for word in ("--dir", folder)]


@cache
def _filter_file() -> str:
    """The filter in memory, under a path that the launching shell, a child of this process, can open. Each opening
    reads from the beginning; it is there as long as this process."""
    descriptor = os.memfd_create("quinta-seccomp", os.MFD_CLOEXEC)
    os.write(descriptor, program(namespaces=True, network=True))
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def _existing(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(path for path in paths if Path(path).exists())


def _ulimits(limits: Limits) -> list[str]:
    data = "unlimited" if limits.data_bytes is None else str(limits.data_bytes // 1024)
    return [str(limits.file_bytes // 512), str(limits.open_files), data]
