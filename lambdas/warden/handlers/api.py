"""The control API's operations in one container, whoever asks for them, and the event that each change raises."""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from aws_lambda_powertools import Logger

from warden.adapters.events import EventBus
from warden.control_api.api import operations
from warden.control_api.context import Context
from warden.control_api.paging import Pager
from warden.control_api.router import Router
from warden.domain.alerts.target import Delivery
from warden.domain.errors import Unavailable
from warden.handlers.parts import Parts
from warden.storage.token_key import token_key

log = Logger()

MAX_PARAMETERS = 100_000
"""Bytes of an event's requestParameters; AWS CloudTrail leaves out what is over 100 KB too."""


class Api:
    """One container's operations.

    Args:
        parts: The container's.
        check_delivery: As `Context` has it.
    """

    def __init__(self, parts: Parts, check_delivery: Callable[[Delivery], object]) -> None:
        self._parts = parts
        self._check_delivery = check_delivery
        self._events = EventBus(lambda: parts.client("events"))

    @cached_property
    def model(self) -> Any:
        """botocore's, of service `iot`."""
        return self._parts.client("iot").meta.service_model

    @cached_property
    def router(self) -> Router:
        """What answers."""
        parts = self._parts
        context = Context(
            account=parts.settings.account,
            region=parts.region,
            partition=parts.settings.partition,
            catalogue=parts.catalogue,
            jobs=parts.jobs,
            violations=parts.violations,
            log=parts.thing_log,
            keep=parts.thing_log.keep,
            has_group=parts.things.has_group,
            child_groups=parts.things.below,
            event_days=parts.settings.event_days,
            datapoint_days=parts.settings.datapoint_days,
            pager=Pager(token_key(parts.control_table, secrets.token_bytes(32))),
            clock=parts.clock,
            limits=parts.settings.limits,
            check_delivery=self._check_delivery,
        )
        return Router(self.model, operations(context))

    def tell(
        self, operation: str, parameters: Mapping[str, Any], *, caller: str, source: str, error_code: str = ""
    ) -> None:
        """Raise event `API Call`, also for a change that was refused: CloudTrail sees none of these calls.

        Args:
            operation: Its name.
            parameters: What it was given.
            caller: ARN of whoever asked.
            source: IP address, or name of the service that asked.
            error_code: Of the refusal.
        """
        detail = {
            "operation": operation,
            "requestParameters": _bounded(parameters),
            "caller": caller,
            "sourceIp": source,
        }
        if error_code:
            detail["errorCode"] = error_code
        try:
            self._events.put("API Call", detail, at=self._parts.clock())
        except Unavailable as error:  # the change is made, and the caller has nothing to mend
            lost = {"operation": operation, "caller": caller, "reason": str(error)}
            log.error("an API Call event was lost", extra=lost)  # noqa: TRY400 (a trace would tell nothing more)


def _bounded(parameters: Mapping[str, Any]) -> Any:
    """A request's members as JSON knows them; only their size where they are too large for an event."""
    try:
        text = json.dumps(parameters, default=_text)
    except RecursionError:  # at a depth that Python's versions do not agree on
        return {"omitted": True, "reason": "nested too deeply"}
    if len(text) > MAX_PARAMETERS:
        return {"omitted": True, "originalSize": len(text), "reason": f"more than {MAX_PARAMETERS} bytes"}
    return json.loads(text, parse_constant=str)  # 1e999 is a number of JSON, what Python makes of it is none


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)
