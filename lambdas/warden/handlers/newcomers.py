"""Reports of things that the registry has to be asked about first."""

import re
from typing import Final

from warden.adapters.token_bucket import TokenBucket
from warden.domain.alarms.arrival import Arrival
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Throttled
from warden.handlers.flood import NewNames
from warden.ports import Things

CALLS: Final = 2
"""What a question costs of the registry's quota: DescribeThing, and ListThingGroupsForThing."""

_REGISTRABLE: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""Source: AWS IoT API, thingName."""


class Newcomers:
    """Port Things for the report of one principal.

    Args:
        things: The registry.
        share: What may be asked of it.
        names: Those it turned out not to have.
        principal: Who reports.
        now: Epoch ms.
    """

    def __init__(self, things: Things, share: TokenBucket, names: NewNames, *, principal: str, now: int) -> None:
        self._things = things
        self._share = share
        self._names = names
        self._principal = principal
        self._now = now
        self._new = False

    def admit(self, arrival: Arrival) -> None:
        """Nothing is known of the report's thing. Raises TooManyNames where it is not to be asked for."""
        self._names.check(self._principal, arrival, self._now)
        self._new = True

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        """See Things. Raises Throttled where the share of the registry's quota is used up. A name that no thing can
        have needs no question, which the registry would not take as one."""
        answer = self._ask(thing, now) if _REGISTRABLE.fullmatch(thing) else ThingFacts("", answered_at=now)
        if self._new and not answer.registered:
            self._names.add(self._principal, thing, self._now)
        return answer

    def _ask(self, thing: str, now: int) -> ThingFacts:
        if not self._share.take(CALLS, self._now):
            raise Throttled("the share of the registry's quota is used up for now")
        return self._things.ask(thing, now=now)
