"""Answers that say no, in the form each service's clients read."""

import json
from xml.sax.saxutils import escape

from warden.control_api.http import HttpRequest, HttpResponse

_IN_XML = frozenset({"cloudfront", "iam", "route53", "s3", "s3control", "sns", "sts"})


class Refused(Exception):
    """A request that goes no further.

    Args:
        status: The HTTP status.
        code: AWS's name of the error, or one in its style.
        message: What was wrong, and what would be right.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def refusal(service: str, error: Refused, *, is_form: bool = False) -> HttpResponse:
    """The answer to a client of `service`: XML for the services that speak it, and who sent a form; else JSON."""
    headers = {"x-amzn-ErrorType": error.code}
    if service in _IN_XML or is_form:
        blame = "Sender" if error.status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{blame}</Type><Code>{error.code}</Code>"
            f"<Message>{escape(error.message)}</Message></Error></ErrorResponse>"
        )
        return HttpResponse(error.status, headers | {"Content-Type": "text/xml"}, body.encode())
    text = json.dumps({"__type": error.code, "message": error.message})
    return HttpResponse(error.status, headers | {"Content-Type": "application/json"}, text.encode())


def header(request: HttpRequest, name: str) -> str:
    """A header's value, empty where it was not sent; `name` in lower case."""
    return request.headers.get(name, "")
