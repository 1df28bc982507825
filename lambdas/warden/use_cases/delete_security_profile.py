"""A security profile is deleted: from here on nothing is recorded or sent on its behalf."""

import msgspec

from warden.domain.alarms.entry import Reason
from warden.ports import Write
from warden.storage.catalogue import CatalogueStore
from warden.storage.jobs import Job, Jobs
from warden.use_cases.update_security_profile import expect


def delete_security_profile(
    catalogue: CatalogueStore, jobs: Jobs, name: str, *, expected_version: int | None, now: int
) -> None:
    """Delete a profile; one that does not exist is no error. Its attachments go, its violations are retired.

    Args:
        catalogue: Where profiles are kept.
        jobs: Where the retirement is queued, together with the deletion.
        name: The profile's.
        expected_version: The version that the caller has seen, None where that does not matter.
        now: Epoch ms.

    Raises: VersionConflict.
    """

    def writes(epoch: int) -> list[Write]:
        stored = catalogue.head(name)
        if stored is None or stored.record.deleted:
            return []
        head = stored.record
        expect(head, expected_version)
        gone = msgspec.structs.replace(head, deleted=True, live={}, modified_at=now)
        found = [
            catalogue.put_head(gone, stored),
            jobs.queue(epoch, Job(profile=name, incarnation=head.incarnation, reason=Reason.PROFILE_DELETED), now=now),
        ]
        if version := catalogue.version(name, head.version):
            found.append(catalogue.supersede(version, now))
        return found

    catalogue.change(now, writes)
