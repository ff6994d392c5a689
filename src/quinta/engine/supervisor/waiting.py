"""The queue of one version, with its bounds: what waits for an instance, and who goes next."""

from __future__ import annotations

from collections import deque
from typing import Final

from quinta.engine.supervisor.settings import QueueLimits
from quinta.engine.supervisor.states import Ticket

DIRECT_TURNS: Final = 4
"""Of direct and batch requests that wait for one version, so many direct ones go, then one of batch: callers who wait
come first, and a batch still gets a fifth of the instances under any load (decision 0018)."""


class Tenant:
    """What the direct requests of one organization that wait are counted by, over all its versions."""

    __slots__ = ("bytes", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.bytes = 0


class WaitingRequests:
    """Direct requests in their order, batch requests in theirs.

    Only direct ones are bounded: batch ones are rows, and their loop hands over no more than instances work off soon.
    """

    __slots__ = ("_batch", "_direct", "_limits", "_tenant", "_turns")

    def __init__(self, limits: QueueLimits, tenant: Tenant) -> None:
        self._limits = limits
        self._tenant = tenant
        self._direct: deque[Ticket] = deque()
        self._batch: deque[Ticket] = deque()
        self._turns = 0  # direct requests that went since one of batch did

    def __len__(self) -> int:
        return len(self._direct) + len(self._batch)

    def refusal(self, ticket: Ticket) -> str | None:
        """Why ``ticket`` may not wait too; None when it may."""
        if ticket.batch:
            return None
        limits, tenant = self._limits, self._tenant
        if len(self._direct) >= limits.of_version:
            return f"{limits.of_version} requests wait for this version already: send it again later"
        if tenant.requests >= limits.of_organization:
            return f"{limits.of_organization} requests of this organization wait already: send it again later"
        if tenant.bytes + ticket.size > limits.organization_bytes:
            most = limits.organization_bytes >> 20
            return f"the waiting requests of this organization hold {most} MB of input already: send it again later"
        return None

    def add(self, ticket: Ticket) -> None:
        if ticket.batch:
            self._batch.append(ticket)
            return
        self._direct.append(ticket)
        self._tenant.requests += 1
        self._tenant.bytes += ticket.size

    def take(self) -> Ticket:
        """The one that goes next."""
        if self._batch and (not self._direct or self._turns >= DIRECT_TURNS):
            self._turns = 0
            return self._batch.popleft()
        ticket = self._direct.popleft()
        self._turns = self._turns + 1 if self._batch else 0
        self._forget(ticket)
        return ticket

    def remove(self, ticket: Ticket) -> None:
        """Takes one out of its turn."""
        if ticket.batch:
            self._batch.remove(ticket)
        else:
            self._direct.remove(ticket)
            self._forget(ticket)

    def clear(self) -> list[Ticket]:
        """Takes all out."""
        tickets = [*self._direct, *self._batch]
        for ticket in self._direct:
            self._forget(ticket)
        self._direct.clear()
        self._batch.clear()
        return tickets

    def _forget(self, ticket: Ticket) -> None:
        self._tenant.requests -= 1
        self._tenant.bytes -= ticket.size
