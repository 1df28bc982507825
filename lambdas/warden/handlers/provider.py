"""CloudFormation's requests for what other stacks of the account declare: the constructs of `warden.cdk`.

Whoever may invoke this function may do what the control API's `admin` may: no more is asked of a caller.
"""

import json
import random
import time
from base64 import b32encode
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from typing import Any, Final
from urllib.request import urlopen

import msgspec
from aws_lambda_powertools import Logger

from warden.control_api import routes
from warden.control_api.in_process import InProcess, Refused
from warden.domain.alerts.target import Delivery
from warden.domain.errors import Unavailable
from warden.handlers import alert_path
from warden.handlers.api import Api
from warden.handlers.cloudformation import Asked, Made, Opener, answer
from warden.handlers.parts import Parts
from warden.handlers.resources import KINDS, Kind, Resources, Tags

log = Logger()

STACK, LOGICAL, REQUEST = "thingwarden:stack-id", "thingwarden:logical-id", "thingwarden:request-id"
"""Tags by which a resource is known as the one that a stack's logical id stands for, and the request it is from."""

SOURCE: Final = "cloudformation.amazonaws.com"
"""As AWS CloudTrail names it where others have an IP address."""

CLOUDFORMATIONS_OWN: Final = ("ServiceToken", "ServiceTimeout")
NOT_MADE: Final = "not-made/"
"""Begins the physical id of what could not be made. The request and the name follow; no name has a slash."""

WAITS: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds at most, before each repetition of what failed for now: a stack's resources are changed all at once."""

MOST_OF_A_NAME = 57
"""Of the stack's and of the logical id's: with 12 random characters and two hyphens a name has 128 at most."""


class Provider:
    """Makes, changes and deletes what is asked for, and tells CloudFormation, whatever happens.

    Args:
        parts: The container's.
        opener: Opens the URL of the answer.
        sleep: Waits, in seconds.
    """

    def __init__(self, parts: Parts, opener: Opener = urlopen, sleep: Callable[[float], None] = time.sleep) -> None:
        self._parts = parts
        self._opener = opener
        self._sleep = sleep
        self._api = Api(parts, self._check_delivery)

    def __call__(self, event: dict[str, Any]) -> None:
        """Deal with a request and answer it. Raises what keeps the answer from arriving: Lambda tries again."""
        asked = msgspec.convert(event, Asked)
        try:
            made = self._patiently(asked)
        except Refused as refusal:
            answer(asked, _failed(asked), self._opener, failure=str(refusal))
        except Exception as error:
            log.exception("a resource failed", resource=asked.logical_resource_id, request=asked.request_type)
            answer(asked, _failed(asked), self._opener, failure=f"{type(error).__name__}: {error}")
        else:
            answer(asked, made, self._opener)

    def _patiently(self, asked: Asked) -> Made:
        for wait in WAITS:
            try:
                return self._deal(asked)
            except Unavailable as error:
                log.warning("to be repeated", resource=asked.logical_resource_id, reason=str(error))
                self._sleep(random.uniform(0, wait))  # noqa: S311 (no secret)
        return self._deal(asked)

    def _deal(self, asked: Asked) -> Made:
        kind = KINDS.get(asked.resource_type)
        if kind is None:
            if asked.request_type == "Delete":  # what could not be made
                return Made(asked.physical_resource_id)
            raise ValueError(f"Type: expected one of {', '.join(KINDS)}, got {asked.resource_type!r}")
        resources = Resources(self._calls(asked.stack_id), kind, self._api.model)
        if asked.request_type == "Delete":
            self._delete(asked, kind, resources)
            return Made(asked.physical_resource_id)
        name = _name(asked, kind)
        properties = {key: value for key, value in asked.resource_properties.items() if key not in CLOUDFORMATIONS_OWN}
        wanted = resources.read(properties, name=name, marks=_marks(asked))
        # An update may come back to a name that its stack had before: a rollback does, where a name was replaced.
        mine = _of(asked, STACK, LOGICAL) if asked.request_type == "Update" else _of(asked, STACK, LOGICAL, REQUEST)
        arn = resources.put(wanted, mine, token=_token(asked))
        return Made(name, {kind.attribute: arn})

    def _delete(self, asked: Asked, kind: Kind, resources: Resources) -> None:
        """Delete what the request's stack made, and nothing else."""
        if asked.physical_resource_id.startswith(NOT_MADE):
            request, _, name = asked.physical_resource_id.removeprefix(NOT_MADE).partition("/")
            resources.remove(name, lambda tags: _of(asked, STACK, LOGICAL)(tags) and tags.get(REQUEST) == request)
            return
        # CloudFormation makes an id up where it gave up a creation before the answer came.
        for name in filter(None, (asked.physical_resource_id, _name(asked, kind))):
            if resources.remove(name, _of(asked, STACK, LOGICAL)):
                return
        log.warning("there is nothing of this stack's to delete", resource=asked.logical_resource_id)

    def _calls(self, stack_id: str) -> InProcess:
        def tell(operation: str, members: Mapping[str, Any], error_code: str) -> None:
            if not routes.is_read_only(operation):
                self._api.tell(operation, members, caller=stack_id, source=SOURCE, error_code=error_code)

        return InProcess(self._api.router, self._api.model, tell)

    def _check_delivery(self, to: Delivery) -> None:
        check = alert_path.check_delivery(self._parts, check_caller=False)
        check(to, caller_arn="", now=self._parts.clock())


def _failed(asked: Asked) -> Made:
    """The id with a failure: of what is there, or one that the deletion which follows knows for what it is."""
    if asked.physical_resource_id:
        return Made(asked.physical_resource_id)
    kind = KINDS.get(asked.resource_type)
    return Made(f"{NOT_MADE}{_token(asked)}/{_name(asked, kind)[:128] if kind else ''}")


def _name(asked: Asked, kind: Kind) -> str:
    """The name that is given, or one made of the stack's, the logical id and 12 characters.

    They are a digest, so that each request finds the name again: the same one that is delivered twice, the rollback
    of a replacement, the deletion of what was made when CloudFormation had stopped waiting for it. A resource that an
    update cannot change in place, since what is fixed of it changes, has another name.
    """
    if given := kind.given_name(asked.resource_properties):
        return given
    of = [asked.stack_id, asked.logical_resource_id, kind.given_fixed(asked.resource_properties)]
    characters = b32encode(sha256(json.dumps(of).encode()).digest()).decode()[:12]
    stack = asked.stack_id.partition("/")[2].partition("/")[0]
    return f"{stack[:MOST_OF_A_NAME]}-{asked.logical_resource_id[:MOST_OF_A_NAME]}-{characters}"


def _token(asked: Asked) -> str:
    return sha256(asked.request_id.encode()).hexdigest()[:32]


def _marks(asked: Asked) -> Tags:
    return {STACK: asked.stack_id, LOGICAL: asked.logical_resource_id, REQUEST: _token(asked)}


def _of(asked: Asked, *marks: str) -> Callable[[Tags], bool]:
    """Whether tags have some of a request's marks."""
    expected = _marks(asked)
    return lambda tags: all(tags.get(mark) == expected[mark] for mark in marks)


@cache
def _provider() -> Provider:
    return Provider(Parts.from_env())


def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001
    """Entry point of the function behind other stacks' resources."""
    _provider()(event)
