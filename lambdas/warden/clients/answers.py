"""Answers that say no, in the form that AWS IoT's clients read."""

import json

from warden.control_api.failures import Failure
from warden.control_api.http import HttpResponse


class Refused(Exception):
    """A request that goes no further.

    Args:
        failure: What its sender is told.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def answer(failure: Failure) -> HttpResponse:
    """A failure on the wire."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": failure.code}
    body = {"__type": failure.code, "message": failure.message}
    return HttpResponse(failure.status, headers, json.dumps(body).encode())
