"""A share of somebody else's quota, kept to without asking anybody."""


class TokenBucket:
    """Lets through `burst` at once, and `rate` a second in the long run; it is full at first.

    Args:
        rate: Tokens a second, above 0.
        burst: Tokens that it holds.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._filled_at: int | None = None

    def take(self, n: float, now: int) -> bool:
        """Take `n` tokens at epoch ms `now`; all of them, or none and False. A clock that was set back gives nothing
        until it has caught up."""
        if self._filled_at is None:
            self._filled_at = now
        if now > self._filled_at:
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate / 1000)
            self._filled_at = now
        if n > self._tokens:
            return False
        self._tokens -= n
        return True
