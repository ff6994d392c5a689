"""The processes that private queries are answered in: warm, and the only ones that see rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from quinta.core.ports import Apart
from quinta.core.queries.model import QueryAnswer, QueryCost, Question
from quinta.engine.own_process import OwnProcess

_ADDRESSES: Final = 8
"""Times as much address space as memory: libraries reserve what they never use."""


@dataclass(frozen=True, slots=True)
class QueryFunctions:
    """What the processes call, functions of modules: ``cost`` and ``together`` read no data, ``load`` and ``warm`` make
    a process ready, for costs and for answers."""

    cost: Callable[[Question], QueryCost]
    answer: Callable[[Question], QueryAnswer]
    load: Callable[[], None]
    warm: Callable[[], None]
    together: Callable[[Sequence[tuple[int, float]], float], int]


class QueryProcesses:
    """Implements ``core.ports.QueryEngine``: costs are said by the process that reads texts, answers come from
    ``count`` processes of their own, each with ``memory_megabytes`` for what it reads. They start when first needed."""

    def __init__(
        self, functions: QueryFunctions, apart: Apart, count: int, memory_megabytes: int, limit_seconds: float
    ) -> None:
        self._functions = functions
        self._apart = apart
        memory = _ADDRESSES * (memory_megabytes << 20)
        too_large = "the query needs more memory than is given to one: ask about fewer rows or groups"
        too_long = "the query takes longer than is given to one: ask about fewer rows or groups"
        self._processes = [
            OwnProcess("answers queries", too_large, memory, limit_seconds, too_long) for _ in range(count)
        ]
        self._last: dict[OwnProcess, tuple[str, ...]] = {}

    @property
    def count(self) -> int:
        return len(self._processes)

    async def cost(self, question: Question) -> QueryCost:
        return await self._apart.call(self._functions.cost, question)

    async def answer(self, question: Question) -> QueryAnswer:
        """From a process that is free, one that has just read these datasets if there is one. Who gives up the call
        ends the process: what is asked must not go on when nobody waits for it."""
        wanted = tuple(dataset.id for dataset in question.datasets)
        process = min(self._processes, key=lambda each: (each.is_busy, self._last.get(each) != wanted))
        self._last[process] = wanted
        return await process.call_or_end(self._functions.answer, question)

    async def together(self, charges: Sequence[tuple[int, float]], delta: float) -> int:
        return await self._apart.call(self._functions.together, charges, delta)

    async def warm(self) -> None:
        """Starts all processes, so that the first question does not wait for one."""
        answering = (process.call(self._functions.warm) for process in self._processes)
        await asyncio.gather(self._apart.call(self._functions.load), *answering)

    def close(self) -> None:
        for process in self._processes:
            process.close()
