"""CloudFormation's custom resources: what a deployment needs and no resource type does."""

import os
import secrets
import string
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final
from urllib.request import urlopen

import boto3
import msgspec
from aws_lambda_powertools import Logger
from botocore.config import Config

from warden.adapters.delivery_rules import remove_all
from warden.adapters.reserved_rule import ReservedRule, RuleRefused, delete_rule, put_rule
from warden.domain.alerts.target import Home
from warden.handlers.cloudformation import SEED, Asked, Made, Opener, answer
from warden.handlers.parts import Parts
from warden.settings import Settings
from warden.storage.registry_passes import ALL
from warden.storage.setup_results import ReservedTopic, SetupResults

log = Logger()

RANDOM_CHARACTERS: Final = 26
ALPHABET: Final = string.ascii_lowercase + string.digits
EVENTS: Final = ("THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY")

PATIENT = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 10})
"""Listing rules is allowed once a second, and nobody waits for milliseconds here."""


class Setup:
    """Makes, changes and removes custom resources, and tells CloudFormation, whatever happens.

    The property `Kind` says which:
        RandomName: `Prefix` and 26 random characters, made once, as attribute `Name`.
        EventConfigurations: registry events are switched on. They are the whole account's: never switched off.
        ReservedRule: the members of `adapters.reserved_rule.ReservedRule`. That AWS refuses it is no failure.
        DeliveryRules: removes with the stack the delivery rules that the control API made.
        Seed: a first full comparison with the registry, by the function `FunctionName`.

    Args:
        parts: The container's.
        opener: Opens the URL of the answer.
        random: A number below its argument that nobody can guess.
        sleep: Waits, in seconds.
    """

    def __init__(
        self,
        parts: Parts,
        opener: Opener = urlopen,
        random: Callable[[int], int] = secrets.randbelow,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._parts = parts
        self._sleep = sleep
        self._opener = opener
        self._random = random
        self._kinds: dict[str, Callable[[Asked], Made | None]] = {
            "RandomName": self._random_name,
            "EventConfigurations": self._event_configurations,
            "ReservedRule": self._reserved_rule,
            "DeliveryRules": self._delivery_rules,
            "Seed": self._seed,
        }

    def __call__(self, event: dict[str, Any]) -> None:
        """Deal with a request and answer it. Raises what keeps the answer from arriving: Lambda tries again."""
        asked = msgspec.convert(event, Asked)
        try:
            made = self._deal(asked)
        except Exception as error:
            log.exception("a custom resource failed", resource=asked.logical_resource_id, request=asked.request_type)
            physical_id = asked.physical_resource_id or f"{asked.logical_resource_id}-not-made"
            answer(asked, Made(physical_id), self._opener, failure=f"{type(error).__name__}: {error}")
        else:
            if made:
                answer(asked, made, self._opener)

    def _deal(self, asked: Asked) -> Made | None:
        kind = asked.resource_properties.get("Kind")
        deal = self._kinds.get(str(kind))
        if deal:
            return deal(asked)
        if asked.request_type == "Delete":  # what could not be made
            return Made(asked.physical_resource_id)
        raise ValueError(f"Kind: expected one of {', '.join(self._kinds)}, got {kind!r}")

    def _random_name(self, asked: Asked) -> Made:
        name = asked.physical_resource_id
        if asked.request_type == "Create":
            characters = (ALPHABET[self._random(len(ALPHABET))] for _ in range(RANDOM_CHARACTERS))
            name = asked.resource_properties["Prefix"] + "".join(characters)
        return Made(name, {"Name": name}, secret=True)

    def _event_configurations(self, asked: Asked) -> Made:
        if asked.request_type != "Delete":
            enabled: Any = {event: {"Enabled": True} for event in EVENTS}
            self._parts.client("iot").update_event_configurations(eventConfigurations=enabled)
        return Made(asked.physical_resource_id or "event-configurations")

    def _reserved_rule(self, asked: Asked) -> Made:
        client, results = self._parts.client("iot"), SetupResults(self._parts.control_table)
        if asked.request_type == "Delete":
            if asked.physical_resource_id.startswith(f"thingwarden_{self._parts.settings.stage}_"):
                delete_rule(client, asked.physical_resource_id)
                results.forget_reserved_topic(asked.physical_resource_id)
            return Made(asked.physical_resource_id)
        rule = msgspec.convert(asked.resource_properties, ReservedRule, strict=False)
        refusal = ""
        try:
            put_rule(client, rule, self._sleep)
        except RuleRefused as error:
            refusal = str(error)
            log.warning("AWS refuses the rule on its reserved topic; the own topic works", reason=refusal)
        results.record_reserved_topic(
            ReservedTopic(
                rule_name=rule.rule_name,
                status="refused" if refusal else "accepted",
                message=refusal,
                at=self._parts.clock(),
            )
        )
        return Made(rule.rule_name)

    def _delivery_rules(self, asked: Asked) -> Made:
        if asked.request_type == "Delete":
            settings = self._parts.settings
            home = Home(settings.partition, self._parts.region, settings.account)
            remove_all(self._parts.client("iot"), home, stage=settings.stage, stack_id=asked.stack_id)
        return Made(asked.physical_resource_id or "alert-rules")

    def _seed(self, asked: Asked) -> Made | None:
        """None: the comparison itself answers, when it is done."""
        if asked.request_type != "Create":
            return Made(asked.physical_resource_id or SEED)
        self._parts.client("lambda").invoke(
            FunctionName=asked.resource_properties["FunctionName"],
            InvocationType="Event",
            Payload=msgspec.json.encode({"groups": ALL, "asked": asked, "at": self._parts.clock()}),
        )
        return None


@cache
def _setup() -> Setup:
    clients = cache(lambda service: boto3.client(service, config=PATIENT))
    return Setup(Parts(Settings.from_env(os.environ), region=os.environ["AWS_REGION"], clients=clients))


def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001
    """Entry point of the function behind the stack's custom resources."""
    _setup()(event)
