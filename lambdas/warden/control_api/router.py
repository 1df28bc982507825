"""The control API: an HTTP request to an operation and its result to the answer, as botocore's `iot` model has it."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

from botocore.model import OperationModel, ServiceModel, Shape

from warden.control_api.failures import UNKNOWN_OPERATION, Failure, Failures, not_implemented
from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.operations import Answer, Judge, Operation, models
from warden.control_api.validation import Enough, Problems, Reader, Readers, invalid
from warden.control_api.wire import LONGEST_PATH, Writers, from_text, read_body, read_label, read_query
from warden.domain.errors import InvalidRequest


def _new_request_id() -> str:
    return str(uuid4())


class Router:
    """Answers the requests of AWS IoT Device Defender's API, and those for tags.

    It authenticates nobody. An operation that is not given is answered as not implemented.

    Args:
        service_model: botocore's, of service `iot`.
        operations: By the operations' names.
        new_request_id: Gives each request the id that its answer and the log name.

    Raises:
        LookupError: The model lacks an operation, or the operations have one that is none of the control API's.
    """

    def __init__(
        self,
        service_model: ServiceModel,
        operations: Mapping[str, Operation | Judge],
        *,
        new_request_id: Callable[[], str] = _new_request_id,
    ) -> None:
        known = models(service_model)
        if strangers := sorted(set(operations) - set(known)):
            raise LookupError(f"no operations of the control API: {', '.join(strangers)}")
        self._failures = Failures(service_model)
        self._new_request_id = new_request_id
        self._routes: dict[tuple[str, int], list[_Route]] = defaultdict(list)
        readers, writers = Readers(), Writers()
        for name, model in known.items():
            route = _Route.of(model, _Endpoint(model, operations.get(name), readers, writers))
            self._routes[model.http["method"], len(route.segments)].append(route)
        for routes in self._routes.values():
            routes.sort(key=_Route.labels_last)

    def matches(self, method: str, raw_path: str) -> bool:
        """Whether an operation has this method, in upper case, and path, as sent and without the query."""
        return self._find(method, raw_path) is not None

    def operation(self, method: str, raw_path: str) -> str:
        """The name of the operation that has this method and path; empty where none has."""
        found = self._find(method, raw_path)
        return found[0].model.name if found else ""

    def members(self, request: HttpRequest) -> Mapping[str, Any]:
        """What a request gives its operation, whatever is wrong with it; nothing where it cannot be read."""
        found = self._find(request.method, request.path)
        try:
            return found[0].read(found[1], request)[0] if found else {}
        except InvalidRequest:
            return {}

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The answer to any request; raises nothing."""
        request_id = self._new_request_id()
        found = self._find(request.method, request.path)
        if found is None:
            return _refusal(UNKNOWN_OPERATION, request_id)
        endpoint, labels = found
        if endpoint.operation is None:
            return _refusal(not_implemented(endpoint.model.name), request_id)
        try:
            status, body, headers = endpoint.perform(endpoint.operation, labels, request)
            return _answer(status, body, request_id, headers)
        except Exception as error:  # noqa: BLE001 (`of` logs what the caller is not told)
            return _refusal(self._failures.of(error, endpoint.model, request_id), request_id)

    def _find(self, method: str, raw_path: str) -> "tuple[_Endpoint, dict[str, str]] | None":
        if len(raw_path) > LONGEST_PATH:
            return None
        segments = raw_path.split("/")
        for route in self._routes.get((method, len(segments)), ()):
            labels = route.match(segments)
            if labels is not None:
                return route.endpoint, labels
        return None


@dataclass(frozen=True, slots=True)
class _Parameters:
    """An input's members that travel the same way, by their names there: in the path, the query or the body."""

    shapes: Mapping[str, Shape]
    reader: Reader


class _Endpoint:
    """An operation, and how its input and output travel. What that needs of the model is made at first use."""

    def __init__(
        self, model: OperationModel, operation: Operation | Judge | None, readers: Readers, writers: Writers
    ) -> None:
        self.model = model
        self.operation = operation
        self._readers = readers
        self._writers = writers

    def perform(
        self, operation: Operation | Judge, labels: Mapping[str, str], request: HttpRequest
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """Status, body, headers. Raises InvalidRequest for what the model rules out, and what the operation raises."""
        given, problems = self.read(labels, request)
        result: Mapping[str, Any] | Answer
        if isinstance(operation, Judge):
            result = operation.judge(given, tuple(problems))
        elif problems:
            raise invalid(tuple(problems))
        else:
            result = operation(given)
        answer = result if isinstance(result, Answer) else Answer(result, {})
        return self.model.http.get("responseCode", 200), self._write(answer.members), answer.headers

    def read(self, labels: Mapping[str, str], request: HttpRequest) -> tuple[dict[str, Any], Problems]:
        """The input's members, and what the model rules out in them. Raises InvalidRequest where they are no members
        at all."""
        given: dict[str, Any] = {}
        problems = Problems()
        for parameters, values in self._sent(labels, request):
            try:
                given |= parameters.reader.read(values, (), problems)
            except Enough:
                return given | values, problems
        return given, problems

    def _sent(self, labels: Mapping[str, str], request: HttpRequest) -> Iterator[tuple[_Parameters, dict[str, Any]]]:
        path, query, body = self._path, self._query, self._body
        if path.shapes:
            yield path, {name: from_text(read_label(text), path.shapes[name]) for name, text in labels.items()}
        if query.shapes:
            yield query, read_query(request.query, query.shapes)
        if body.shapes:
            yield body, read_body(request.body)

    @cached_property
    def _path(self) -> _Parameters:
        return self._parameters("uri")

    @cached_property
    def _query(self) -> _Parameters:
        return self._parameters("querystring")

    @cached_property
    def _body(self) -> _Parameters:
        return self._parameters(None)

    def _parameters(self, location: str | None) -> _Parameters:
        shape = self.model.input_shape
        members = shape.members if shape else {}
        here = {name: member for name, member in members.items() if member.serialization.get("location") == location}
        reader = self._readers.of_members(here, shape.required_members if shape else [])
        return _Parameters({member.serialization.get("name", name): member for name, member in here.items()}, reader)

    @cached_property
    def _write(self) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        shape = self.model.output_shape
        return self._writers.of_members(shape.name, shape.members) if shape else self._writers.of_members("", {})


@dataclass(frozen=True, slots=True)
class _Route:
    """A path's segments; a label is the name in braces, and stands for anything but nothing."""

    segments: tuple[str, ...]
    endpoint: _Endpoint

    @classmethod
    def of(cls, model: OperationModel, endpoint: _Endpoint) -> "_Route":
        return cls(tuple(model.http["requestUri"].split("/")), endpoint)

    def labels_last(self) -> tuple[bool, ...]:
        """Sorts routes so that what is written out wins over a label."""
        return tuple(_is_label(segment) for segment in self.segments)

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The labels, still percent-encoded; None where the path is another one. As many segments as the route's."""
        labels = {}
        for mine, given in zip(self.segments, segments, strict=True):
            if _is_label(mine) and given:
                labels[mine[1:-1]] = given
            elif mine != given:
                return None
        return labels


def _is_label(segment: str) -> bool:
    return segment.startswith("{")


def _answer(status: int, body: Mapping[str, Any], request_id: str, headers: Mapping[str, str]) -> HttpResponse:
    told = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
    return HttpResponse(status, told | dict(headers), json.dumps(body, allow_nan=False).encode())


def _refusal(failure: Failure, request_id: str) -> HttpResponse:
    body = {"__type": failure.code, "message": failure.message, **failure.members}
    return _answer(failure.status, body, request_id, {"x-amzn-ErrorType": failure.code})
