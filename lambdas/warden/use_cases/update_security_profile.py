"""A security profile says something else from now on."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from warden.domain.alarms.entry import Reason
from warden.domain.behaviors.limits import AWS_QUOTAS, Limits
from warden.domain.behaviors.profile import Behavior, SecurityProfile
from warden.domain.errors import ResourceNotFound, VersionConflict
from warden.ports import Write
from warden.storage.catalogue import CatalogueStore, Head, ProfileVersion, Uid
from warden.storage.jobs import Job, Jobs
from warden.storage.records import Stored
from warden.use_cases.create_security_profile import check, identify


@dataclass(frozen=True, slots=True)
class Current:
    """A profile as it stands, and what it says."""

    head: Stored[Head]
    version: Stored[ProfileVersion]


def current(catalogue: CatalogueStore, name: str) -> Current:
    """A profile as it stands. Raises ResourceNotFound."""
    head = catalogue.head(name)
    version = catalogue.version(name, head.record.version) if head and not head.record.deleted else None
    if head is None or version is None:
        raise ResourceNotFound(f"securityProfileName: there is no security profile {name!r}")
    return Current(head, version)


def expect(head: Head, expected_version: int | None) -> None:
    """Raises VersionConflict where the caller expects another version."""
    if expected_version is not None and expected_version != head.version:
        raise VersionConflict(f"expectedVersion: {head.name!r} is at version {head.version}, not {expected_version}")


def update_security_profile(
    catalogue: CatalogueStore,
    jobs: Jobs,
    name: str,
    edit: Callable[[SecurityProfile], SecurityProfile],
    *,
    expected_version: int | None,
    now: int,
    limits: Limits = AWS_QUOTAS,
) -> tuple[Head, SecurityProfile]:
    """Change what a profile says; what it is attached to stays.

    A behavior of the same name, metric and dimension stays the same one: its alarm is kept, and its streak starts
    again where its criteria changed. Any other one is a new one, and the violations of the old one are retired; so is
    one that gains or loses its criteria, since it is judged only from now on, or not any more.

    Args:
        catalogue: Where profiles are kept.
        jobs: Where the retirement is queued, together with the change.
        name: The profile's.
        edit: What it says now → what it shall say.
        expected_version: The version that the caller has seen, None where that does not matter.
        now: Epoch ms.
        limits: How much there may be.

    Raises: InvalidRequest, ResourceNotFound, VersionConflict.
    """
    updated: list[tuple[Head, SecurityProfile]] = []

    def writes(epoch: int) -> list[Write]:
        before = current(catalogue, name)
        old = before.version.record.profile
        expect(before.head.record, expected_version)
        profile = edit(old)
        check(profile, catalogue, limits)
        version = before.head.record.version + 1
        kept = _kept(before.head.record, old, profile, version)
        live = identify(profile.behaviors, epoch=epoch, version=version, now=now, kept=kept)
        head = msgspec.structs.replace(before.head.record, version=version, modified_at=now, live=live)
        updated[:] = [(head, profile)]
        found = [
            catalogue.put_head(head, before.head),
            catalogue.put_version(head, profile),
            catalogue.supersede(before.version, now),
        ]
        if reasons := _retired(before.head.record, head):
            job = Job(profile=name, reason=Reason.BEHAVIOR_DELETED, reasons=reasons)
            found.append(jobs.queue(epoch, job, now=now))
        return found

    catalogue.change(now, writes)
    return updated[0]


def _kept(head: Head, old: SecurityProfile, new: SecurityProfile, version: int) -> dict[str, Uid]:
    """Identities of the behaviors that stay the same one."""
    before = {behavior.name: behavior for behavior in old.behaviors}
    kept = {}
    for behavior in new.behaviors:
        was, identity = before.get(behavior.name), head.live.get(behavior.name)
        if was and identity and _measures(was) == _measures(behavior):
            same = was.criteria == behavior.criteria
            kept[behavior.name] = identity if same else msgspec.structs.replace(identity, criteria_version=version)
    return kept


def _measures(behavior: Behavior) -> tuple[object, object, bool]:
    return behavior.metric, behavior.metric_dimension, behavior.criteria is not None


def _retired(old: Head, new: Head) -> dict[str, Reason]:
    """Behaviors that do not live any more, and why."""
    living = {identity.uid for identity in new.live.values()}
    return {
        identity.uid: Reason.BEHAVIOR_CHANGED if name in new.live else Reason.BEHAVIOR_DELETED
        for name, identity in old.live.items()
        if identity.uid not in living
    }
