"""What security profiles refer to by name (custom metrics, dimensions) comes to be, changes, and goes."""

from collections.abc import Callable
from typing import Generic

import msgspec

from warden.domain.behaviors.profile import SecurityProfile
from warden.domain.errors import InvalidRequest, LimitExceeded, ResourceAlreadyExists, ResourceNotFound
from warden.ports import Write
from warden.storage.catalogue import CatalogueStore
from warden.storage.definitions import D, Definitions

PROFILES_NAMED = 10


class Define(Generic[D]):
    """Changes the definitions of one kind, one change of the catalogue each.

    Args:
        catalogue: The security profiles.
        definitions: The definitions.
        what: What one is called in messages: `custom metric`.
        member: The member of requests that names one.
        most: How many there may be.
        used_by: Whether a profile uses the one of a name.
    """

    def __init__(
        self,
        catalogue: CatalogueStore,
        definitions: Definitions[D],
        *,
        what: str,
        member: str,
        most: int,
        used_by: Callable[[SecurityProfile, str], bool],
    ) -> None:
        self._catalogue = catalogue
        self._definitions = definitions
        self._what = what
        self._member = member
        self._most = most
        self._used_by = used_by

    def create(self, new: D, *, arn: str, now: int) -> D:
        """Create a definition. Asked again with the same token for the same, it is there already.

        Args:
            new: What it says.
            arn: Its ARN, for the error where the name is in use.
            now: Epoch ms.

        Returns: What is there now. Raises ResourceAlreadyExists, LimitExceeded.
        """
        created = new

        def writes(_: int) -> list[Write]:
            nonlocal created
            stored = self._definitions.get(new.name)
            if stored:
                created = stored.record
                at, since = created.created_at, created.modified_at
                if msgspec.structs.replace(new, created_at=at, modified_at=since) == created:
                    return []
                message = f"{self._member}: a {self._what} {new.name!r} exists already"
                raise ResourceAlreadyExists(message, resource_id=new.name, resource_arn=arn)
            there = sum(1 for _ in self._definitions.all())
            if there >= self._most:
                raise LimitExceeded(f"{self._member}: there may be {self._most} {self._what}s, and there are {there}")
            created = new
            return [self._definitions.put(new, None)]

        self._catalogue.change(now, writes)
        return created

    def update(self, name: str, edit: Callable[[D], D], *, now: int) -> D:
        """Change what a definition says. Returns it. Raises ResourceNotFound."""
        updated: list[D] = []

        def writes(_: int) -> list[Write]:
            stored = self._definitions.get(name)
            if stored is None:
                raise self._unknown(name)
            updated[:] = [edit(stored.record)]
            return [self._definitions.put(updated[0], stored)]

        self._catalogue.change(now, writes)
        return updated[0]

    def delete(self, name: str, *, now: int) -> None:
        """Delete a definition; one that does not exist is no error. Raises InvalidRequest where a profile uses it."""

        def writes(_: int) -> list[Write]:
            stored = self._definitions.get(name)
            if stored is None:
                return []
            profiles = self._catalogue.load().profiles
            using = sorted(each.security_profile_name for each in profiles if self._used_by(each, name))
            if using:
                more = f" and {len(using) - PROFILES_NAMED} more" if len(using) > PROFILES_NAMED else ""
                raise InvalidRequest(
                    f"{self._member}: expected a {self._what} that no security profile uses, got {name!r}, which is "
                    f"used by {', '.join(using[:PROFILES_NAMED])}{more}"
                )
            return [self._definitions.delete(stored)]

        self._catalogue.change(now, writes)

    def describe(self, name: str) -> D:
        """The definition of a name. Raises ResourceNotFound."""
        stored = self._definitions.get(name)
        if stored is None:
            raise self._unknown(name)
        return stored.record

    def _unknown(self, name: str) -> ResourceNotFound:
        return ResourceNotFound(f"{self._member}: there is no {self._what} {name!r}")
