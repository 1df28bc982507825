"""The security profiles on a Table: heads, versions, attachments, what they refer to, and the epoch that rises with
every change.

Heads share one partition with the epoch, so that one consistent query lists them all: an index could be behind the
epoch that the list is labelled with. A change and the epoch's rise are one transaction, so changes happen one after
the other, and what a change has read still holds when it is written.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from warden.domain.behaviors.catalogue import Catalogue, LiveProfile
from warden.domain.behaviors.custom import CustomMetrics
from warden.domain.behaviors.plan import LiveBehavior
from warden.domain.behaviors.profile import SecurityProfile
from warden.domain.behaviors.target import Target
from warden.domain.errors import Raced
from warden.ports import Delete, Key, Put, Table, Write
from warden.storage import keys
from warden.storage.definitions import custom_metrics, dimensions
from warden.storage.records import Records, Stored, unchanged

ATTEMPTS: Final = 10

VERSIONS_KEPT_MS: Final = 31 * 86_400_000
"""How long a superseded version can still be read: longer than the events that name it are kept."""

EPOCH: Final = Key(keys.CATALOGUE, keys.EPOCH)


class Uid(msgspec.Struct, frozen=True):
    """A living behavior's identity; LiveBehavior says what the members mean."""

    uid: str
    criteria_version: int
    since: int


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A profile as it stands.

    Attributes:
        name: Its name.
        incarnation: The epoch that created it; another one after it was deleted and created again.
        version: AWS's version: 1, and one more with every update.
        created_at: Epoch ms.
        modified_at: Epoch ms.
        deleted: Whether it is gone, and only its attachments are still being removed.
        live: Its behaviors' identities, by name.
        tags: Its tags.
    """

    schema: int = 1
    name: str
    incarnation: int
    version: int
    created_at: int
    modified_at: int
    deleted: bool = False
    live: dict[str, Uid] = {}
    tags: dict[str, str] = {}


class ProfileVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What one version of a profile said, and its behaviors' uids, by name; never changed afterwards."""

    schema: int = 1
    profile: SecurityProfile
    uids: dict[str, str]


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A profile and its target; void where it names another incarnation than the profile's head does."""

    schema: int = 1
    profile: str
    incarnation: int
    arn: str


class _Epoch(msgspec.Struct, frozen=True, kw_only=True):
    schema: int = 1
    epoch: int


_epochs, _heads = Records(_Epoch), Records(Head)
_versions, _attachments = Records(ProfileVersion), Records(Attachment)


def head_key(name: str) -> Key:
    """Where a profile's head is."""
    return Key(keys.CATALOGUE, keys.join("PROFILE", name))


def _version_key(name: str, version: int) -> Key:
    return Key(keys.join("PROFILE", name), f"V#{version:09d}")


def _attachment_keys(name: str, arn: str) -> tuple[Key, Key]:
    profile, target = keys.join("PROFILE", name), keys.join("TARGET", arn)
    return Key(profile, target), Key(target, profile)


class CatalogueStore:
    """Reads and changes the security profiles.

    Args:
        table: Table `control`.

    Attributes:
        custom_metrics: What profiles may name besides AWS's metrics.
        dimensions: What narrows cloud-side metrics.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.custom_metrics = custom_metrics(table)
        self.dimensions = dimensions(table)

    # Reading. All of it is consistent.

    def epoch(self) -> int:
        """The epoch of the last change, 0 before the first."""
        stored = _epochs.get(self._table, EPOCH)
        return stored.record.epoch if stored else 0

    def load(self) -> Catalogue:
        """All profiles in force at one epoch. Raises Raced where they change faster than they can be read.

        Newer ones under an older label would do harm: what one process has raised for a behavior that is just born,
        another of that epoch would drop as a deleted one's.
        """
        for _ in range(ATTEMPTS):
            epoch = self.epoch()
            heads = [stored.record for page in self._pages() for stored in page if not stored.record.deleted]
            profiles = [self._live(head) for head in heads]
            custom = self.custom()
            if self.epoch() == epoch:
                return Catalogue(epoch, profiles, custom)
        raise Raced("the security profiles are changing")

    def custom(self) -> CustomMetrics:
        """The custom metrics in force."""
        return CustomMetrics(
            {metric.name: (metric.metric_type, metric.created_at) for metric in self.custom_metrics.all()}
        )

    def head(self, name: str) -> Stored[Head] | None:
        """A profile's head, also that of a deleted one."""
        return _heads.get(self._table, head_key(name))

    def version(self, name: str, version: int) -> Stored[ProfileVersion] | None:
        """What a version said."""
        return _versions.get(self._table, _version_key(name, version))

    def names(self, *, after: str | None, limit: int) -> tuple[list[str], str | None]:
        """Names of profiles in order, and where to go on."""
        page = self._table.query(
            keys.CATALOGUE,
            first="PROFILE#",
            last=keys.last("PROFILE#"),
            after=after,
            limit=limit + 1,  # the one too many tells whether any follow
            consistent=True,
        )
        heads = [_heads.read(item).record for item in page.items[:limit]]
        more = head_key(heads[-1].name).sk if len(page.items) > limit else page.last
        return [head.name for head in heads if not head.deleted], more

    def targets(self, head: Head) -> list[Attachment]:
        """A profile's attachments, in order of their ARN."""
        found = self._attached(keys.join("PROFILE", head.name), "TARGET#")
        return [attachment for attachment in found if attachment.incarnation == head.incarnation]

    def attached_to(self, arn: str) -> list[Head]:
        """The profiles that a target has, in order of their name."""
        found = self._attached(keys.join("TARGET", arn), "PROFILE#")
        heads = [(attachment, self.head(attachment.profile)) for attachment in found]
        return [
            stored.record
            for attachment, stored in heads
            if stored and not stored.record.deleted and stored.record.incarnation == attachment.incarnation
        ]

    def _pages(self) -> Iterator[list[Stored[Head]]]:
        after: str | None = None
        while True:
            page = self._table.query(
                keys.CATALOGUE, first="PROFILE#", last=keys.last("PROFILE#"), after=after, consistent=True
            )
            yield [_heads.read(item) for item in page.items]
            after = page.last
            if after is None:
                return

    def _attached(self, pk: str, prefix: str) -> list[Attachment]:
        found: list[Attachment] = []
        after: str | None = None
        while True:
            page = self._table.query(pk, first=prefix, last=keys.last(prefix), after=after, consistent=True)
            found += [_attachments.read(item).record for item in page.items]
            after = page.last
            if after is None:
                return found

    def _live(self, head: Head) -> LiveProfile:
        stored = self.version(head.name, head.version)
        assert stored, f"version {head.version} of profile {head.name} was written with its head"
        profile = stored.record.profile
        behaviors = tuple(
            LiveBehavior(
                profile=head.name,
                profile_version=head.version,
                uid=identity.uid,
                criteria_version=identity.criteria_version,
                since=identity.since,
                behavior=behavior,
            )
            for behavior in profile.behaviors
            if (identity := head.live.get(behavior.name))
        )
        targets = tuple(Target.parse(attachment.arn) for attachment in self.targets(head))
        return LiveProfile(profile, behaviors, targets)

    # Changing.

    def change(self, now: int, plan: Callable[[int], Sequence[Write]]) -> int:
        """Change the catalogue and raise its epoch, in one transaction.

        Args:
            now: Epoch ms.
            plan: Given the new epoch, reads what it needs, consistently, and says what to write: 24 writes at most,
                none where there is nothing to change. Called again where another change came first; what it raises
                is passed on.

        Returns: The epoch afterwards.
        """
        for _ in range(ATTEMPTS):
            stored = _epochs.get(self._table, EPOCH)
            last = stored.record.epoch if stored else 0
            epoch = max(last + 1, now)  # rises also where the table was restored from an older copy
            writes = plan(epoch)
            if not writes:
                return last
            rise = Put(_epochs.item(EPOCH, _Epoch(epoch=epoch), stored), unchanged(stored))
            try:
                self._table.transact([*writes, rise])
            except Raced:
                continue
            return epoch
        raise Raced("the security profiles were changed by others at the same time")

    def put_head(self, head: Head, replaces: Stored[Head] | None) -> Write:
        """Write of a head, unless it was changed since it was read."""
        return Put(_heads.item(head_key(head.name), head, replaces), unchanged(replaces))

    def drop_head(self, stored: Stored[Head]) -> None:
        """Remove the head of a deleted profile, unless it was created again."""
        self._table.delete(stored.key, stored.unchanged)

    def put_version(self, head: Head, profile: SecurityProfile) -> Write:
        """Write of what a version says."""
        uids = {name: identity.uid for name, identity in head.live.items()}
        return Put(_versions.item(_version_key(head.name, head.version), ProfileVersion(profile=profile, uids=uids)))

    def supersede(self, stored: Stored[ProfileVersion], now: int) -> Write:
        """Write that lets a version expire."""
        expires_at = (now + VERSIONS_KEPT_MS) // 1000
        return Put(_versions.item(stored.key, stored.record, stored, expires_at=expires_at))

    def attach(self, head: Head, arn: str) -> list[Write]:
        """Writes of both halves of an attachment."""
        attachment = Attachment(profile=head.name, incarnation=head.incarnation, arn=arn)
        return [Put(_attachments.item(key, attachment)) for key in _attachment_keys(head.name, arn)]

    def remove(self, writes: list[Write]) -> None:
        """Do writes that change nothing in force: they need no epoch."""
        self._table.transact(writes)

    def detach(self, name: str, arn: str) -> list[Write]:
        """Writes that remove both halves."""
        return [Delete(key) for key in _attachment_keys(name, arn)]


class CatalogueCache:
    """The profiles as a long-running process sees them: read again where the epoch has risen.

    Args:
        store: Where they are.
        poll_ms: How long an epoch is believed without asking; None where changes are pushed to `reload`.
    """

    def __init__(self, store: CatalogueStore, *, poll_ms: int | None) -> None:
        self._store = store
        self._poll_ms = poll_ms
        self._catalogue: Catalogue | None = None
        self._asked_at = 0

    def current(self, at: int) -> Catalogue:
        """The profiles, not older than `poll_ms` at epoch ms `at`, which may go back where old reports come again."""
        if self._catalogue is None:
            self._asked_at = at
            return self.reload()
        if self._poll_ms is not None and not 0 <= at - self._asked_at < self._poll_ms:
            self._asked_at = at
            if self._store.epoch() != self._catalogue.epoch:
                return self.reload()
        return self._catalogue

    def reload(self) -> Catalogue:
        """The profiles as they are now."""
        self._catalogue = self._store.load()
        return self._catalogue
