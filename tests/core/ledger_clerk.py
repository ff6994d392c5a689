"""A process that takes of budgets, spends and gives back, by a schedule of chance: ``URL SEED NAME OTHER DATASET…``.

It says ``ready``, begins at a line on its input, and prints how many calls ended how. What it settles or gives back is
as often the work of the clerk OTHER as its own.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter

from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.model import NANO
from quinta.core.errors import LimitReached
from quinta.core.ports import UnitOfWork
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database

STEPS = 60


class Clerk:
    def __init__(self, database: Database, chance: random.Random, name: str, other: str, datasets: list[str]) -> None:
        self._database = database
        self._budgets = Budgets(database, SystemClock())
        self._chance = chance
        self._name = name
        self._names = (name, other)
        self._datasets = datasets
        self.did: Counter[str] = Counter()

    async def step(self, number: int) -> None:
        job = f"{self._chance.choice(self._names)} {self._chance.randrange(number + 1)}"
        chosen = self._chance.sample(self._datasets, self._chance.randint(1, len(self._datasets)))
        amount, verb = (
            self._chance.randint(1, 2 * NANO),
            self._chance.choice(("settle", "give back", "reserve", "reserve")),
        )
        try:
            async with self._database.begin() as work:
                self.did[await self._do(work, verb, job, number, chosen, amount)] += 1
        except LimitReached:
            self.did["refused"] += 1

    async def _do(self, work: UnitOfWork, verb: str, job: str, number: int, chosen: list[str], amount: int) -> str:
        if verb == "reserve":
            await self._budgets.reserve(work, chosen, f"{self._name} {number}", None, amount)
            return verb
        end = self._budgets.settle if verb == "settle" else self._budgets.give_back
        return verb if await end(work, job) else "nothing to end"


async def main(url: str, seed: str, name: str, other: str, *datasets: str) -> None:
    database = Database(url, SystemClock())
    await database.start()
    try:
        clerk = Clerk(database, random.Random(f"{seed} {name}"), name, other, list(datasets))
        _say("ready")
        sys.stdin.readline()
        for first in range(0, STEPS, 3):  # three at once within the process too
            await asyncio.gather(*[clerk.step(number) for number in range(first, first + 3)])
        _say(json.dumps(clerk.did))
    finally:
        await database.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
