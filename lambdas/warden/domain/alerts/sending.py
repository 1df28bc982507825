"""How far the sending of an alert is, where only receipts tell that it left.

A publication into an AWS IoT rule is not refused where the rule is missing, disabled or only just made. So attempts
are numbered, each before it is made, and a receipt or an error names the attempt that it is of.
"""

import msgspec

AGAIN_MS = 600_000
"""After how long an alert without a receipt is published again."""

GIVE_UP_MS = 86_400_000
"""After how long without a receipt an alert becomes a dead letter."""

LONGEST_ERROR = 300


class Sending(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of an alert's way.

    Attributes:
        attempt: The latest publication, counted before it is made; 0 before the first.
        since: When the first one was counted, epoch ms; again where the alert was a dead letter in between.
        due: When the next one may be made, epoch ms.
        received: Whether a receipt of the latest attempt came.
        error: What an error message said of the latest attempt; empty where none did.
        given_up: Whether it is a dead letter.
    """

    attempt: int = 0
    since: int = 0
    due: int = 0
    received: bool = False
    error: str = ""
    given_up: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the latest attempt has a receipt, and no error."""
        return self.received and not self.error

    @property
    def waits(self) -> bool:
        """Whether it has to be published, now or later."""
        return not (self.delivered or self.given_up)

    def is_due(self, now: int) -> bool:
        """Whether it has to be published at epoch ms `now`."""
        return self.waits and self.due <= now

    def is_hopeless(self, now: int) -> bool:
        """Whether it was tried for a day. The first attempt alone is none, unless an error tells that it was made: it
        may have died between being counted and that."""
        tried = bool(self.error) or self.due > self.since + AGAIN_MS
        return tried and self.since > 0 and now - self.since >= GIVE_UP_MS

    def counted(self, now: int) -> "Sending":
        """The same, one attempt on: nothing is known of that one yet."""
        return Sending(attempt=self.attempt + 1, since=self.since or now, due=now + AGAIN_MS)

    def receipt(self, attempt: int) -> "Sending":
        """What a receipt makes of it; only one of the latest attempt counts."""
        return msgspec.structs.replace(self, received=True) if attempt == self.attempt else self

    def failure(self, attempt: int, error: str, *, now: int) -> "Sending":
        """What an error makes of it, whenever it comes: it is published again, if it was the latest attempt's."""
        if attempt != self.attempt or self.error:
            return self
        return msgspec.structs.replace(self, error=error[:LONGEST_ERROR] or "unknown", due=now + AGAIN_MS)

    def postponed(self, due: int) -> "Sending":
        """The same, to be published at epoch ms `due`."""
        return msgspec.structs.replace(self, due=due)

    def abandoned(self) -> "Sending":
        """The same, as a dead letter."""
        return msgspec.structs.replace(self, given_up=True)

    def redriven(self) -> "Sending":
        """The same, to be published at once and for another day. Attempts are counted on: an old receipt stays old."""
        return Sending(attempt=self.attempt)
