"""What AWS, and the network before it, can do to a request of a function, done to botocore's clients."""

from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto.core.models import botocore_stubber

from warden.handlers.parts import Clients

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES: Final = ("dynamodb", "iot", "iot-data", "sqs")


class Death(BaseException):
    """The function's process ends at once: out of memory, out of time."""


class Strike(Enum):
    UNREACHABLE = "no connection; nothing was done"
    BROKEN = "an error 500; nothing was done"
    THROTTLED = "refused for want of capacity; nothing was done"
    CONFLICT = "a transaction, refused since another is at the same item; nothing was done"
    LOST_ANSWER = "done, and no answer came"
    REPEATED = "done, and done again by botocore, which had no answer to the first"
    DEATH_BEFORE = "the process ends before it"
    DEATH_AFTER = "the process ends when it is done"

    def may_hit(self, operation: str) -> bool:
        """Whether it can happen to a request, `service:Operation`."""
        if self is Strike.CONFLICT:
            return operation == _TRANSACT
        return self is not Strike.REPEATED or operation in _REPEATABLE


BEFORE: Final = (Strike.UNREACHABLE, Strike.BROKEN, Strike.THROTTLED, Strike.CONFLICT, Strike.DEATH_BEFORE)
AFTER: Final = (Strike.LOST_ANSWER, Strike.REPEATED, Strike.DEATH_AFTER)

_PUT, _TRANSACT = "dynamodb:PutItem", "dynamodb:TransactWriteItems"
_REPEATABLE: Final = frozenset(  # a transaction is not: its token makes the second time an answer to the first
    {
        _PUT,
        "dynamodb:DeleteItem",
        "iot:CreateTopicRule",
        "iot:DeleteTopicRule",
        "iot-data:Publish",
        "sqs:SendMessage",
    }
)

Plan = Callable[[int, str], Strike | None]
"""Given a request's number, from 1 on, and its `service:Operation`: what happens to it."""

Refusal = tuple[int, str, list[str]]
"""HTTP status, error code, and where a transaction is cancelled its reasons."""


class Strikes:
    """Stands between the functions and AWS, while it is connected.

    Attributes:
        functions: The functions' clients.
        plan: What happens to the requests to come.
        meanwhile: What somebody else does just before the request of a number.
        calls: The requests so far, as `service:Operation`.
        struck: How often which strike hit which operation.
    """

    def __init__(self, functions: Clients) -> None:
        self.functions = functions
        self._now: Strike | None = None
        self._nested = False
        self.clear()

    def clear(self) -> None:
        self.plan: Plan = lambda _number, _operation: None
        self.meanwhile: dict[int, Callable[[], object]] = {}
        self.calls: list[str] = []
        self.struck = Counter[tuple[str, Strike]]()

    def once(self, number: int, strike: Strike) -> None:
        self.plan = lambda nth, _: strike if nth == number else None

    @contextmanager
    def connected(self) -> "Iterator[Strikes]":
        for service in SERVICES:
            events = self.functions(service).meta.events
            events.register("before-call", self._before_call, unique_id="strikes")
            events.register_first("before-send", self._before_send, unique_id="strikes-before")
            events.register_last("before-send", self._after_send, unique_id="strikes-after")
        yield self
        for service in SERVICES:
            events = self.functions(service).meta.events
            events.unregister("before-call", unique_id="strikes")
            events.unregister("before-send", unique_id="strikes-before")
            events.unregister("before-send", unique_id="strikes-after")

    def _before_call(self, model: Any, **_: object) -> Any:
        self._now = None
        if self._nested:
            return None
        service = model.service_model.service_name
        operation = f"{'iot-data' if service == 'iot-data-plane' else service}:{model.name}"
        self.calls.append(operation)
        number = len(self.calls)
        if step := self.meanwhile.pop(number, None):
            with self.undisturbed():
                step()
        strike = self.plan(number, operation)
        if strike is None or not strike.may_hit(operation):
            return None
        self.struck[operation, strike] += 1
        self._now = strike
        refusal = _refusal(strike, operation)
        return _answer(*refusal) if refusal else None

    @contextmanager
    def undisturbed(self) -> "Iterator[None]":
        """Requests that are neither counted nor struck."""
        nested, self._nested = self._nested, True
        try:
            yield
        finally:
            self._nested = nested

    def _before_send(self, request: Any, event_name: str, **_: object) -> None:
        match self._now:
            case Strike.UNREACHABLE:
                raise EndpointConnectionError(endpoint_url=request.url)
            case Strike.DEATH_BEFORE:
                raise Death
            case Strike.REPEATED:
                botocore_stubber(event_name, request)

    def _after_send(self, request: Any, **_: object) -> None:
        """moto has done it: it is a handler of the same event, before this one."""
        if self._now is Strike.LOST_ANSWER:
            raise ReadTimeoutError(endpoint_url=request.url)
        if self._now is Strike.DEATH_AFTER:
            raise Death


def _refusal(strike: Strike, operation: str) -> Refusal | None:
    """AWS's answer in place of doing anything. Source: API references, common errors; TransactWriteItems."""
    service = operation.partition(":")[0]
    match strike:
        case Strike.BROKEN:
            code = {"dynamodb": "InternalServerError", "sqs": "InternalError"}.get(service, "InternalFailureException")
            return 500, code, []
        case Strike.THROTTLED if operation == _TRANSACT:
            return 400, "TransactionCanceledException", ["None", "ThrottlingError"]
        case Strike.THROTTLED:
            codes = {"dynamodb": "ProvisionedThroughputExceededException", "sqs": "RequestThrottled"}
            return 400, codes.get(service, "ThrottlingException"), []
        case Strike.CONFLICT:
            return 400, "TransactionCanceledException", ["TransactionConflict", "None"]
        case _:
            return None


def _answer(status: int, code: str, reasons: list[str]) -> tuple[Any, dict[str, Any]]:
    parsed: dict[str, Any] = {
        "Error": {"Code": code, "Message": "as the test has it"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    if reasons:
        parsed["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return type("Http", (), {"status_code": status})(), parsed
