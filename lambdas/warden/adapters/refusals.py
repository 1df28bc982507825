"""What AWS refuses, in the errors of `domain.errors`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from warden.domain.errors import InvalidRequest, Throttled, Unavailable

THROTTLED: Final = {
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "LimitExceededException",
}
DENIED: Final = {"AccessDenied", "AccessDeniedException", "ForbiddenException", "UnauthorizedException"}


@contextmanager
def answers(what: str, *, secrets: tuple[str, ...] = ()) -> Iterator[None]:
    """Give AWS's errors their names here.

    Args:
        what: What was asked, for people.
        secrets: What no error, and so no log, may say: AWS repeats resources and addresses.

    Raises: Throttled; Unavailable; InvalidRequest, where this deployment lacks a permission, which no repetition
        mends.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        kind = _kind(error)
        lacking = "this deployment lacks a permission: " if kind is InvalidRequest else ""
        raise kind(f"{lacking}{what}: {hiding(str(error), secrets)}") from (None if secrets else error)


def _kind(error: BotoCoreError | ClientError) -> type[Unavailable | InvalidRequest]:
    if isinstance(error, ClientError) and is_refusal(error, *DENIED):
        return InvalidRequest
    return Throttled if isinstance(error, ClientError) and is_refusal(error, *THROTTLED) else Unavailable


def is_refusal(error: ClientError, *codes: str) -> bool:
    """Whether AWS answered with one of these codes."""
    return error.response["Error"]["Code"] in codes


def hiding(text: str, secrets: tuple[str, ...]) -> str:
    """A text without any of the secrets."""
    for secret in secrets:
        text = text.replace(secret, "(hidden)")
    return text
