"""The key of the door for sealed calls, and what comes in by it, on both databases (contract dq0 2.2, 2.3)."""

from __future__ import annotations

import asyncio
import itertools
from functools import partial
from pathlib import Path

import pytest

from quinta.core.access.device_keys import DeviceKey
from quinta.core.access.sealed_calls import SealedCalls, seal_server_key_again
from quinta.core.errors import NotAuthenticated, Unavailable
from quinta.core.scope import EVERYTHING
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from tests.clocks import NOON
from tests.core.account_scene import keyring
from tests.core.quarantine_scene import Scene, make_scene

OLD, NEW = "1a" * 32, "2b" * 32
NONCE = "0123456789abcdef" * 2


@pytest.fixture
async def scene(database: Database) -> Scene:
    return await make_scene(database)


def calls_of(scene: Scene, *keys: str) -> SealedCalls:
    return SealedCalls(scene.database, scene.clock, keyring(" ".join(keys) or OLD))


async def test_servers_at_once_agree_on_one_key(scene: Scene) -> None:
    numbers = itertools.count()
    made = [calls_of(scene).server_key(lambda: f"key {next(numbers)}") for _ in range(5)]
    assert len(set(await asyncio.gather(*made))) == 1


async def test_the_key_is_not_there_in_the_open_and_moves_to_a_new_keyring(scene: Scene) -> None:
    key = await calls_of(scene).server_key(lambda: "the private key")
    assert key == "the private key"
    with pytest.raises(Unavailable):
        await calls_of(scene, NEW).server_key(lambda: "another")
    assert await seal_server_key_again(scene.database, keyring(NEW)) == 1
    assert await seal_server_key_again(scene.database, keyring(f"{OLD} {NEW}")) == 0
    assert await calls_of(scene, NEW).server_key(lambda: "another") == key
    assert await seal_server_key_again(scene.database, keyring(NEW)) == 0


async def test_a_call_is_taken_once_whichever_server_it_reaches(scene: Scene) -> None:
    taken = await asyncio.gather(*(calls_of(scene).take(NONCE) for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in taken].count(NotAuthenticated) == 4
    await calls_of(scene).take(NONCE[::-1])


async def test_nonces_are_forgotten_when_their_time_would_be_refused(scene: Scene, tmp_path: Path) -> None:
    calls, housekeeping = calls_of(scene), Housekeeping(scene.database, open_objects(tmp_path.as_uri()), scene.clock)
    await calls.take(NONCE)
    scene.clock.move(seconds=300)
    await housekeeping.tidy()
    with pytest.raises(NotAuthenticated):
        await calls.take(NONCE)
    scene.clock.move(seconds=301)
    await housekeeping.tidy()
    await calls.take(NONCE)


async def test_who_may_speak_for_whom(scene: Scene) -> None:
    calls, ann, bob = calls_of(scene), await scene.person("ann"), await scene.person("bob")
    key = DeviceKey(new_id(), ann.user_id, "laptop", "ann's", NOON)
    async with scene.database.begin() as work:
        await work.of(DeviceKey, EVERYTHING).add(key)
    assert await calls.is_known("ann's")
    assert not await calls.is_known("bob's")
    await calls.require_device(ann, "ann's", "")
    await calls.require_device(ann, "ann's", " Ann@Example.com ")
    for refused in (
        partial(calls.require_device, bob, "ann's", ""),
        partial(calls.require_device, ann, "bob's", ""),
        partial(calls.require_device, ann, "ann's", bob.email),
    ):
        with pytest.raises(NotAuthenticated):
            await refused()
    async with scene.database.begin() as work:
        await work.of(DeviceKey, EVERYTHING).change(key.id, revoked_at=NOON)
    assert not await calls.is_known("ann's")
    with pytest.raises(NotAuthenticated):
        await calls.require_device(ann, "ann's", "")
