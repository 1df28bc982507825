"""The operations of iot-data that are about messages: they go through this home's broker.

Topics that begin with `$` are refused, those of defender reports among them, which AWS IoT takes over MQTT only; a
report on the home's own metrics topic is a report, here as on AWS.

Source: AWS IoT API, iot-data; AWS IoT Core quotas, message broker. That a refusal is a ForbiddenException is what
AWS was seen to answer, although its model names it for other operations only.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

from botocore.model import Shape
from moto.core.utils import get_service_model
from moto.iot.exceptions import InvalidRequestException

from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.validation import Problems, Readers, invalid
from warden.control_api.wire import read_query
from warden.domain.errors import InvalidRequest, Unavailable
from warden.embedded.broker.properties import Properties
from warden.embedded.surroundings.answers import Refused, refusal
from warden.embedded.surroundings.message_properties import message_properties
from warden.embedded.surroundings.pages import page

TOPICS, RETAINED = "/topics/", "/retainedMessage"
MAX_PAYLOAD = 128 * 1024
MAX_TOPIC_BYTES, MAX_SLASHES = 256, 7
PAGE = 200
"""Of retained messages, where no size is asked for; the greatest that may be."""

_READERS = Readers()


class RetainedMessage(NamedTuple):
    """A message that is retained.

    Attributes:
        topic: Its topic.
        payload: What was published; left out of lists.
        size: Bytes of it.
        qos: 0 or 1.
        at: When it was published, epoch milliseconds.
        user: MQTT 5's user properties, in order.
    """

    topic: str
    payload: bytes
    size: int
    qos: int
    at: int
    user: tuple[tuple[str, str], ...] = ()


class MessageBroker(Protocol):
    """The broker, as far as iot-data needs it. Every call may raise Unavailable."""

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, properties: Properties) -> None:
        """Publish as a client; returns once a report among it is in the log."""
        ...

    def retained(self, topic: str) -> RetainedMessage | None:
        """A topic's retained message."""
        ...

    def all_retained(self) -> Iterable[RetainedMessage]:
        """All retained messages, without their payloads."""
        ...


class Messages:
    """Answers Publish, GetRetainedMessage and ListRetainedMessages.

    Args:
        broker: Where messages go, and are retained.
    """

    def __init__(self, broker: MessageBroker) -> None:
        self._broker = broker

    @staticmethod
    def matches(request: HttpRequest) -> bool:
        """Whether a request to iot-data is about messages."""
        if request.method == "POST":
            return request.path.startswith(TOPICS)
        return request.method == "GET" and (request.path == RETAINED or request.path.startswith(f"{RETAINED}/"))

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request that matches."""
        try:
            return self._answer(request)
        except Refused as error:
            return refusal("iot-data", error)
        except InvalidRequest as error:
            return refusal("iot-data", Refused(400, "InvalidRequestException", str(error)))
        except Unavailable as error:
            return refusal("iot-data", Refused(503, "ServiceUnavailableException", str(error)))

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return self._publish(request)
        topic = _topic(request.path.removeprefix(RETAINED).removeprefix("/"))
        return self._get(topic) if topic else self._list(request)

    def _publish(self, request: HttpRequest) -> HttpResponse:
        given = _parameters("Publish", request)
        properties = message_properties(given)
        topic = _topic(request.path.removeprefix(TOPICS))
        _check_topic(topic)
        if len(request.body) > MAX_PAYLOAD:
            raise InvalidRequest(f"payload: expected at most {MAX_PAYLOAD} bytes, got {len(request.body)}")
        qos, retain = given.get("qos", 0), given.get("retain", False)
        self._broker.publish(topic, request.body, qos=qos, retain=retain, properties=properties)
        return _json({"message": "OK"})

    def _get(self, topic: str) -> HttpResponse:
        found = self._broker.retained(topic)
        if found is None:
            raise Refused(404, "ResourceNotFoundException", f"no message is retained for {topic[:300]!r}")
        answer = {"topic": found.topic, "payload": _blob(found.payload), "qos": found.qos, "lastModifiedTime": found.at}
        if found.user:
            answer["userProperties"] = _blob(json.dumps([{name: text} for name, text in found.user]).encode())
        return _json(answer)

    def _list(self, request: HttpRequest) -> HttpResponse:
        given = _parameters("ListRetainedMessages", request)
        try:
            found, token = page(
                self._broker.all_retained(),
                lambda message: message.topic,
                marker=given.get("nextToken"),
                size=given.get("maxResults", PAGE),
            )
        except InvalidRequestException as error:
            raise InvalidRequest(f"nextToken: {error.message}") from None
        listed = [
            {"topic": each.topic, "payloadSize": each.size, "qos": each.qos, "lastModifiedTime": each.at}
            for each in found
        ]
        return _json({"retainedTopics": listed, **({"nextToken": token} if token else {})})


def _parameters(operation: str, request: HttpRequest) -> dict[str, Any]:
    """The members that travel in the query, and in headers. Raises InvalidRequest."""
    model = get_service_model("iot-data").operation_model(operation)
    shape = model.input_shape
    assert shape is not None, f"{operation} takes something"
    placed: dict[str, dict[str, Shape]] = {"querystring": {}, "header": {}}
    for name, each in shape.members.items():
        placed.get(each.serialization.get("location", ""), {})[name] = each
    sent = read_query(request.query, _on_the_wire(placed["querystring"]))
    sent |= {name: request.headers[name] for name in _on_the_wire(placed["header"]) if name in request.headers}
    members = placed["querystring"] | placed["header"]
    problems = Problems()
    given: dict[str, Any] = _READERS.of_members(members, ()).read(sent, (), problems)
    if problems:
        raise invalid(tuple(problems))
    return given


def _on_the_wire(members: Mapping[str, Shape]) -> dict[str, Shape]:
    return {each.serialization.get("name", name): each for name, each in members.items()}


def _topic(label: str) -> str:
    try:
        return unquote(label, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest("topic: expected percent-encoded UTF-8") from None


def _check_topic(topic: str) -> None:
    size, slashes = len(topic.encode()), topic.count("/")
    if not 1 <= size <= MAX_TOPIC_BYTES or slashes > MAX_SLASHES:
        allowed = f"1 to {MAX_TOPIC_BYTES} bytes and at most {MAX_SLASHES} slashes"
        raise InvalidRequest(f"topic: expected {allowed}, got {size} bytes and {slashes} slashes")
    if any(character in topic for character in "+#\0"):
        raise InvalidRequest("topic: expected no wildcard and no null character")
    if topic.startswith("$"):
        raise Refused(403, "ForbiddenException", f"topic: {topic!r} is reserved; reports and events go over MQTT only")


def _blob(value: bytes) -> str:
    return b64encode(value).decode()


def _json(value: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(200, {"Content-Type": "application/json"}, json.dumps(value).encode())
