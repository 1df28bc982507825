"""What comes back from a delivery rule: a receipt, which is what was published, or the JSON of its error action.

Any device can invoke a rule whose name it learns, so nothing here is believed for its form alone.
Source: AWS IoT Developer Guide, Error handling (error action).
"""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from warden.domain.alarms.alarm import EventType
from warden.domain.alerts.message import TEST_PREFIX

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Moment = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]
Attempt = Annotated[int, msgspec.Meta(ge=1, lt=10**9)]


class _Said(msgspec.Struct, rename="camel"):
    violation_id: Id
    violation_event_type: EventType
    violation_event_time: Moment
    test: bool = False


class _Published(msgspec.Struct):
    default: str
    attempt: Attempt


class _Failure(msgspec.Struct, rename="camel"):
    failed_action: str = ""
    failed_resource: str = ""
    error_message: str = ""


class _Error(msgspec.Struct, rename="camel"):
    rule_name: str
    base64_original_payload: str
    topic: str = ""
    failures: list[_Failure] = []


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a rule ran for a publication, or that one of its actions failed.

    Attributes:
        violation_id: Of the violation.
        type: Of its event.
        at: The event's time, epoch ms.
        attempt: Of the publication.
        error: What failed, without the rule's name and secret; None where this is a receipt.
    """

    violation_id: str
    type: EventType
    at: int
    attempt: int
    error: str | None = None

    @property
    def is_test(self) -> bool:
        """Whether it is of a test, and of no event."""
        return self.violation_id.startswith(TEST_PREFIX)


_error, _published, _said = (
    msgspec.json.Decoder(_Error).decode,
    msgspec.json.Decoder(_Published).decode,
    msgspec.json.Decoder(_Said).decode,
)
_MALFORMED: Final = (msgspec.DecodeError, UnicodeError, RecursionError, binascii.Error)


def parse(body: str, prefix: str) -> Receipt | None:
    """What a message says; None where it is neither a receipt nor an error of a stage's alert rules.

    Args:
        body: The queue's message.
        prefix: What the names of the stage's alert rules begin with.
    """
    try:
        error = _as_error(body)
        if error is None:
            return _receipt(body, None)
        if not error.rule_name.startswith(prefix):
            return None
        payload = base64.b64decode(error.base64_original_payload, validate=True)
        return _receipt(payload, _text(error))
    except _MALFORMED:
        return None


def export_failure(body: str, prefix: str) -> str | None:
    """What failed where exported metrics did not leave; None for any other message.

    Args:
        body: The queue's message.
        prefix: What the names of the stage's rules for exports begin with.
    """
    try:
        error = _as_error(body)
    except _MALFORMED:
        return None
    return _text(error) if error and error.rule_name.startswith(prefix) else None


def _as_error(body: str) -> _Error | None:
    try:
        return _error(body)
    except msgspec.ValidationError:
        return None


def _receipt(payload: str | bytes, error: str | None) -> Receipt | None:
    published = _published(payload)
    said = _said(published.default)
    receipt = Receipt(said.violation_id, said.violation_event_type, said.violation_event_time, published.attempt, error)
    return receipt if said.test is receipt.is_test else None


def _text(error: _Error) -> str:
    """What failed, in one line of printable characters. AWS IoT quotes the topic, and with it the rule's secret."""
    said = "; ".join(f"{each.failed_action} {each.failed_resource}: {each.error_message}" for each in error.failures)
    for secret in _secrets(error):
        said = said.replace(secret, "(hidden)")
    return json.dumps(said or "no failure named", ensure_ascii=True)[1:-1]


def _secrets(error: _Error) -> Iterator[str]:
    """What an error knows and nobody may read: the rule's name, and the first level of the topic behind it."""
    yield error.rule_name
    first = error.topic.removeprefix(f"$aws/rules/{error.rule_name}/").split("/", 1)[0]
    if first:
        yield first
