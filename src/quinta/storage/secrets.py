"""Secrets sealed with AES-256-GCM by a keyring outside the database (decision 0011)."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from binascii import Error as EncodingError
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = "1"
_NONCE_BYTES = 12
_KEY = re.compile(r"[0-9a-fA-F]{64}")


class KeyringRefused(RuntimeError):
    """The keyring cannot be used as it is; the message says why, in one line for the operator, and holds no key."""


class SealedSecrets:
    """core.ports.Secrets with AES-256-GCM. ``load`` before the first use.

    A keyring is one key or more, each of 64 hexadecimal digits, apart by white space or commas. The last one seals, all
    of them open. It is ``given`` (the setting), else it is in the file ``path``, which is made when it is not there.

    What is stored is ``1.KEY.DATA``: the format, the first 8 hexadecimal digits of the SHA-256 of the key, and nonce
    (96 random bits) with ciphertext and tag in base64. The owner's id is the associated data, so that a secret which is
    copied to another row does not open there.
    """

    def __init__(self, path: Path, given: str | None) -> None:
        self._path = path
        self._given = given
        self._ciphers: dict[str, AESGCM] = {}
        self._newest = ""

    def load(self) -> None:
        """Reads the keyring, making a file with one new key where there is none. KeyringRefused when it is malformed,
        or a file that others than the server's user may read."""
        if self._given is not None:
            self._use(self._given, "QUINTA_SECRETS_KEY")
            return
        if not self._path.exists():
            _write_key(self._path)
        if self._path.stat().st_mode & 0o077:
            raise KeyringRefused(f"{self._path} may be read by other users: chmod 600 {self._path}")
        self._use(self._path.read_text(encoding="ascii", errors="replace"), str(self._path))

    def seal(self, text: str, owner_id: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        data = nonce + self._ciphers[self._newest].encrypt(nonce, text.encode(), owner_id.encode())
        return f"{_FORMAT}.{self._newest}.{base64.b64encode(data).decode()}"

    def open(self, sealed: str, owner_id: str) -> str | None:
        version, _, rest = sealed.partition(".")
        key, _, encoded = rest.partition(".")
        cipher = self._ciphers.get(key)
        if version != _FORMAT or cipher is None:
            return None
        try:
            data = base64.b64decode(encoded, validate=True)
            return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], owner_id.encode()).decode()
        except (InvalidTag, EncodingError, ValueError):
            return None

    def is_current(self, sealed: str) -> bool:
        return sealed.startswith(f"{_FORMAT}.{self._newest}.")

    def _use(self, keyring: str, where: str) -> None:
        keys = re.split(r"[\s,]+", keyring.strip())
        for position, key in enumerate(keys, start=1):
            if not _KEY.fullmatch(key):
                raise KeyringRefused(f"{where}: key {position} of {len(keys)} is not 64 hexadecimal digits")
            raw = bytes.fromhex(key)
            self._newest = hashlib.sha256(raw).hexdigest()[:8]
            self._ciphers[self._newest] = AESGCM(raw)


def _write_key(path: Path) -> None:
    """A new keyring, for the server's user only; whole or not there, also after a crash."""
    part = path.with_name(f"{path.name}.new")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
