"""Takes away from this process, and from all that it starts, what the user's code has no need of (Landlock, seccomp).

Without a way back: done before the first line of the package runs. By ctypes, since the standard library has no other
way to the kernel here and the user's environment has no packages of ours.
"""

from __future__ import annotations

import os
import struct
from typing import Any, Dict

# linux/landlock.h. What of the file system can be restricted, and since which version of the interface.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHARACTER_DEVICE, _MAKE_BLOCK_DEVICE = 1 << 6, 1 << 11
_EVERYTHING_SINCE = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_TRUNCATE, _DEVICE_CONTROL = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_CONTROL
_NETWORK_SINCE, _BIND_AND_CONNECT_TCP = 4, 3
_SCOPES_SINCE, _ABSTRACT_SOCKETS_AND_SIGNALS = 6, 3

_ALLOWED = {
    "read": _EXECUTE | _READ_FILE | _READ_FOLDER,
    "use": _READ_FILE | _WRITE_FILE | _READ_FOLDER | _TRUNCATE | _DEVICE_CONTROL,
    "write": ~(_MAKE_CHARACTER_DEVICE | _MAKE_BLOCK_DEVICE),
    "unlisted": ~(_MAKE_CHARACTER_DEVICE | _MAKE_BLOCK_DEVICE | _READ_FOLDER),
}

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_ASK_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _SECCOMP_FILTER = 38, 22, 2


class ConfinementError(Exception):
    """The kernel refused a restriction that it had granted when the server tried it at its start."""


def confine(wanted: Dict[str, Any]) -> str:
    """Restricts this process as the Start message says; a warning for the log when it could not, else "".

    ``wanted`` holds the paths that stay allowed: ``read`` (and execute), ``use`` (read and write, make nothing),
    ``write``, ``unlisted`` (write, but see no names); ``tcp``, whether TCP stays allowed; ``filter``, a seccomp program
    in base64, or ""; and ``alone``, whether nothing else protects the machine. Nothing is done when it is empty.
    Raises ConfinementError when the kernel refuses, or when ``alone`` and the interpreter has no ctypes.
    """
    if not wanted:
        return ""
    try:
        import ctypes
    except ImportError:  # an interpreter that was built without libffi
        text = "this interpreter has no module ctypes: "
        if wanted["alone"]:
            raise ConfinementError(text + "nothing would confine the code") from None
        return text + "the code's file accesses are confined by mounts alone"
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: Any) -> int:
        result = int(getattr(libc, name)(*arguments))
        if result < 0:
            number = ctypes.get_errno()
            raise ConfinementError("the code cannot be confined: %s: %s" % (name, os.strerror(number)))
        return result

    long = ctypes.c_long
    call("prctl", _NO_NEW_PRIVILEGES, long(1), long(0), long(0), long(0))
    if "write" in wanted:
        _restrict_files(wanted, lambda number, *rest: call("syscall", long(number), *rest), ctypes)
    if wanted["filter"]:
        import binascii

        code = binascii.a2b_base64(wanted["filter"])
        instructions = ctypes.create_string_buffer(code, len(code))
        head = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(instructions)))
        call("prctl", _SET_SECCOMP, long(_SECCOMP_FILTER), head, long(0), long(0))
    return ""


def _restrict_files(wanted: Dict[str, Any], system_call: Any, ctypes: Any) -> None:
    """One ruleset: what is not allowed below is refused. Names of paths that do not exist are passed over."""
    long = ctypes.c_long
    version = system_call(_CREATE_RULESET, None, long(0), long(_ASK_VERSION))
    everything = sum(rights for since, rights in _EVERYTHING_SINCE if version >= since)
    network = _BIND_AND_CONNECT_TCP if version >= _NETWORK_SINCE and not wanted["tcp"] else 0
    scopes = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= _SCOPES_SINCE else 0
    attributes = struct.pack("=QQQ", everything, network, scopes)
    # Older kernels take the structure as it was then.
    size = 24 if version >= _SCOPES_SINCE else 16 if version >= _NETWORK_SINCE else 8
    ruleset = system_call(_CREATE_RULESET, attributes, long(size), long(0))
    try:
        for kind, allowed in _ALLOWED.items():
            for path in wanted[kind]:
                try:
                    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
                except OSError:
                    continue
                try:
                    rights = everything & allowed
                    if not os.path.isdir(path):
                        rights &= _ON_FILES
                    rule = struct.pack("=Qi", rights, descriptor)
                    system_call(_ADD_RULE, long(ruleset), long(_PATH_BENEATH), rule, long(0))
                finally:
                    os.close(descriptor)
        system_call(_RESTRICT_SELF, long(ruleset), long(0))
    finally:
        os.close(ruleset)
