"""The memory that instances hold at one moment, and whose is to be given up for whom. Used by ``capacity`` alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from quinta.engine.supervisor.pool import Pool
from quinta.engine.supervisor.states import Action, Instance, InstanceState, Urgency, Want

TURN_SECONDS: Final = 5.0
"""A version that has no instance and finds no room waits so long before one that is at work gives its place up."""
SETTLED_SECONDS: Final = 10.0
"""An instance idle for less is not stopped to give another version, which is served already, one more."""

_NEEDED: Final = "its memory is needed for another instance"


@dataclass(slots=True)
class Member:
    """A version, its pool, and the organization that its instances count for. ``since`` is when it began to want an
    instance that it cannot have."""

    version_id: str
    organization_id: str
    pool: Pool
    since: float | None = None


class Claim(NamedTuple):
    """An instance that a version wants."""

    member: Member
    want: Want

    @property
    def need(self) -> int:
        return self.want.version.memory_megabytes


class Room:
    """Megabytes by their holders. Those of instances that are stopping count for nobody: they are ``coming``.

    ``reserved`` are promised to those in front, and ``owing`` are the pools that were told to give an instance up.
    """

    def __init__(self, members: Mapping[str, Member], megabytes: int, now: float) -> None:
        self.free = self._megabytes = megabytes
        self.coming = self.reserved = self.starting = 0
        self.owing: list[Pool] = []
        self._now = now
        self._members = [member for member in members.values() if member.pool.instances]
        self._organizations: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        for member in self._members:
            for instance in member.pool.instances.values():
                self.take(member, instance)

    def take(self, member: Member, instance: Instance) -> None:
        """Counts one instance."""
        size = instance.version.memory_megabytes
        self.free -= size
        self.starting += instance.state is InstanceState.STARTING
        if instance.state is InstanceState.STOPPING:
            self.coming += size
        else:
            self._hold(member, size)

    def rank(self, claim: Claim) -> tuple[int, int, int, float]:
        """The least goes first."""
        member = claim.member
        return claim.want.urgency, self._held_by_organization(member), self._held(member), member.since or 0.0

    def make(self, claim: Claim) -> Iterator[tuple[str, Action]]:
        """Stops idle instances, or has busy ones stop after their request, until enough is free or coming."""
        missing = claim.need - (self.free + self.coming - self.reserved)
        idle = self._idle(claim)
        donors = self._donors(claim)
        if missing > sum(i.version.memory_megabytes for _, i in idle) + sum(size for _, size in donors):
            return  # nobody is stopped for what cannot be
        if self._within_share(claim):
            self.reserved += claim.need
        for member, instance in idle:
            if missing <= 0:
                return
            size = instance.version.memory_megabytes
            missing -= size
            self._hold(member, -size)
            self.coming += size
            yield member.version_id, member.pool.reclaim(instance, _NEEDED)
        for pool, size in donors:
            if missing <= 0:
                return
            missing -= size
            pool.owed += 1
            self.owing.append(pool)

    def _hold(self, member: Member, megabytes: int) -> None:
        self._organizations[member.organization_id] = self._held_by_organization(member) + megabytes
        self._versions[member.version_id] = self._held(member) + megabytes

    def _held(self, member: Member) -> int:
        return self._versions.get(member.version_id, 0)

    def _held_by_organization(self, member: Member) -> int:
        return self._organizations.get(member.organization_id, 0)

    def _within_share(self, claim: Claim) -> bool:
        present = {claim.member.organization_id} | {key for key, held in self._organizations.items() if held > 0}
        return self._held_by_organization(claim.member) + claim.need <= self._megabytes // len(present)

    def _idle(self, claim: Claim) -> list[tuple[Member, Instance]]:
        """Idle instances that may stop for the claim, in the order in which they do: those above their version's
        minimum, older ones of the same version, the others; longest idle first."""
        first = claim.want.urgency is Urgency.NOTHING_SERVES
        found: list[tuple[int, float, Member, Instance]] = []
        for member in self._members:
            own = member is claim.member
            for instance, surplus in member.pool.idle():
                if own:
                    if _gives_way(instance, claim):
                        found.append((1, instance.since, member, instance))
                elif surplus and (first or self._now - instance.since >= SETTLED_SECONDS):
                    found.append((0, instance.since, member, instance))
                elif first:
                    found.append((2, instance.since, member, instance))
        return [(member, instance) for _, _, member, instance in sorted(found, key=lambda item: item[:2])]

    def _donors(self, claim: Claim) -> list[tuple[Pool, int]]:
        """Pools whose next free instance may stop for the claim, with its megabytes; whoever holds most first."""
        found: list[tuple[int, int, Pool, int]] = []
        for member in self._members:
            own = member is claim.member
            busy = [i for i in member.pool.instances.values() if i.state is InstanceState.BUSY]
            sizes = [i.version.memory_megabytes for i in busy if not own or _gives_way(i, claim)]
            if sizes and not member.pool.owed and (own or self._may_take(claim, member, min(sizes))):
                found.append((self._held_by_organization(member), self._held(member), member.pool, min(sizes)))
        return [(pool, size) for _, _, pool, size in sorted(found, key=lambda item: item[:2], reverse=True)]

    def _may_take(self, claim: Claim, other: Member, size: int) -> bool:
        """Whether the claim may have the ``size`` megabytes that an instance of another version holds, when that has
        done its request."""
        member = claim.member
        if claim.want.urgency is Urgency.MINIMUM:
            return False
        if member.organization_id == other.organization_id:
            mine, theirs = self._held(member), self._held(other)
        else:
            mine, theirs = self._held_by_organization(member), self._held_by_organization(other)
        if theirs - size >= mine + claim.need:
            return True
        return not self._held(member) and member.since is not None and self._now - member.since >= TURN_SECONDS


def _gives_way(instance: Instance, claim: Claim) -> bool:
    """Whether an instance stops for one of its own version: a probed one, or one of a newer revision."""
    return claim.want.instance is not None or not instance.current
