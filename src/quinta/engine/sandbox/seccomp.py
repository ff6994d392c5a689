"""The system calls that no model and no build needs, as a filter for the kernel (seccomp, classic BPF).

A list of what is denied and not of what is allowed: which calls numerical libraries make changes with each of their
releases, and a call that is new to the kernel is not yet in any list. What is denied is what escapes have been made of:
tracing, mounts, new namespaces, loading code into the kernel, keys of the kernel, setting clocks, set-user-id files.
Known by their numbers for x86_64 and aarch64; on other machines there is no filter, and ``detect`` says so.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

# Numbers on x86_64 and on aarch64 (linux: asm/unistd_64.h, asm-generic/unistd.h); None where there is no such call.
_NUMBERS: Final[dict[str, tuple[int | None, int | None]]] = {
    # other processes' memory and descriptors
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # mounts and roots
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # namespaces
    "unshare": (272, 97),
    "setns": (308, 268),
    # large doors into the kernel
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "memfd_secret": (447, 447),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # keys, which are counted by user and not by namespace
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # the machine itself
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "create_module": (174, None),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "get_kernel_syms": (177, None),
    "query_module": (178, None),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    # relics
    "nfsservctl": (180, 42),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "lookup_dcookie": (212, 18),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
}
# The same, of those that are denied for some arguments only, with an answer of their own, or without namespaces only.
_NUMBERS_OF_SOME: Final[dict[str, tuple[int | None, int | None]]] = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "socket": (41, 198),
    "ioctl": (16, 29),
    "personality": (135, 92),
    "prctl": (157, 167),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "creat": (85, None),
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "prlimit64": (302, 261),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}
_NO_NAMESPACES: Final = ("shmget", "msgget", "semget", "mq_open", "mq_unlink")

_X86_64: Final = 0xC000003E
_AARCH64: Final = 0xC00000B7
_ARCHITECTURES: Final = {"x86_64": (0, _X86_64), "aarch64": (1, _AARCH64)}
_X32_BIT: Final = 0x40000000

_NEW_NAMESPACES: Final = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_SET_ID_BITS: Final = 0o6000
_CREATES: Final = 0o100 | 0o20000000  # O_CREAT, O_TMPFILE: only then does open take a mode
_SET_DUMPABLE: Final = 4
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_PERSONALITY_QUERY: Final = 0xFFFFFFFF

# BPF instructions: code, jump if true, jump if false, operand.
_LOAD, _AND, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x05, 0x06
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000
_KILL: Final = 0x80000000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16


class _Instruction(NamedTuple):
    code: int
    if_true: int
    if_false: int
    operand: int


@dataclass(frozen=True, slots=True)
class _Condition:
    """``argument & mask`` is (or, not ``equal``, is not) ``value``. Of an argument's 64 bits the lower 32 are looked
    at: the kernel takes no more of those that are asked for here."""

    argument: int
    value: int
    mask: int = 0xFFFFFFFF
    equal: bool = True


@dataclass(frozen=True, slots=True)
class _Denial:
    """A call that is answered with ``error`` when all ``conditions`` hold."""

    call: str
    error: int
    conditions: tuple[_Condition, ...] = ()


def is_known(machine: str | None = None) -> bool:
    """Whether there is a filter for this machine (or ``machine``, in the words of uname)."""
    return (machine or platform.machine()) in _ARCHITECTURES


def program(*, namespaces: bool, network: bool, machine: str | None = None) -> bytes:
    """The filter, in the form of ``bwrap --seccomp`` and of ``struct sock_filter[]``.

    Without ``namespaces`` of its own (no bubblewrap) a process is denied more: the machine's System V and POSIX queues
    and shared memory, other processes' limits, and without ``network`` every socket but those of the Unix family.
    Raises KeyError for a machine that is not known.
    """
    column, architecture = _ARCHITECTURES[machine or platform.machine()]
    always = [numbers[column] for numbers in _NUMBERS.values()]
    instructions = [
        _Instruction(_LOAD, 0, 0, _ARCHITECTURE_AT),
        _Instruction(_JUMP_EQUAL, 1, 0, architecture),
        _Instruction(_RETURN, 0, 0, _KILL),  # calls of another architecture have other numbers
        _Instruction(_LOAD, 0, 0, _NUMBER_AT),
    ]
    if architecture == _X86_64:
        instructions += [_Instruction(_JUMP_AT_LEAST, 0, 1, _X32_BIT), _refuse(errno.ENOSYS)]
    instructions += _any_of([number for number in always if number is not None])
    for denial in _denials(namespaces, network):
        number = _NUMBERS_OF_SOME[denial.call][column]
        if number is not None:
            instructions += _unless(number, denial)
    instructions.append(_Instruction(_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _denials(namespaces: bool, network: bool) -> list[_Denial]:
    denied = [
        _Denial("clone", errno.EPERM, (_Condition(0, 0, _NEW_NAMESPACES, equal=False),)),
        # Its flags lie in memory, where no filter can look: C libraries then fall back to clone.
        _Denial("clone3", errno.ENOSYS),
        _Denial("ioctl", errno.EPERM, (_Condition(1, _TIOCSTI),)),
        _Denial("ioctl", errno.EPERM, (_Condition(1, _TIOCLINUX),)),
        _Denial("personality", errno.EPERM, (_other(0, 0), _other(0, _PERSONALITY_QUERY))),
        # A process that cannot be looked at could hide what it holds on the disk.
        _Denial("prctl", errno.EPERM, (_Condition(0, _SET_DUMPABLE), _Condition(1, 0))),
        *_set_id_files(),
    ]
    families = (_UNIX, _INET, _INET6, _NETLINK) if namespaces or network else (_UNIX,)
    denied.append(_Denial("socket", errno.EAFNOSUPPORT, tuple(_other(0, family) for family in families)))
    # Of netlink only what lists addresses and routes (protocol 0), which name look-ups ask.
    denied.append(_Denial("socket", errno.EAFNOSUPPORT, (_Condition(0, _NETLINK), _other(2, 0))))
    if not namespaces:
        denied += [_Denial(call, errno.EPERM) for call in _NO_NAMESPACES]
        denied.append(_Denial("prlimit64", errno.EPERM, (_other(0, 0),)))
    return denied


def _set_id_files() -> list[_Denial]:
    """A file that would run as its owner: of a server that root runs, that owner is root on the host."""

    def with_mode(argument: int) -> _Condition:
        return _Condition(argument, 0, _SET_ID_BITS, equal=False)

    def creating(argument: int) -> _Condition:
        return _Condition(argument, 0, _CREATES, equal=False)

    modes = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2}
    return [
        *(_Denial(call, errno.EPERM, (with_mode(argument),)) for call, argument in modes.items()),
        _Denial("open", errno.EPERM, (creating(1), with_mode(2))),
        _Denial("openat", errno.EPERM, (creating(2), with_mode(3))),
        _Denial("openat2", errno.ENOSYS),  # its mode lies in memory, as clone3's flags do
    ]


def _other(argument: int, value: int) -> _Condition:
    return _Condition(argument, value, equal=False)


def _refuse(error: int) -> _Instruction:
    return _Instruction(_RETURN, 0, 0, _ERROR | error)


def _any_of(numbers: Sequence[int]) -> list[_Instruction]:
    """Refuses each of ``numbers``: a chain of comparisons that all jump to one return behind it."""
    chain = [_Instruction(_JUMP_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    return [*chain, _Instruction(_JUMP, 0, 0, 1), _refuse(errno.EPERM)]


def _unless(number: int, denial: _Denial) -> list[_Instruction]:
    """Refuses ``number`` when the conditions hold. The call's number is loaded before and after."""
    tests: list[tuple[list[_Instruction], _Condition]] = []
    for condition in denial.conditions:
        load = [_Instruction(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * condition.argument)]
        if condition.mask != 0xFFFFFFFF:
            load.append(_Instruction(_AND, 0, 0, condition.mask))
        tests.append((load, condition))
    body: list[_Instruction] = [_refuse(denial.error)]
    for load, condition in reversed(tests):
        away = len(body)  # over the rest, to where the number is loaded again
        jumps = (0, away) if condition.equal else (away, 0)
        body = [*load, _Instruction(_JUMP_EQUAL, *jumps, condition.value), *body]
    if denial.conditions:
        body.append(_Instruction(_LOAD, 0, 0, _NUMBER_AT))
    return [_Instruction(_JUMP_EQUAL, 0, len(body), number), *body]
