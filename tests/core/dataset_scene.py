"""A house with data: owners, users and an administrator, on a real database, with a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest_asyncio

from quinta.core.access.base_roles import base_role
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole
from quinta.core.access.server_roles import give_role
from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.datasets import DatasetQuery, Datasets
from quinta.core.datasets.files import FileRules
from quinta.core.datasets.masks import Masks
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import NANO
from quinta.core.datasets.sight import DatasetView
from quinta.core.datasets.thresholds import Thresholds
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project, User
from quinta.core.tenancy.release_projects import NewReleaseProject, ReleaseProjects
from quinta.core.tenancy.subscriptions import seed_subscriptions
from quinta.engine.reading_process import ReadingProcess
from quinta.kit.ids import new_id
from quinta.privacy.metadata.reader import YamlMetadataReader
from quinta.storage.database import Database
from tests.clocks import NOON, SteppedClock
from tests.core.account_scene import KEYRING, keyring
from tests.privacy.files import SIMPLE

PEOPLE = ("ada", "olga", "otto", "uma", "ugo", "nobody")
"""By their roles: administrator, two owners, two users, and one without any."""
_ROLES = {
    "ada": BaseRole.ADMIN,
    "olga": BaseRole.OWNER,
    "otto": BaseRole.OWNER,
    "uma": BaseRole.USER,
    "ugo": BaseRole.USER,
}
DEFAULT_BUDGET = 1000


@dataclass
class DataHouse:
    database: Database
    folder: Path
    clock: SteppedClock = field(default_factory=SteppedClock)
    people: dict[str, Actor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.secrets = keyring(KEYRING)
        self.reading = ReadingProcess()
        self.keeper = MetadataKeeper(YamlMetadataReader(), self.reading, self.secrets)
        self.files = FileRules(private=(self.folder / "own",))
        self.datasets = Datasets(self.database, self.clock, self.keeper, self.files, DEFAULT_BUDGET * NANO)
        self.budgets = Budgets(self.database, self.clock)
        self.masks = Masks(self.database, self.clock, self.keeper)
        self.thresholds = Thresholds(self.database, self.clock, self.keeper)
        self.projects = ReleaseProjects(self.database, self.clock)

    async def settle(self) -> None:
        await seed_subscriptions(self.database)
        async with self.database.begin() as work:
            for name in PEOPLE:
                number = await work.next_number(User)
                email = f"{name}@example.com"
                user = User(new_id(), email, None, None, None, False, True, NOON, number=number)
                await work.of(User, EVERYTHING).add(user)
                self.people[name] = Actor(user.id, email, False, "", None)
                if name in _ROLES:
                    role = await base_role(work, _ROLES[name], self.clock)
                    await give_role(work, None, role, user_id=user.id)

    def text(self, name: str = "people", **top: str) -> str:
        """Metadata of a file that is there, with more keys at the top as YAML."""
        path = self.folder / "people.csv"
        path.write_text("id,age,job\n1,33,clerk\n")
        text = SIMPLE.replace("name: people,", f"name: {name},", 1).replace("/srv/data/people.csv", str(path))
        return text + "".join(f"{key}: {value}\n" for key, value in top.items())

    async def register(self, owner: str, name: str = "people", **top: str) -> DatasetView:
        return await self.datasets.create(self.people[owner], self.text(name, **top))

    async def project(self, owner: str) -> Project:
        view = await self.projects.create(self.people[owner], NewReleaseProject(f"project of {owner}"))
        async with self.database.read() as work:
            found = await work.of(Project, EVERYTHING).get(id=view.id)
        assert found is not None
        return found

    async def names(self, person: str) -> list[str]:
        """The datasets that the person may know of."""
        page = await self.datasets.find(self.people[person], DatasetQuery())
        assert page.total == len(page.items)
        return [view.dataset.name for view in page.items]


@pytest_asyncio.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[DataHouse]:
    made = DataHouse(database, tmp_path)
    await made.settle()
    yield made
    made.reading.close()
