"""The filter of system calls: interpreted here for every machine it knows, and given to the kernel of this one."""

from __future__ import annotations

import errno
import struct
import subprocess

import pytest

from quinta.engine.sandbox.detection import detect
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.sandbox.seccomp import is_known, program

ALLOW = 0x7FFF0000
KILL = 0x80000000
X86_64, AARCH64, I386 = 0xC000003E, 0xC00000B7, 0x40000003
ARCHITECTURES = {"x86_64": X86_64, "aarch64": AARCH64}


def refused(error: int) -> int:
    return 0x00050000 | error


def answer(code: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel would do: an interpreter for the seven instructions that the filter has."""
    words = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("=IIQ6Q", number, architecture, 0, *words)
    instructions = list(struct.iter_unpack("=HBBI", code))
    accumulator = at = 0
    while True:
        kind, if_true, if_false, operand = instructions[at]
        at += 1
        if kind == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif kind == 0x54:
            accumulator &= operand
        elif kind == 0x15:
            at += if_true if accumulator == operand else if_false
        elif kind == 0x35:
            at += if_true if accumulator >= operand else if_false
        elif kind == 0x05:
            at += operand
        else:
            assert kind == 0x06
            return int(operand)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("namespaces", [True, False])
@pytest.mark.parametrize("network", [True, False])
def test_what_is_denied_and_what_is_not(machine: str, namespaces: bool, network: bool) -> None:
    code = program(namespaces=namespaces, network=network, machine=machine)

    def ask(numbers: tuple[int, int], *arguments: int) -> int:
        return answer(code, ARCHITECTURES[machine], numbers[machine == "aarch64"], *arguments)

    no = refused(errno.EPERM)
    for name, numbers in {"ptrace": (101, 117), "mount": (165, 40), "bpf": (321, 280), "keyctl": (250, 219)}.items():
        assert ask(numbers) == no, name
    for name, numbers in {"io_uring": (425, 425), "last of the list": (212, 18), "unshare": (272, 97)}.items():
        assert ask(numbers) == no, name
    for name, numbers in {"read": (0, 63), "mmap": (9, 222), "futex": (202, 98), "seccomp": (317, 277)}.items():
        assert ask(numbers) == ALLOW, name
    clone, thread = (56, 220), 0x003D0F00
    assert ask(clone, thread) == ask(clone, 17) == ALLOW
    assert [ask(clone, 17 | 1 << bit) for bit in (17, 25, 26, 27, 28, 29, 30)] == [no] * 7
    assert ask((435, 435)) == ask((437, 437)) == refused(errno.ENOSYS)
    assert ask((16, 29), 0, 0x5413) == ALLOW
    assert ask((16, 29), 0, 0x5412) == ask((16, 29), 0, 1 << 32 | 0x5412) == ask((16, 29), 0, 0x541C) == no
    assert ask((135, 92), 0xFFFFFFFF) == ask((135, 92), 0) == ALLOW
    assert ask((135, 92), 0x0040000) == no
    chmod, openat = (268, 53), (257, 56)
    assert ask(chmod, 0, 0, 0o755) == ask(openat, 0, 0, 0, 0o4755) == ask(openat, 0, 0, 0o101, 0o644) == ALLOW
    assert ask(chmod, 0, 0, 0o4755) == ask(openat, 0, 0, 0o101, 0o4755) == ask(openat, 0, 0, 0o20200000, 0o2755) == no
    inet = ALLOW if namespaces or network else refused(errno.EAFNOSUPPORT)
    socket = (41, 198)
    assert [ask(socket, family, 1) for family in (1, 2, 10, 16)] == [ALLOW, inet, inet, inet]
    assert {ask(socket, family, 1) for family in (3, 17, 38, 40)} == {refused(errno.EAFNOSUPPORT)}
    assert ask(socket, 16, 3, 15) == refused(errno.EAFNOSUPPORT)
    for numbers in ((29, 194), (68, 186), (64, 190), (240, 180)):
        assert ask(numbers) == (ALLOW if namespaces else no)
    assert ask((302, 261), 0) == ALLOW
    assert ask((302, 261), 1) == (ALLOW if namespaces else no)


def test_calls_of_other_architectures_end_the_process() -> None:
    code = program(namespaces=True, network=True, machine="x86_64")
    assert answer(code, X86_64, 39) == ALLOW
    assert answer(code, I386, 20) == KILL
    assert answer(code, X86_64, 0x40000000 | 39) == refused(errno.ENOSYS)  # x32
    assert answer(program(namespaces=True, network=True, machine="aarch64"), X86_64, 39) == KILL
    assert is_known("aarch64")
    assert not is_known("riscv64")


def test_a_machine_without_a_filter_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    sandbox = detect(use_bwrap=False, use_cgroups=False)
    assert not sandbox.seccomp
    assert any("there is no filter for machines of the kind riscv64" in sentence for sentence in sandbox.missing)


def test_the_kernel_takes_it_at_whatever_descriptor_is_free() -> None:
    sandbox = detect()
    if sandbox.bwrap is None or not sandbox.seccomp:
        pytest.skip("needs bubblewrap and seccomp")
    for inherited in ((), (3,), (3, 4, 5, 6, 7, 8)):
        assert _filter_mode(sandbox, inherited) == "2"
    assert _filter_mode(detect(use_seccomp=False), ()) == "0"


def _filter_mode(sandbox: Sandbox, inherited: tuple[int, ...]) -> str:
    script = "grep ^Seccomp: /proc/self/status; ls -l /proc/self/fd | grep -c bpf"
    command = sandbox.command(
        ["/bin/sh", "-c", script],
        read_only={},
        writable={},
        network=False,
        environment={"PATH": "/usr/bin:/bin"},
        workdir="/",
        inherited=inherited,
    )
    said = subprocess.run(command, env={}, capture_output=True, text=True, timeout=30, check=False).stdout
    mode, filters_left_open = said.split()[1:]
    assert filters_left_open == "0"
    return mode
