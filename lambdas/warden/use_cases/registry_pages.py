"""The registry as a comparison with it reads it: in pages, not thing by thing."""

from typing import Protocol

from warden.domain.errors import Unavailable


class StaleToken(Unavailable):
    """The registry does not take a page's token any more: what was being listed has to be listed from its beginning."""


class RegistryPages(Protocol):
    """The registry's lists. Each call is one page, and the token of the next one or None.

    Raises: StaleToken; Throttled, Unavailable: it could not be asked now.
    """

    def things(self, token: str | None) -> tuple[list[str], str | None]:
        """Names of things."""
        ...

    def groups(self, token: str | None) -> tuple[list[str], str | None]:
        """Names of thing groups."""
        ...

    def members(self, group: str, token: str | None) -> tuple[list[str], str | None]:
        """Names of a group's direct members; none where there is no such group."""
        ...

    def above(self, group: str) -> tuple[str, ...]:
        """The groups that a group is below, at any depth, sorted; none where there is no such group. One request."""
        ...

    def is_dynamic(self, group: str) -> bool:
        """Whether a group's members are what a query finds; not where there is no such group."""
        ...
