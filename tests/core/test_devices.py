"""Programs that are let in by a person on another device: at most once, for 15 minutes, by whoever has the password."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.core.access.devices import (
    LONGEST_CLIENT_NAME,
    MOST_STARTED,
    DeviceGrant,
    PollAnswer,
    PollStatus,
    StartedGrant,
    printable_name,
)
from quinta.core.access.sign_in import HOUR
from quinta.core.errors import NotAuthenticated, NotFound, StateConflict, TooManyRequests
from quinta.core.events import EventName
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import KeyKind, User
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from tests.core.account_scene import EMAIL, HERE, PASSWORD, Scene, make_scene

PROGRAM = "brainstem-python"


@pytest.fixture
async def scene(database: Database) -> Scene:
    return await make_scene(database)


async def start(scene: Scene, name: str = PROGRAM) -> StartedGrant:
    return await scene.devices.start(name, HERE)


async def decide(scene: Scene, started: StartedGrant, *, approve: bool = True, password: str = PASSWORD) -> None:
    session = started.grant.session
    await scene.devices.decide(session, approve=approve, email=EMAIL, password=password, address=HERE)


async def poll(scene: Scene, started: StartedGrant) -> PollAnswer:
    return await scene.devices.poll(started.device_code)


async def test_an_approved_program_gets_a_key_of_its_own_for_a_year(scene: Scene) -> None:
    started = await start(scene)
    assert re.fullmatch(r"[B-DF-HJKMNP-TV-XZ]{4}-[0-9]{4}", started.grant.user_code)
    assert await poll(scene, started) == PollAnswer(PollStatus.PENDING)
    await decide(scene, started)
    answer = await poll(scene, started)
    assert answer.status is PollStatus.SUCCESS
    assert await scene.who(str(answer.token)) == EMAIL
    (key,) = await scene.keys()
    assert (key.kind, key.name) == (KeyKind.API, f"{PROGRAM} on 2026-03-28")
    assert key.expires_at == scene.clock.now() + timedelta(days=365)
    assert await poll(scene, started) == PollAnswer(PollStatus.USED)
    (event,) = scene.events
    assert (event.name, event.subject_id, event.actor_id) == (EventName.KEY_CREATED, key.id, scene.ann.id)
    async with scene.database.read() as work:
        (grant,) = await work.of(DeviceGrant, EVERYTHING).find()
    assert started.device_code not in str(grant)


async def test_its_key_is_none_of_a_session(scene: Scene) -> None:
    started = await start(scene)
    await decide(scene, started)
    token = str((await poll(scene, started)).token)
    with pytest.raises(NotAuthenticated):
        await scene.sign_in.refresh(token, HOUR)
    await scene.change_password()
    assert await scene.who(token) == EMAIL


async def test_the_token_is_told_to_one_of_many_who_ask_at_once(scene: Scene) -> None:
    started = await start(scene)
    await decide(scene, started)
    answers = await asyncio.gather(*[poll(scene, started) for _ in range(5)])
    assert Counter(answer.status for answer in answers) == {PollStatus.SUCCESS: 1, PollStatus.USED: 4}
    assert len(await scene.keys()) == 1


async def test_a_denied_program_is_told_so(scene: Scene) -> None:
    started, other = await start(scene), await start(scene)
    await decide(scene, started, approve=False)
    assert await poll(scene, started) == PollAnswer(PollStatus.DENIED)
    assert await poll(scene, other) == PollAnswer(PollStatus.PENDING)
    assert await scene.keys() == []


@pytest.mark.parametrize("first", [True, False])
async def test_what_is_decided_stays_decided(scene: Scene, first: bool) -> None:
    started = await start(scene)
    await decide(scene, started, approve=first)
    for approve in (True, False):
        with pytest.raises(StateConflict, match="approved already" if first else "denied already"):
            await decide(scene, started, approve=approve)
    assert (await poll(scene, started)).status is (PollStatus.SUCCESS if first else PollStatus.DENIED)


async def test_of_two_decisions_at_once_one_holds(scene: Scene) -> None:
    started = await start(scene)
    ends = await asyncio.gather(
        *[decide(scene, started, approve=approve) for approve in (True, False)], return_exceptions=True
    )
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "StateConflict"]
    held = PollStatus.SUCCESS if ends[0] is None else PollStatus.DENIED
    assert (await poll(scene, started)).status is held


@pytest.mark.parametrize("approved", [True, False])
async def test_a_grant_ends_after_fifteen_minutes(scene: Scene, approved: bool) -> None:
    started, taken = await start(scene), await start(scene)
    for grant in (taken, *([started] if approved else [])):
        await decide(scene, grant)
    await poll(scene, taken)
    scene.clock.move(minutes=14, seconds=59)
    if not approved:
        assert (await scene.devices.find(started.grant.session)).id == started.grant.id
        assert await poll(scene, started) == PollAnswer(PollStatus.PENDING)
    scene.clock.move(seconds=1)
    assert await poll(scene, started) == PollAnswer(PollStatus.EXPIRED)
    assert await poll(scene, taken) == PollAnswer(PollStatus.USED)
    with pytest.raises(NotFound):
        await decide(scene, started)
    assert await scene.devices.poll("0" * 40) == PollAnswer(PollStatus.EXPIRED)


async def test_a_wrong_password_decides_nothing_and_is_counted(scene: Scene) -> None:
    started = await start(scene)
    for _ in range(10):
        with pytest.raises(NotAuthenticated):
            await decide(scene, started, password="wrong")
    with pytest.raises(TooManyRequests) as throttled:
        await decide(scene, started)
    assert 0 < (throttled.value.wait_seconds or 0) <= 301
    with pytest.raises(TooManyRequests):  # the same count as at any other door
        await scene.token()
    assert await poll(scene, started) == PollAnswer(PollStatus.PENDING)


async def test_people_find_it_by_what_they_type(scene: Scene) -> None:
    started, _ = await start(scene), await start(scene)
    code = started.grant.user_code
    for typed in (code, code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')} ", started.grant.session):
        assert await scene.devices.find(typed) == started.grant
    for typed in (
        "",
        "-",
        code[:-1],
        started.grant.id,
        started.device_code,
        started.grant.digest,
        "%",
        "ÀÀÀÀ-1234",
        "\0",
    ):
        with pytest.raises(NotFound):
            await scene.devices.find(typed)


async def test_an_account_that_is_closed_meanwhile_lets_nobody_in(scene: Scene) -> None:
    inactive, deleted = await start(scene), await start(scene)
    for started in (inactive, deleted):
        await decide(scene, started)
    await scene.set_active(active=False)
    assert await poll(scene, inactive) == PollAnswer(PollStatus.DENIED)
    async with scene.database.begin() as work:
        await work.of(User, EVERYTHING).remove(id=scene.ann.id)
    assert await poll(scene, deleted) == PollAnswer(PollStatus.EXPIRED)


async def test_an_address_starts_so_many_and_no_more(scene: Scene) -> None:
    for _ in range(MOST_STARTED):
        await start(scene)
    with pytest.raises(TooManyRequests) as throttled:
        await start(scene)
    assert 0 < (throttled.value.wait_seconds or 0) <= 901
    await scene.devices.start(PROGRAM, "127.0.0.2")


async def test_old_grants_go(scene: Scene, tmp_path: Path) -> None:
    await start(scene)
    scene.clock.move(days=1, minutes=14)
    kept = await start(scene)
    housekeeping = Housekeeping(scene.database, open_objects(tmp_path.as_uri()), scene.clock)
    for minutes, left in ((0, 2), (1, 2), (1, 1)):
        scene.clock.move(minutes=minutes)
        await housekeeping.tidy()
        async with scene.database.read() as work:
            grants = await work.of(DeviceGrant, EVERYTHING).find(order=("id",))
        assert len(grants) == left
    assert grants == [kept.grant]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (PROGRAM, PROGRAM),
        (" a \n\t b ", "a b"),
        ("", "a program"),
        ("\u202e\u200b", "a program"),
        ("evil\u202egnp.exe", "evil gnp.exe"),
        ("x" * 101, "x" * 100),
        ("x" * 99 + " y", "x" * 99),
        ("<script>", "<script>"),
    ],
)
def test_names_of_programs(sent: str, shown: str) -> None:
    assert printable_name(sent) == shown


@given(text=st.text())
def test_any_name_of_a_program_can_be_shown(text: str) -> None:
    name = printable_name(text)
    assert 1 <= len(name) <= LONGEST_CLIENT_NAME
    assert name.isprintable()
    assert name == printable_name(name)
