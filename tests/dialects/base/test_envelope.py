"""Sealed calls: nobody but the two ends reads them, changes them, answers them or sends them again elsewhere."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from quinta.dialects.base.envelope import (
    Answer,
    Call,
    EnvelopeRefused,
    Opener,
    PublicKeys,
    ServerKeys,
    SigningKey,
    open_call,
    seal_answer,
    seal_call,
)

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
CALL = b"quinta dq0 call 1"
NOW = 1_790_000_000
SERVER = ServerKeys.new()
DEVICE = SigningKey.new()
ANSWER = Answer(200, {"content-type": "application/json"}, b'{"token": "t"}')


def sealed(server: PublicKeys = SERVER.public, key: SigningKey = DEVICE) -> tuple[bytes, Opener]:
    return seal_call(
        server,
        key,
        method="POST",
        path="/auth/login",
        query="page=1",
        headers={"content-type": "application/json"},
        body=b'{"password": "correct horse"}',
        time=NOW,
        user="ann@example.com",
        device="c0ffee",
    )


def opened() -> tuple[Call, Opener]:
    data, opener = sealed()
    return open_call(data, SERVER), opener


def test_a_call_and_its_answer_arrive_as_they_were_sent() -> None:
    call, opener = opened()
    assert (call.method, call.path, call.query, call.time) == ("POST", "/auth/login", "page=1", NOW)
    assert (call.headers, call.body) == ({"content-type": "application/json"}, b'{"password": "correct horse"}')
    assert (call.user, call.device, call.signer) == ("ann@example.com", "c0ffee", DEVICE.public)
    assert opener.open(seal_answer(ANSWER, call, SERVER)) == ANSWER


def test_nothing_of_a_call_can_be_read_on_the_way() -> None:
    call, _ = opened()
    for wire in (sealed()[0], seal_answer(ANSWER, call, SERVER)):
        for secret in (b"correct horse", b"login", b"ann@example.com", b"token", DEVICE.public.encode()):
            assert secret not in wire


def test_no_two_calls_look_alike() -> None:
    (first, _), (second, _) = sealed(), sealed()
    assert first[:32] != second[:32]
    assert open_call(first, SERVER).nonce != open_call(second, SERVER).nonce


def test_keys_survive_being_written_down() -> None:
    assert PublicKeys.parse(SERVER.public.text) == SERVER.public
    assert ServerKeys.parse(SERVER.text) == SERVER
    assert SigningKey.parse(DEVICE.text) == DEVICE
    assert SERVER.public.fingerprint.startswith("SHA256:")
    assert SERVER.public.fingerprint != ServerKeys.new().public.fingerprint


@pytest.mark.parametrize("text", ["", "no base64!", base64.b64encode(bytes(63)).decode(), "é"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(EnvelopeRefused, match="64 bytes in base64"):
        PublicKeys.parse(text)


def test_private_keys_are_not_shown() -> None:
    call, opener = opened()
    shown = repr((SERVER, DEVICE, call, opener))
    for secret in (SERVER.sealing, SERVER.signing, DEVICE.private, opener.private):
        assert repr(secret) not in shown
    assert "correct horse" not in shown


def test_any_change_on_the_way_is_noticed() -> None:
    call, opener = opened()
    data, answer = sealed()[0], seal_answer(ANSWER, call, SERVER)
    for place in (0, 31, 32, 40, len(data) // 2, len(data) - 1):
        with pytest.raises(EnvelopeRefused):
            open_call(flipped(data, place), SERVER)
    for place in (0, 32, len(answer) // 2, len(answer) - 1):
        with pytest.raises(EnvelopeRefused):
            opener.open(flipped(answer, place))


@pytest.mark.parametrize("length", [0, 1, 31, 32, 48, 60])
def test_a_message_that_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(EnvelopeRefused):
        open_call(sealed()[0][:length], SERVER)


def test_another_server_opens_nothing() -> None:
    with pytest.raises(EnvelopeRefused, match="cannot be opened with this key"):
        open_call(sealed()[0], ServerKeys.new())


def test_a_call_to_one_server_cannot_be_passed_on_to_another() -> None:
    """The first server opens it, and seals what it found, signature and all, to the second."""
    curious, other = ServerKeys.new(), ServerKeys.new()
    passed_on = resealed(sealed(curious.public)[0], curious, other.public)
    with pytest.raises(EnvelopeRefused, match="not signed by the key"):
        open_call(passed_on, other)
    assert open_call(resealed(sealed()[0], SERVER, SERVER.public), SERVER).body == opened()[0].body


def test_nobody_signs_with_the_name_of_anothers_key() -> None:
    """A call whose head names Ann's key, signed by Bob's."""
    anns, bobs = SigningKey.new(), SigningKey.new()
    plain = plaintext(sealed(key=bobs)[0], SERVER)
    claimed = plain.replace(bobs.public.encode(), anns.public.encode())
    assert claimed != plain
    with pytest.raises(EnvelopeRefused, match="not signed by the key"):
        open_call(sealed_to(claimed, SERVER.public), SERVER)


def test_an_answer_to_one_call_is_none_to_another() -> None:
    first, first_opener = opened()
    _, second_opener = opened()
    answer = seal_answer(ANSWER, first, SERVER)
    with pytest.raises(EnvelopeRefused):
        second_opener.open(answer)
    same_key = Opener(second_opener.nonce, SERVER.public, first_opener.private)
    with pytest.raises(EnvelopeRefused, match="not signed by the key"):
        same_key.open(answer)
    assert first_opener.open(answer) == ANSWER


def test_nobody_but_the_server_answers() -> None:
    call, opener = opened()
    impostor = ServerKeys(SERVER.sealing, ServerKeys.new().signing)
    with pytest.raises(EnvelopeRefused, match="not signed by the key"):
        opener.open(seal_answer(ANSWER, call, impostor))


@pytest.mark.parametrize(("seconds", "near"), [(0, True), (120, True), (-120, True), (121, False), (-121, False)])
def test_a_call_is_near_for_two_minutes(seconds: int, near: bool) -> None:
    assert opened()[0].is_near(NOW + seconds) is near


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"time":1790000000', b'"time":"17900000"'),
        (b'"path":"/auth', b'"path":".auth'),
        (b'"method":"POST"', b'"method":["PO"]'),
        (b'{"method"', b'["method"'),
    ],
)
def test_a_head_that_is_not_as_it_must_be_is_refused(before: bytes, after: bytes) -> None:
    """Even where the sender signed it: what opens it is strict."""
    plain = plaintext(sealed()[0], SERVER)
    content = plain[:-64].replace(before, after)
    assert len(content) == len(plain) - 64
    with pytest.raises(EnvelopeRefused):
        open_call(sealed_to(signed_again(content), SERVER.public), SERVER)
    assert open_call(sealed_to(signed_again(plain[:-64]), SERVER.public), SERVER).time == NOW


def test_an_answer_key_of_low_order_seals_nothing() -> None:
    call, _ = opened()
    plain = plaintext(sealed()[0], SERVER)
    key = open_call(sealed_to(plain, SERVER.public), SERVER).answer_key
    content = plain[:-64].replace(key.encode(), base64.b64encode(bytes(32)))
    weak = open_call(sealed_to(signed_again(content), SERVER.public), SERVER)
    with pytest.raises(EnvelopeRefused, match="key of the answer"):
        seal_answer(ANSWER, weak, SERVER)
    assert seal_answer(ANSWER, call, SERVER)


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def plaintext(data: bytes, keys: ServerKeys) -> bytes:
    return SUITE.decrypt(data, X25519PrivateKey.from_private_bytes(keys.sealing), CALL)


def sealed_to(plain: bytes, server: PublicKeys) -> bytes:
    return SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(server.sealing), CALL)


def resealed(data: bytes, keys: ServerKeys, server: PublicKeys) -> bytes:
    return sealed_to(plaintext(data, keys), server)


def signed_again(content: bytes) -> bytes:
    """``content`` with the device's own signature for SERVER, made as the format says."""
    key = Ed25519PrivateKey.from_private_bytes(DEVICE.private)
    return content + key.sign(CALL + b"\0" + SERVER.public.sealing + content)
