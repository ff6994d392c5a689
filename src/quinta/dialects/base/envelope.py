"""Sealed calls: how a gateway and the quarantine speak past everybody between them (contract dq0 2.2, 2.3).

A message is signed by its sender (Ed25519, RFC 8032) and then sealed to its receiver (HPKE of RFC 9180 in base mode,
X25519, HKDF-SHA256, ChaCha20-Poly1305). The signature also covers who the message is for, so that nobody who opens one
can pass it on to another server as the sender's. A call brings a key of its own that its answer is sealed to, and the
answer is signed together with the call's nonce: it is an answer to no other call.

Whose the key is that signed a call, whether its time is near and whether its nonce is new, is for the receiver to say:
``open_call`` proves only that the call is as the holder of ``signer`` sent it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

MEDIA_TYPE = "application/octet-stream"
"""Of both directions."""
LARGEST_SEALED_BYTES = 64 * 2**20
"""Of a call or an answer; a deployed project is the largest (32 MiB)."""
MOST_SKEW_SECONDS = 120
"""How far a call's time may be from the receiver's, either way; a nonce is kept at least twice as long."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_CALL = b"quinta dq0 call 1"
_ANSWER = b"quinta dq0 answer 1"
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_LENGTH = struct.Struct(">I")
_NONCE = re.compile("[0-9a-f]{32}")


class EnvelopeRefused(Exception):
    """A sealed message that cannot be opened, is not as it was signed, or is not what it must be; the text says which,
    and never what is inside."""


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The server's: ``sealing`` (X25519) is what calls are sealed to, ``signing`` (Ed25519) what its answers are signed
    with; 32 bytes each."""

    sealing: bytes
    signing: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKeys:
        """Of ``text``; EnvelopeRefused when it is no such pair."""
        raw = _decoded(text, 2 * _KEY_BYTES, "a server's public key")
        return cls(raw[:_KEY_BYTES], raw[_KEY_BYTES:])

    @property
    def text(self) -> str:
        """Both in base64, as ``GET <prefix>/key`` answers them."""
        return _encoded(self.sealing + self.signing)

    @property
    def fingerprint(self) -> str:
        """What people compare: ``SHA256:`` and 43 characters, as OpenSSH writes it."""
        digest = hashlib.sha256(self.sealing + self.signing).digest()
        return f"SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}"


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The private halves; 32 bytes each."""

    sealing: bytes = field(repr=False)
    signing: bytes = field(repr=False)

    @classmethod
    def new(cls) -> ServerKeys:
        return cls(X25519PrivateKey.generate().private_bytes_raw(), Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> ServerKeys:
        """Of ``text``; EnvelopeRefused when it is no such pair."""
        raw = _decoded(text, 2 * _KEY_BYTES, "a server's private key")
        return cls(raw[:_KEY_BYTES], raw[_KEY_BYTES:])

    @property
    def text(self) -> str:
        """Both in base64, to be kept secret."""
        return _encoded(self.sealing + self.signing)

    @property
    def public(self) -> PublicKeys:
        return PublicKeys(_sealing(self.sealing).public_key().public_bytes_raw(), _verifying(self.signing))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What a person's gateway signs with: an Ed25519 private key of 32 bytes."""

    private: bytes = field(repr=False)

    @classmethod
    def new(cls) -> SigningKey:
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Of ``text``; EnvelopeRefused when it is none."""
        return cls(_decoded(text, _KEY_BYTES, "a signing key"))

    @property
    def text(self) -> str:
        """In base64, to be kept secret."""
        return _encoded(self.private)

    @property
    def public(self) -> str:
        """The public half in base64: what a server knows the device by."""
        return _encoded(_verifying(self.private))


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request as it is sealed.

    ``path`` begins with a slash and has no prefix of the server (``/data``); ``query`` is as in an address, without the
    question mark; names of ``headers`` are in lower case. ``time`` is in Unix seconds, ``nonce`` 32 hexadecimal digits
    that no other call has. ``user`` is the e-mail of who calls, as the gateway believes; ``device`` the UUID of its
    computer; ``signer`` the public key that signed, in base64; ``answer_key`` what the answer is sealed to.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    time: int
    nonce: str
    user: str
    device: str
    signer: str
    answer_key: str = field(repr=False)

    def is_near(self, now: float) -> bool:
        """Whether its time is within 120 s of ``now``, in Unix seconds."""
        return abs(self.time - now) <= MOST_SKEW_SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it is sealed; names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opener:
    """What opens the answer to one call: the private half of its ``answer_key``."""

    nonce: str
    server: PublicKeys
    private: bytes = field(repr=False)

    def open(self, data: bytes) -> Answer:
        """The answer in ``data``; EnvelopeRefused unless this server sealed it in answer to this call."""
        content, signature = _opened(data, self.private, _ANSWER)
        _verify(signature, self.server.signing, _signed(_ANSWER, self.nonce.encode(), content))
        head, body = _parted(content)
        return Answer(_integer(head, "status"), _texts(head, "headers"), body)


def seal_call(
    server: PublicKeys,
    key: SigningKey,
    *,
    method: str,
    path: str,
    time: float,
    device: str,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    user: str = "",
) -> tuple[bytes, Opener]:
    """A call as it goes over the wire, and what opens its answer; the parameters are those of ``Call``."""
    answer_key = X25519PrivateKey.generate()
    nonce = os.urandom(16).hex()
    head = {
        "method": method,
        "path": path,
        "query": query,
        "headers": dict(headers or {}),
        "time": int(time),
        "nonce": nonce,
        "user": user,
        "device": device,
        "signer": key.public,
        "answer_key": _encoded(answer_key.public_key().public_bytes_raw()),
    }
    content = _joined(head, body)
    signature = Ed25519PrivateKey.from_private_bytes(key.private).sign(_signed(_CALL, server.sealing, content))
    sealed = _SUITE.encrypt(content + signature, X25519PublicKey.from_public_bytes(server.sealing), _CALL)
    return sealed, Opener(nonce, server, answer_key.private_bytes_raw())


def open_call(data: bytes, keys: ServerKeys) -> Call:
    """The call in ``data``, as the holder of its ``signer`` sealed it to these ``keys``; EnvelopeRefused otherwise.

    Its time, its nonce and whose ``signer`` is are not checked here.
    """
    content, signature = _opened(data, keys.sealing, _CALL)
    head, body = _parted(content)
    signer = _text(head, "signer")
    public = keys.public
    _verify(signature, _decoded(signer, _KEY_BYTES, "the signer's key"), _signed(_CALL, public.sealing, content))
    nonce, path = _text(head, "nonce"), _text(head, "path")
    if not _NONCE.fullmatch(nonce):
        raise EnvelopeRefused("the sealed call's nonce is not 32 hexadecimal digits")
    if not path.startswith("/"):
        raise EnvelopeRefused("the sealed call's path does not begin with a slash")
    return Call(
        method=_text(head, "method"),
        path=path,
        query=_text(head, "query"),
        headers=_texts(head, "headers"),
        body=body,
        time=_integer(head, "time"),
        nonce=nonce,
        user=_text(head, "user"),
        device=_text(head, "device"),
        signer=signer,
        answer_key=_encoded(_decoded(_text(head, "answer_key"), _KEY_BYTES, "the key of the answer")),
    )


def seal_answer(answer: Answer, call: Call, keys: ServerKeys) -> bytes:
    """The ``answer`` to ``call`` as it goes over the wire; EnvelopeRefused where the call's key seals nothing."""
    content = _joined({"status": answer.status, "headers": dict(answer.headers)}, answer.body)
    message = _signed(_ANSWER, call.nonce.encode(), content)
    signature = Ed25519PrivateKey.from_private_bytes(keys.signing).sign(message)
    receiver = X25519PublicKey.from_public_bytes(base64.b64decode(call.answer_key))
    try:
        return _SUITE.encrypt(content + signature, receiver, _ANSWER)
    except ValueError:  # a point of low order, which would make the sealing key known to all
        raise EnvelopeRefused("the key of the answer is none that anything can be sealed to") from None


def _joined(head: Mapping[str, Any], body: bytes) -> bytes:
    text = json.dumps(head, separators=(",", ":")).encode()
    return _LENGTH.pack(len(text)) + text + body


def _parted(content: bytes) -> tuple[Mapping[str, Any], bytes]:
    if len(content) < _LENGTH.size:
        raise EnvelopeRefused("the sealed message is cut short")
    end = _LENGTH.size + _LENGTH.unpack_from(content)[0]
    try:
        head = json.loads(content[_LENGTH.size : end])
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or end > len(content):
        raise EnvelopeRefused("the sealed message has no head that can be read")
    return head, content[end:]


def _signed(kind: bytes, bound: bytes, content: bytes) -> bytes:
    """What a signature covers. ``kind`` and ``bound`` have fixed lengths for each kind, so that no two inputs meet."""
    return kind + b"\0" + bound + content


def _opened(data: bytes, private: bytes, kind: bytes) -> tuple[bytes, bytes]:
    """The content and its signature."""
    try:
        plain = _SUITE.decrypt(data, _sealing(private), kind)
    except (InvalidTag, ValueError):
        raise EnvelopeRefused("the sealed message cannot be opened with this key, or was changed on its way") from None
    if len(plain) < _SIGNATURE_BYTES:
        raise EnvelopeRefused("the sealed message is cut short")
    return plain[:-_SIGNATURE_BYTES], plain[-_SIGNATURE_BYTES:]


def _verify(signature: bytes, public: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise EnvelopeRefused("the sealed message is not signed by the key that it must be signed by") from None


def _sealing(private: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(private)


def _verifying(private: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _decoded(text: str, length: int, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != length:
        raise EnvelopeRefused(f"{what} is {length} bytes in base64")
    return raw


def _text(head: Mapping[str, Any], name: str) -> str:
    value = head.get(name)
    if not isinstance(value, str):
        raise EnvelopeRefused(f"the sealed message's {name} is no text")
    return value


def _integer(head: Mapping[str, Any], name: str) -> int:
    value = head.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise EnvelopeRefused(f"the sealed message's {name} is no whole number")
    return value


def _texts(head: Mapping[str, Any], name: str) -> Mapping[str, str]:
    value = head.get(name)
    if not isinstance(value, dict) or not all(isinstance(inner, str) for inner in value.values()):
        raise EnvelopeRefused(f"the sealed message's {name} are no texts by their names")
    return value
