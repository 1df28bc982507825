"""The errors of the product, by whose fault they are. One that a single edge raises and catches is beside it.

WardenError
├── Rejected                   the asker's fault: the same request fails the same way again, never retried
│   ├── ReportRejected         a metrics report; answered on its `/rejected` topic
│   │   ├── NotAThing          the registry does not have the name in its topic
│   │   └── TooSoon            it follows the report before it too soon
│   └── RequestRejected        a control API request; the class is named as AWS's exception, less "Exception"
│       ├── InvalidRequest
│       ├── ResourceNotFound
│       ├── ResourceAlreadyExists
│       ├── VersionConflict
│       ├── LimitExceeded
│       └── NotImplemented_
└── Unavailable                ours, or of something that we depend on: the same request may succeed later
    ├── Raced                  another writer was first; read again
    ├── Throttled              a dependency asked us to slow down
    └── NewerSchema            a record was written by a newer release than this one
"""

from typing import Literal


class WardenError(Exception):
    """What every error of this product is."""


class Rejected(WardenError):
    """The asker's fault; never retried."""


class ReportRejected(Rejected):
    """A metrics report that is not taken.

    Args:
        message: What the device is told: the field's path, what was there, what was expected.
        code: The reply's `ErrorCode`; AWS knows these two.
        report_id: The report's id, where that much could be read.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Literal["InvalidPayload", "Throttled"] = "InvalidPayload",
        report_id: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.report_id = report_id


class NotAThing(ReportRejected):
    """The registry does not have the thing; said only on the registry's own answer, given then.

    Args:
        thing: Its name, from the topic.
        report_id: The report's id.
    """

    def __init__(self, thing: str, *, report_id: int) -> None:
        super().__init__(f"{thing} Not a Thing", report_id=report_id)


class TooSoon(ReportRejected):
    """A report that follows the one before it too soon.

    Args:
        gap: Milliseconds between the two.
        min_interval: Milliseconds that there have to be.
        report_id: The report's id.
    """

    def __init__(self, gap: int, *, min_interval: int, report_id: int) -> None:
        message = f"reports are accepted every {min_interval // 1000} s, this one came {gap / 1000:.1f} s after the one"
        super().__init__(f"{message} before", code="Throttled", report_id=report_id)


class RequestRejected(Rejected):
    """A control API request that is refused; the message names the field, the value and what is allowed."""


class InvalidRequest(RequestRejected):
    """The request breaks a rule."""


class ResourceNotFound(RequestRejected):
    """What the request names does not exist."""


class ResourceAlreadyExists(RequestRejected):
    """What the request would create exists.

    Args:
        message: Says so.
        resource_id: Its name.
        resource_arn: Its ARN.
    """

    def __init__(self, message: str, *, resource_id: str = "", resource_arn: str = "") -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.resource_arn = resource_arn


class VersionConflict(RequestRejected):
    """The resource has another version than the caller expected."""


class LimitExceeded(RequestRejected):
    """A quota is used up."""


class NotImplemented_(RequestRejected):  # noqa: N801 (NotImplemented is Python's)
    """An operation of AWS's that this release does not have."""


class Unavailable(WardenError):
    """Not the asker's fault; the same request may succeed later."""


class Raced(Unavailable):
    """Another writer was first: a condition did not hold. Read again, then decide again."""


class Throttled(Unavailable):
    """A dependency asked us to slow down."""


class NewerSchema(Unavailable):
    """A record was written by a newer release, whose meaning this one cannot know: to be read after an update."""
