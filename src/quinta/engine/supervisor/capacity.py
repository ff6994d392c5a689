"""Which version may start an instance next: fair shares of one machine's memory. No clock, no process, no socket."""

from __future__ import annotations

from typing import Final

from quinta.core.reasons import Reason
from quinta.engine.supervisor.pool import Pool
from quinta.engine.supervisor.room import Claim, Member, Room
from quinta.engine.supervisor.states import Action, Urgency, Want
from quinta.engine.supervisor.waiting import Tenant

_MOST_LOOKS: Final = 16
"""Versions for which room is looked for at a time, first ones first: each look goes over all instances, and hundreds of
versions may wait."""


class Capacity:
    """The memory for instances, ``megabytes`` in all by their versions' allocation, and who gets it (decision 0018).

    - An instance is started when there is room for it, and ``maximum_starting`` are not starting already.
    - Whoever has nothing that serves goes before whoever wants more, and that before minima without requests; then the
      organization that holds least goes first, in it the version that holds least, then who waits longest.
    - Where room lacks, idle instances stop, longest idle first: those above their version's minimum; for somebody who
      has nothing that serves, the others too.
    - Then instances at work give way when their request ends: older ones of the same version for a new revision; those
      of an organization (or within one, of a version) that still holds as much as the one that waits then has; and
      after ``room.TURN_SECONDS`` those of whoever holds most, for a version that holds nothing. Work is never killed
      for room.
    - Memory on its way to one who waits is not given to those behind, as long as that one stays within an equal share
      of the organizations there are; beyond it, the others go past.

    ``balance`` looks at the instances as they are each time: there are no books that could drift from them.
    """

    def __init__(self, megabytes: int, maximum_starting: int) -> None:
        self.megabytes = megabytes
        self._maximum_starting = maximum_starting
        self._members: dict[str, Member] = {}
        self._tenants: dict[str, Tenant] = {}
        self._changed: set[str] = set()
        self._waiting: dict[str, Want] = {}  # what versions want and cannot have
        self._owing: list[Pool] = []

    @property
    def short(self) -> bool:
        """Whether somebody waits to whom an instance that has just become idle would give way."""
        return any(want.urgency is Urgency.NOTHING_SERVES for want in self._waiting.values())

    @property
    def held(self) -> int:
        """Megabytes that instances hold, those that are stopping too."""
        pools = (member.pool for member in self._members.values())
        return sum(i.version.memory_megabytes for pool in pools for i in pool.instances.values())

    def tenant(self, organization_id: str) -> Tenant:
        """What the waiting requests of an organization are counted by."""
        return self._tenants.setdefault(organization_id, Tenant())

    def add(self, version_id: str, organization_id: str, pool: Pool) -> None:
        """A version whose instances count from now on."""
        self._members[version_id] = Member(version_id, organization_id, pool)

    def remove(self, version_id: str) -> None:
        """A version that has no instance any more."""
        self._members.pop(version_id, None)
        self._waiting.pop(version_id, None)

    def changed(self, version_id: str) -> None:
        """Something happened to the version's pool: the next ``balance`` asks it what it wants."""
        self._changed.add(version_id)

    def wants_anew(self, version_id: str, pool: Pool, now: float) -> bool:
        """Whether the version wants an instance that ``balance`` does not know of: asked for each queued request."""
        want, known = pool.wants(now), self._waiting.get(version_id)
        return want is not None and (known is None or known.urgency is not want.urgency)

    def balance(self, now: float) -> list[tuple[str, Action]]:
        """Starts what there is room for and makes room for the rest. Actions by version id, to be carried out."""
        for pool in self._owing:
            pool.owed = 0
        self._owing = []
        if not (self._changed or self._waiting):
            return []
        room, actions, looked = Room(self._members, self.megabytes, now), list[tuple[str, Action]](), 0
        claims = self._claims(now, all_waiting=room.starting < self._maximum_starting)
        claims.sort(key=room.rank)
        while claims:
            claim = claims.pop(0)
            member, pool = claim.member, claim.member.pool
            if claim.need > self.megabytes:
                actions += self._refuse(claim)
            elif room.starting >= self._maximum_starting:
                self._wait(claim, f"{room.starting} other instances were starting, as many as may at a time")
            elif claim.need <= room.free - room.reserved:
                launch = pool.launch(now)
                actions.append((member.version_id, launch))
                room.take(member, launch.instance)
                claims += self._asked(member, now)
                claims.sort(key=room.rank)
            else:
                self._wait(claim, self._taken(claim.need))
                looked += 1
                if looked <= _MOST_LOOKS:
                    actions += room.make(claim)
        self._owing = room.owing
        return actions

    def _claims(self, now: float, *, all_waiting: bool) -> list[Claim]:
        """What versions want: those that changed, and those that wait, unless they would only go on waiting."""
        asked, self._changed = self._changed | (self._waiting.keys() if all_waiting else set()), set()
        members = [self._members[version_id] for version_id in asked if version_id in self._members]
        return [claim for member in members for claim in self._asked(member, now)]

    def _asked(self, member: Member, now: float) -> list[Claim]:
        """What the version wants next; nothing: it does not wait any more."""
        want = member.pool.wants(now)
        if want is None:
            self._waiting.pop(member.version_id, None)
            member.since, member.pool.obstacle = None, ""
            return []
        if member.since is None:
            member.since = now
        return [Claim(member, want)]

    def _wait(self, claim: Claim, obstacle: str) -> None:
        claim.member.pool.obstacle = obstacle
        self._waiting[claim.member.version_id] = claim.want

    def _taken(self, need: int) -> str:
        return (
            f"the machine's memory for instances ({self.megabytes} MB) is taken by other instances; "
            f"this version needs {need} MB"
        )

    def _refuse(self, claim: Claim) -> list[tuple[str, Action]]:
        text = (
            f"the machine's memory for instances is {self.megabytes} MB; this version needs {claim.need} MB: lower its "
            "memory_allocation, or have the operator raise QUINTA_INSTANCE_MEMORY_MB"
        )
        pool, planned = claim.member.pool, claim.want.instance
        reason = Reason.ALLOCATION_TOO_LARGE
        refused = pool.end_all(reason, text) if planned is None else pool.refuse(planned, reason, text)
        if pool.waiting:  # for older instances
            self._wait(claim, text)
        return [(claim.member.version_id, action) for action in refused]
