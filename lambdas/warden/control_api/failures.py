"""Errors on the wire: which of the model's error shapes tells of an exception, and with which HTTP status."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from warden.domain.errors import NotImplemented_, Raced, Rejected, Throttled, Unavailable

_log = logging.getLogger(__name__)

_SUFFIX = "Exception"
_INVALID, _THROTTLED, _FAILED = (f"{name}{_SUFFIX}" for name in ("InvalidRequest", "Throttling", "InternalFailure"))


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the client learns of it.

    Attributes:
        code: The error shape's name.
        status: HTTP's.
        message: For its user.
        members: What else the shape has.
    """

    code: str
    status: int
    message: str
    members: Mapping[str, Any] = field(default_factory=dict)


UNKNOWN_OPERATION = Failure("UnknownOperationException", 404, "No operation has this method and path.")
"""Not in the model: what AWS's services answer a request that is none of theirs."""


def not_implemented(operation: str) -> Failure:
    """An operation that this release does not have: not in AWS's model, and stock clients do not retry a 501."""
    return Failure(f"NotImplemented{_SUFFIX}", 501, f"{operation} is not implemented by this release.")


class Failures:
    """What clients are told of exceptions, by the model's error shapes."""

    def __init__(self, service_model: ServiceModel) -> None:
        self._shapes = _by_name(service_model.error_shapes)

    def of(self, error: Exception, operation: OperationModel, request_id: str) -> Failure:
        """What to answer; what is ours to mend is logged.

        An exception of `domain.errors` becomes the shape of its name, or of its nearest base class's, that the
        operation declares; one that is the caller's fault but not declared, an InvalidRequestException. What a
        repetition may mend (Raced, Throttled, Unavailable) becomes an error that stock clients retry.
        """
        match error:
            case NotImplemented_():
                return not_implemented(operation.name)
            case Rejected():
                return self._rejected(error, operation)
            case Raced():
                return self._failure(_THROTTLED, "Another request changed the same resource; try again.")
            case Throttled():
                return self._failure(_THROTTLED, "Too many requests; try again.")
            case Unavailable():
                _log.warning("%s failed for now, request %s: %s", operation.name, request_id, error)
                return self._failure(_FAILED, "Something that this needs does not answer; try again.")
        _log.error("%s failed, request %s", operation.name, request_id, exc_info=error)
        return self._failure(_FAILED, f"Internal failure; the service's log tells more of request {request_id}.")

    def _rejected(self, error: Rejected, operation: OperationModel) -> Failure:
        declared = _by_name(operation.error_shapes)
        names = (f"{kind.__name__}{_SUFFIX}" for kind in type(error).__mro__)
        shape = next((declared[name] for name in names if name in declared), self._shapes[_INVALID])
        members = {name: getattr(error, xform_name(name), None) for name in shape.members if name != "message"}
        told = {name: value for name, value in members.items() if value}
        return Failure(shape.name, _status(shape), str(error), told)

    def _failure(self, name: str, message: str) -> Failure:
        return Failure(name, _status(self._shapes[name]), message)


def _by_name(shapes: Iterable[Shape]) -> dict[str, StructureShape]:
    return {shape.name: shape for shape in shapes if isinstance(shape, StructureShape)}


def _status(shape: StructureShape) -> int:
    return int(shape.metadata["error"]["httpStatusCode"])
