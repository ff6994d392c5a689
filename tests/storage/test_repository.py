"""The repository's promises (core.ports.Repository), on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, StateConflict
from quinta.core.models.model import Build, Model, ModelVersion, VersionStatus
from quinta.core.observation.intervals import Interval
from quinta.core.observation.model import LogLevel, LogLine, MetricPoint
from quinta.core.ports import Between, Contains, Differs
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING, in_organization, in_project, of_user
from quinta.core.tenancy.model import Membership, Organization, Project, Subscription, User
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.storage.rows import NOW, add_requests, add_tenant, make_model, make_version


async def test_items_come_back_as_they_went_in(database: Database) -> None:
    tenant = await add_tenant(database)
    build = tenant.build()
    async with database.begin() as unit:
        await unit.of(Build, in_project(tenant.project.id)).add(build)
    async with database.read() as unit:
        assert await unit.of(Build, in_project(tenant.project.id)).get(id=build.id) == build
        assert await unit.of(Model, in_project(tenant.project.id)).get(name="double") == tenant.model
        assert await unit.of(ModelVersion, EVERYTHING).get(id=tenant.version.id) == tenant.version
        assert await unit.of(Organization, EVERYTHING).find() == [tenant.organization]


async def test_a_scope_hides_the_rows_of_others(database: Database) -> None:
    one, other = await add_tenant(database, "one"), await add_tenant(database, "other")
    async with database.begin() as unit:
        models = unit.of(Model, in_project(one.project.id))
        assert [model.id for model in await models.find()] == [one.model.id]
        assert await models.get(id=other.model.id) is None
        assert await models.count() == 1
        assert await models.remove(id=other.model.id) == 0
        with pytest.raises(NotFound, match="the model does not exist"):
            await models.change(other.model.id, description="mine")
        await models.change(one.model.id, description="mine")
    async with database.read() as unit:
        everything = unit.of(Model, EVERYTHING)
        assert {model.id: model.description for model in await everything.find()} == {
            one.model.id: "mine",
            other.model.id: "",
        }


async def test_an_item_outside_the_scope_is_refused(database: Database) -> None:
    one, other = await add_tenant(database, "one"), await add_tenant(database, "other")
    async with database.begin() as unit:
        models = unit.of(Model, in_project(one.project.id))
        with pytest.raises(ValueError, match="outside the scope"):
            await models.add(make_model(other.project, "stray"))
        with pytest.raises(ValueError, match="outside the scope"):
            await models.change(one.model.id, project_id=other.project.id)
        await models.add(make_model(one.project, "stray"))


async def test_a_table_without_the_scopes_column_cannot_be_had(database: Database) -> None:
    async with database.read() as unit:
        with pytest.raises(ValueError, match="Subscription has no project_id"):
            unit.of(Subscription, in_project("p"))
        with pytest.raises(ValueError, match="Model has no organization_id"):
            unit.of(Model, in_organization("o"))
        with pytest.raises(ValueError, match="str has no table"):
            unit.of(str, EVERYTHING)
        assert await unit.of(Membership, in_organization("o")).find() == []
        assert await unit.of(Membership, of_user("u")).find() == []


async def test_conditions(database: Database) -> None:
    tenant = await add_tenant(database)
    requests = [
        tenant.request(created_at=NOW + timedelta(microseconds=number), result="{}" if number % 2 else None)
        for number in range(6)
    ]
    async with database.begin() as unit:
        rows = unit.of(Request, in_project(tenant.project.id))
        await rows.add(*requests)
        await rows.change(requests[0].id, status=RequestStatus.FAILED)

        async def numbers(**conditions: object) -> list[int]:
            found = await rows.find(order=("created_at",), **conditions)  # type: ignore[arg-type]
            return [round((request.created_at - NOW) / timedelta(microseconds=1)) for request in found]

        assert await numbers(result=None) == [0, 2, 4]
        assert await numbers(status=RequestStatus.FAILED) == [0]
        assert await numbers(status="pending") == [1, 2, 3, 4, 5]
        assert await numbers(status=(RequestStatus.FAILED, "completed")) == [0]
        assert await numbers(id=[requests[2].id, requests[4].id, new_id()]) == [2, 4]
        assert await numbers(id=[]) == []
        span = Between(NOW + timedelta(microseconds=2), NOW + timedelta(microseconds=4))
        assert await numbers(created_at=span) == [2, 3]
        assert await numbers(created_at=Between(start=NOW + timedelta(microseconds=5))) == [5]
        assert await numbers(created_at=Between(end=NOW + timedelta(microseconds=1))) == [0]
        assert await numbers(created_at=NOW) == [0]
        assert await numbers(created_at=Between(), result=None) == [0, 2, 4]
        with pytest.raises(ValueError, match="has no field 'colour'"):
            await rows.find(colour="red")
        assert await numbers(result=[None, "{}"]) == [0, 1, 2, 3, 4, 5]
        assert await numbers(result=[None, "x"]) == await numbers(result=[None]) == [0, 2, 4]
        assert await numbers(result=["x"]) == await numbers(result=[]) == []
        with pytest.raises(ValueError, match="needs a time zone"):
            await rows.find(created_at=NOW.replace(tzinfo=None))


async def test_conditions_on_texts_and_on_all_but_one_value(database: Database) -> None:
    tenant = await add_tenant(database)
    texts = ("Não pago", "NÃO PAGO", "100% done", "a_b", "C:\\new", "aXb")
    async with database.begin() as unit:
        lines = unit.of(LogLine, in_project(tenant.project.id))
        for number, text in enumerate(texts):
            level = (None, LogLevel.INFO, LogLevel.ERROR)[number % 3]
            await lines.add(LogLine(tenant.project.id, NOW, text, system=False, id=f"{number:024}", level=level))

        async def found(**conditions: object) -> list[str]:
            return [line.text for line in await lines.find(order=("id",), **conditions)]  # type: ignore[arg-type]

        assert await found(text=Contains("não")) == ["Não pago", "NÃO PAGO"]
        assert await found(text=Contains("A_b")) == ["a_b"]
        assert await found(text=Contains("0% D")) == ["100% done"]
        assert await found(text=Contains(":\\N")) == ["C:\\new"]
        assert await found(text=Contains("nothing like it")) == []
        assert await found(level=Differs(LogLevel.INFO)) == ["Não pago", "100% done", "a_b", "aXb"]
        assert await found(level=Differs(None)) == ["NÃO PAGO", "100% done", "C:\\new", "aXb"]
        assert await found(level=LogLevel.ERROR) == ["100% done", "aXb"]


async def test_order_limit_offset_distinct_count(database: Database) -> None:
    tenant = await add_tenant(database)
    requests = await add_requests(database, tenant, 5)
    ids = [request.id for request in requests]
    async with database.read() as unit:
        rows = unit.of(Request, in_project(tenant.project.id))
        assert [request.id for request in await rows.find(order=("created_at", "-id"))] == ids[::-1]
        assert [request.id for request in await rows.find(order=("id",), limit=2, offset=1)] == ids[1:3]
        assert [request.id for request in await rows.find(order=("id",), offset=3)] == ids[3:]
        assert await rows.find(limit=0) == []
        assert await rows.values("id", order=("created_at", "-id")) == ids[::-1]
        assert await rows.values("id", order=("id",), limit=2, status="pending") == ids[:2]
        assert await rows.values("version_id") == [tenant.version.id] * 5
        assert await rows.values("id", status="completed") == []
        assert await rows.count(status="pending") == 5
        assert await rows.distinct("version_id", status="pending") == [tenant.version.id]
        assert await rows.distinct("version_id", status="completed") == []
        assert await rows.distinct("reason") == []
        with pytest.raises(ValueError, match="several requests match"):
            await rows.get(status="pending")
        with pytest.raises(ValueError, match="has no field 'colour'"):
            await rows.find(order=("-colour",))


async def test_unique_rules(database: Database) -> None:
    one, other = await add_tenant(database, "one"), await add_tenant(database, "other")
    async with database.begin() as unit:  # the same name elsewhere is no clash
        await unit.of(Model, EVERYTHING).add(make_model(other.project, "triple"))
    with pytest.raises(AlreadyExists, match="a model with this name already exists") as refusal:
        async with database.begin() as unit:
            await unit.of(Model, EVERYTHING).add(make_model(one.project, "triple"), make_model(other.project, "triple"))
    assert refusal.value.field == "name"
    with pytest.raises(AlreadyExists, match="a project with this name already exists"):
        async with database.begin() as unit:
            await unit.of(Project, EVERYTHING).change(one.project.id, name=other.project.name)
    with pytest.raises(AlreadyExists, match="an organization with this id already exists"):
        async with database.begin() as unit:
            await unit.of(Organization, EVERYTHING).add(replace(one.organization, name="new"))
    user = User(new_id(), "a@b.org", None, None, None, False, True, NOW)
    member = Membership(new_id(), one.organization.id, user.id, True)
    async with database.begin() as unit:
        await unit.of(User, EVERYTHING).add(user)
        await unit.of(Membership, of_user(user.id)).add(member)
    with pytest.raises(AlreadyExists, match="a membership with this organization_id and user_id already exists"):
        async with database.begin() as unit:
            await unit.of(Membership, EVERYTHING).add(replace(member, id=new_id()))
    async with database.read() as unit:  # the refused addition went in as a whole or not at all
        assert await unit.of(Model, in_project(one.project.id)).count() == 1


async def test_what_hangs_on_a_row_goes_with_it(database: Database) -> None:
    one, other = await add_tenant(database, "one"), await add_tenant(database, "other")
    for tenant in (one, other):
        await add_requests(database, tenant, 2)
        async with database.begin() as unit:
            await unit.of(Build, EVERYTHING).add(tenant.build())
            await unit.of(LogLine, EVERYTHING).add(LogLine(tenant.project.id, NOW, "hello", False, id=new_id()))
            await unit.add_metric_points([MetricPoint(tenant.project.id, "model", "m", "requests", NOW, 1)])
    async with database.begin() as unit:
        assert await unit.of(Project, in_organization(one.organization.id)).remove(id=one.project.id) == 1
    async with database.read() as unit:
        for kind, count in ((Model, 1), (ModelVersion, 1), (Build, 1), (Request, 2), (LogLine, 1)):
            assert await unit.of(kind, EVERYTHING).count() == count
            assert await unit.of(kind, in_project(other.project.id)).count() == count
        for tenant in (one, other):  # what was used is the organization's
            assert await unit.of(MetricPoint, in_organization(tenant.organization.id)).count() == 1
    async with database.begin() as unit:
        await unit.of(Organization, EVERYTHING).remove(id=one.organization.id)
        assert await unit.of(MetricPoint, EVERYTHING).count() == 1


async def test_a_parent_that_is_gone_and_one_that_is_needed(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.begin() as unit:
        await unit.of(Model, EVERYTHING).remove(id=tenant.model.id)
    with pytest.raises(NotFound, match="does not exist any more"):
        async with database.begin() as unit:
            await unit.of(ModelVersion, EVERYTHING).add(make_version(tenant.model))
    with pytest.raises(StateConflict, match="still in use"):
        async with database.begin() as unit:
            await unit.of(Subscription, EVERYTHING).remove(id=tenant.subscription.id)
    async with database.begin() as unit:
        assert await unit.of(Organization, EVERYTHING).remove(id=tenant.organization.id) == 1
        assert await unit.of(Subscription, EVERYTHING).remove(id=tenant.subscription.id) == 1


async def test_change_sets_fields_of_any_type(database: Database) -> None:
    tenant = await add_tenant(database)
    fields = tenant.model.input_fields[:1]
    async with database.begin() as unit:
        await unit.of(Model, EVERYTHING).change(tenant.model.id, input_fields=fields)
        versions = unit.of(ModelVersion, EVERYTHING)
        await versions.change(tenant.version.id, status=VersionStatus.BUILDING, live_build_id="b")
        await versions.change(tenant.version.id)
        with pytest.raises(NotFound):
            await versions.change(new_id())
        with pytest.raises(ValueError, match="has no field"):
            await versions.change(tenant.version.id, colour="red")
    async with database.read() as unit:
        changed = await unit.of(Model, EVERYTHING).get(id=tenant.model.id)
        version = await unit.of(ModelVersion, EVERYTHING).get(live_build_id="b")
    assert changed is not None
    assert changed.input_fields == fields
    assert version is not None
    assert version.status is VersionStatus.BUILDING


async def test_removing_everything_needs_a_reason(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.begin() as unit:
        with pytest.raises(ValueError, match="would empty models"):
            await unit.of(Model, EVERYTHING).remove()
        assert await unit.of(Model, in_project(tenant.project.id)).remove() == 1


@pytest.mark.parametrize("text", ["nul \x00", "half a pair \ud800"])
async def test_characters_that_no_database_takes(database: Database, text: str) -> None:
    tenant = await add_tenant(database)
    with pytest.raises(InvalidInput, match="description has a character") as refusal:
        async with database.begin() as unit:
            await unit.of(Model, EVERYTHING).change(tenant.model.id, description=text)
    assert refusal.value.field == "description"
    line = LogLine(tenant.project.id, NOW, text, False, id=new_id())
    async with database.begin() as unit:
        await unit.of(LogLine, EVERYTHING).add(line)
        await unit.of(Model, EVERYTHING).change(tenant.model.id, description="full pair \U0001f600")
    async with database.read() as unit:
        stored = await unit.of(LogLine, EVERYTHING).get(id=line.id)
    assert stored is not None
    assert stored.text[:-1] == text[:-1]


async def test_metric_points_add_up(database: Database) -> None:
    tenant = await add_tenant(database)
    point = MetricPoint(tenant.project.id, "model_version", tenant.version.id, "requests", NOW, 1.5)
    gone = replace(point, project_id=new_id())
    async with database.begin() as unit:
        await unit.add_metric_points([point, replace(point, metric="errors"), gone])
    async with database.begin() as unit:
        await unit.add_metric_points([point, point])
        await unit.add_metric_points([])
    async with database.read() as unit:
        points = await unit.of(MetricPoint, EVERYTHING).find(order=("metric",))
    stored = replace(point, organization_id=tenant.organization.id)
    assert points == [replace(stored, metric="errors"), replace(stored, value=4.5)]


async def test_sums_by_fields_and_by_time(database: Database) -> None:
    tenant = await add_tenant(database)
    scope = in_project(tenant.project.id)
    moments = [NOW, NOW + timedelta(microseconds=1), NOW + timedelta(days=4)]  # 00:59:59.999999, 01:00, next month
    async with database.begin() as unit:
        points = unit.of(MetricPoint, scope)
        assert await points.sums("value") == {(): 0}
        assert await points.sums("value", by=("metric",)) == {}
        await unit.add_metric_points(
            [MetricPoint(tenant.project.id, "t", "o", name, time, 1.5) for name in "ab" for time in moments]
        )
        assert await points.sums("value") == {(): 9}
        assert await points.sums("value", metric="a", time=Between(end=moments[1])) == {(): 1.5}
        assert await points.sums("value", by=("object_type", "metric")) == {("t", "a"): 4.5, ("t", "b"): 4.5}
        (day,) = {moment.replace(hour=0, minute=0, second=0, microsecond=0) for moment in moments[:2]}
        next_day = day + timedelta(days=4)
        for interval, expected in {
            Interval.MINUTE: {day + timedelta(minutes=59): 3, day + timedelta(hours=1): 3},
            Interval.FIVE_MINUTES: {day + timedelta(minutes=55): 3, day + timedelta(hours=1): 3},
            Interval.HOUR: {day: 3, day + timedelta(hours=1): 3},
            Interval.DAY: {day: 6},
        }.items():
            found = await points.sums("value", per=("time", interval), time=Between(end=moments[2]))
            assert found == {(start,): value for start, value in expected.items()}
        months = await points.sums("value", by=("metric",), per=("time", Interval.MONTH))
        assert months == {
            (name, start.replace(day=1)): value for name in "ab" for start, value in ((day, 3), (next_day, 1.5))
        }
        with pytest.raises(ValueError, match="has no field"):
            await points.sums("value", by=("colour",))
    async with database.read() as unit:
        other = await add_tenant(database, "other")
        assert await unit.of(MetricPoint, in_project(other.project.id)).sums("value") == {(): 0}


async def test_locked_rows_are_left_out_for_others(database: Database, database_url: str) -> None:
    """Not waited for on PostgreSQL; SQLite has one writer, so there nobody else can come to ask."""
    tenant = await add_tenant(database)
    requests = await add_requests(database, tenant, 3)
    async with database.begin() as unit:
        mine = await unit.of(Request, EVERYTHING).take(id=[requests[0].id, requests[1].id])
        assert {request.id for request in mine} == {requests[0].id, requests[1].id}
        if database_url.startswith("postgres"):
            async with database.begin() as other:
                theirs = await other.of(Request, in_project(tenant.project.id)).take(version_id=tenant.version.id)
                assert [request.id for request in theirs] == [requests[2].id]
    async with database.begin() as unit:
        assert len(await unit.of(Request, EVERYTHING).take(status=RequestStatus.PENDING)) == 3
        assert await unit.of(Request, in_project("another")).take() == []
    async with database.read() as unit:
        with pytest.raises(RuntimeError, match="only reads"):
            await unit.of(Request, EVERYTHING).take()
