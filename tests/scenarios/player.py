"""Plays a scenario in a home, and reads what the home keeps of it in the end.

A scenario is a JSON object: `about`, a sentence; `steps`, in order; `expected`, what people see in the end; perhaps
`options`, those of the deployment. A step may say `after`, the seconds that pass before it, and `row`, which row of the
lifecycle table it is (see this package's docstring), and is one of:

| step | meaning |
|---|---|
| `"registry": CALL` | boto3's name of a call to the registry, with `of`, its parameters; `thing` is told of |
| `"api": CALL` | boto3's name of a call of Device Defender, with `of`, its parameters |
| `"refused": CODE` | beside `api`: the error that answers it |
| `"report": THING` | it reports `metrics` under id `id`, in format `as` (`json`), `ago` seconds before now |
| `"custom": {…}` | beside `report`: its custom metrics, with or without `metrics` |
| `"dropped": [NAME]` | beside `report`: the custom metrics that the reply says are not used |
| `"payload": TEXT` | in place of `id` and `metrics`: what it sends instead |
| `"fixture": FILE` | in place of `metrics` and `as`: the file of `tests/fixtures` that it sends, which has id `id` |
| `"rejected": TEXT` | beside `report`: what the reply's message holds; without it the report is accepted |
| `"again": N` | the Nth last report is delivered once more |
| `"export": TRUE` | what waits for export leaves |
| `"hold": true/false` | whether dispatch and sweep rest from now on, as while they are down |
| `"see": {…}` | what people see now: `active`, `listed` and `sent`, see below |

Seen are `active`, [thing, behavior] of ListActiveViolations; `listed`, [thing, behavior, type] of ListViolationEvents;
`sent`, the same of the SNS messages since the last look, none where it is not given. Their order says nothing.

Unless they rest, what a step caused is dispatched and swept before the next one. Reports of a thing are 300 s apart.
"""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import cbor2
import msgspec
import pytest
from botocore.exceptions import ClientError
from moto.core.models import botocore_stubber
from moto.moto_api._internal import mock_random

from tests.contract.iot import Plug
from warden.control_api.http import HttpRequest, HttpResponse
from warden.domain.alarms.violation import Episode, Event
from warden.domain.alerts.sending import Sending
from warden.ports import Table
from warden.storage import keys
from warden.storage.thing_log import decode
from warden.storage.violations import Violations

ACCOUNT, REGION = "123456789012", "us-east-1"  # moto's
BEGINNING = 1_800_000_000_000
DAY = 86_400_000
MIN_INTERVAL_SECONDS = 300

FIXTURES = Path(__file__).parents[1] / "fixtures"
SCENARIOS = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.json"))}


@dataclass(frozen=True)
class Report:
    """A report as it is published; `at` is when it arrives first, epoch ms."""

    thing: str
    format: str
    payload: bytes
    at: int

    @property
    def topic(self) -> str:
        return f"$aws/things/{self.thing}/defender/metrics/{self.format}"


@dataclass(frozen=True)
class Kept:
    """All that a home keeps and has said, as far as both homes have to agree.

    Attributes:
        log: Of each thing, its entries: sort key, the bytes, expiry.
        events: All, by time; without how far their alerts are, which only receipts tell.
        episodes: All, dropped ones included.
        replies: Topic and payload, in order.
        alerts: Topic and message, in order.
        exports: MQTT topic and message, decoded, in order.
        active: What ListActiveViolations says.
        history: What ListViolationEvents says.
    """

    log: dict[str, list[tuple[str, bytes, int | None]]]
    events: list[Event]
    episodes: list[Episode]
    replies: list[tuple[str, bytes]]
    alerts: list[tuple[str, str]]
    exports: list[tuple[str, Any]]
    active: list[dict[str, Any]]
    history: list[dict[str, Any]]


@cache
def _plugged() -> tuple[Any, Plug]:
    """A stock client whose requests a home answers, moto left out."""
    client = boto3.client("iot", region_name=REGION, aws_access_key_id="nobody", aws_secret_access_key="nothing")
    plug = Plug()
    client.meta.events.unregister("before-send", botocore_stubber)
    client.meta.events.register("before-send", plug)
    return client, plug


class Player(ABC):
    """A home, and what happens to it."""

    log_table: Table
    violations: Violations

    def __init__(self, iot: Any) -> None:
        self.now = BEGINNING
        self.replies: list[tuple[str, bytes]] = []
        self.alerts: list[tuple[str, str]] = []
        self.exports: list[tuple[str, Any]] = []
        self._iot = iot
        self._holds = False
        self._sent: list[Report] = []
        self._things = Counter[str]()
        self._looked = 0

    # What a home does its own way

    @abstractmethod
    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request of the control API; the change is in force afterwards."""

    @abstractmethod
    def take(self, report: Report) -> None:
        """A report is published; its reply is kept."""

    @abstractmethod
    def tell(self, thing: str, what: str) -> None:
        """The registry says what happened to a thing: the end of the topic of its event."""

    @abstractmethod
    def delete_group(self, group: str) -> None:
        """A thing group is deleted, with all that the registry says of that."""

    @abstractmethod
    def settle(self) -> None:
        """Dispatch what was raised, and do what is due, until nothing is left."""

    @abstractmethod
    def export(self) -> None:
        """What waits for export is published."""

    # Playing

    def play(self, scenario: dict[str, Any]) -> Kept:
        for step in scenario["steps"]:
            self.now += round(step.get("after", 0) * 1000)
            self._step(step)
            if not self._holds:
                self.settle()
        return self._kept()

    def _step(self, step: dict[str, Any]) -> None:
        match step:
            case {"registry": "delete_thing_group", "of": {"thingGroupName": group}}:
                self.delete_group(group)
            case {"registry": call, "of": parameters}:
                self._registry(call, parameters)
            case {"api": call, "of": parameters, "refused": code}:
                with pytest.raises(ClientError, match=code):
                    self.ask(call, parameters)
            case {"api": call, "of": parameters}:
                self.ask(call, parameters)
            case {"report": thing}:
                self._report(self._made(thing, step), step)
            case {"again": back}:
                self._report(self._sent[-back], step)
            case {"export": True}:
                self.export()
            case {"hold": holds}:
                self._holds = holds
            case {"see": expected}:
                self._see(expected)
            case _:
                raise AssertionError(f"no step: {step}")

    def ask(self, call: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._client(), call)(**parameters)
        return answer

    def _pages(self, call: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """All pages of an answer, as one."""
        answer: dict[str, Any] = self._client().get_paginator(call).paginate(**parameters).build_full_result()
        return answer

    def _client(self) -> Any:
        client, plug = _plugged()
        plug.router = self  # type: ignore[assignment]
        return client

    def _see(self, expected: dict[str, Any]) -> None:
        """Look at what people see; at messages in any case, that none is overlooked."""
        wanted = {"sent": []} | expected
        found = {what: sorted(map(_named, self._looks()[what]())) for what in wanted}
        assert found == {what: sorted(rows) for what, rows in wanted.items()}, f"{(self.now - BEGINNING) // 1000} s"

    def _looks(self) -> dict[str, Callable[[], list[dict[str, Any]]]]:
        return {
            "active": self._active,
            "listed": self._listed,
            "sent": self._newly_sent,
        }

    def _newly_sent(self) -> list[dict[str, Any]]:
        seen, self._looked = self._looked, len(self.alerts)
        return [json.loads(message) for _, message in self.alerts[seen:]]

    def _active(self) -> list[dict[str, Any]]:
        """All that ListActiveViolations says."""
        active: list[dict[str, Any]] = self._pages("list_active_violations", {})["activeViolations"]
        return active

    def _listed(self) -> list[dict[str, Any]]:
        """All that ListViolationEvents says."""
        period = {"startTime": BEGINNING / 1000, "endTime": self.now / 1000 + 1}
        listed: list[dict[str, Any]] = self._pages("list_violation_events", period)["violationEvents"]
        return listed

    def _registry(self, call: str, parameters: dict[str, Any]) -> None:
        thing = parameters.get("thingName")
        if call == "create_thing":
            self._things[thing] += 1
            mock_random.seed(f"{thing} {self._things[thing]}")  # the same id in both homes
        getattr(self._iot, call)(**parameters)
        event = {
            "create_thing": "created",
            "delete_thing": "deleted",
            "add_thing_to_thing_group": "added",
            "remove_thing_from_thing_group": "removed",
        }.get(call)
        if thing and event:
            group = parameters.get("thingGroupName")
            about = f"thingGroupMembership/thingGroup/{group}/thing/{thing}" if group else f"thing/{thing}"
            self.tell(thing, f"{about}/{event}")

    def _made(self, thing: str, step: dict[str, Any]) -> Report:
        form, payload = _written(step)
        report = Report(thing, form, payload, self.now - step.get("ago", 0) * 1000)
        self._sent.append(report)
        return report

    def _report(self, report: Report, step: dict[str, Any]) -> None:
        answered = len(self.replies)
        self.take(report)
        [(topic, payload)] = self.replies[answered:]
        reply = cbor2.loads(payload) if report.format == "cbor" else json.loads(payload)
        if "rejected" in step:
            assert (topic, reply["status"]) == (f"{report.topic}/rejected", "REJECTED"), reply
            assert step["rejected"] in reply["statusDetails"]["ErrorMessage"]
        else:
            assert (topic, reply["status"]) == (f"{report.topic}/accepted", "ACCEPTED"), reply
            assert [each["metric"] for each in reply.get("dropped", ())] == step.get("dropped", [])
        if "fixture" in step:  # AWS's clients in C look for it in both replies
            assert reply.get("reportId") == step.get("id")

    # What is kept

    def _kept(self) -> Kept:
        log = {thing: self._entries(thing) for thing in sorted(self._things)}
        events = [_without_alert(stored.record) for _, stored in self._events()]
        raised = {
            transition.violation_id
            for thing in log
            for item in self._items(thing)
            for transition in decode(item).entry.transitions
        }
        episodes = [stored.record for each in sorted(raised) if (stored := self.violations.episode(each))]
        return Kept(
            log=log,
            events=sorted(events, key=lambda event: (event.at, event.violation_id, event.type)),
            episodes=episodes,
            replies=self.replies,
            alerts=self.alerts,
            exports=self.exports,
            active=self._active(),
            history=self._listed(),
        )

    def _events(self) -> Any:
        return self.violations.events(start=BEGINNING, end=self.now + DAY, thing=None, profile=None, behind=None)

    def _items(self, thing: str) -> Any:
        prefix = keys.ENTRY_PREFIX
        return self.log_table.query(keys.thing(thing), first=prefix, last=keys.last(prefix), consistent=True).items

    def _entries(self, thing: str) -> list[tuple[str, bytes, int | None]]:
        return [(item.key.sk, item.data, item.expires_at) for item in self._items(thing)]


def _named(said: dict[str, Any]) -> list[str]:
    kind = [said["violationEventType"]] if "violationEventType" in said else []
    return [said["thingName"], said["behavior"]["name"], *kind]


def _written(step: dict[str, Any]) -> tuple[str, bytes]:
    """What a step's report is, by its format and its bytes."""
    if "fixture" in step:
        file = FIXTURES / step["fixture"]
        return file.suffix[1:], file.read_bytes()
    form = step.get("as", "json")
    if "payload" in step:
        return form, step["payload"].encode()
    document = {"header": {"report_id": step["id"], "version": "1.0"}}
    given = {"metrics": step.get("metrics"), "custom_metrics": step.get("custom")}
    document |= {name: block for name, block in given.items() if block is not None}
    return form, cbor2.dumps(document) if form == "cbor" else json.dumps(document).encode()


def _without_alert(event: Event) -> Event:
    return msgspec.structs.replace(event, target=None, sending=Sending())


def seen(kept: Kept) -> dict[str, Any]:
    """What people see of it, as `expected` has it: times in seconds from the beginning."""
    names = {event.violation_id: event.behavior.name for event in kept.events}
    found: dict[str, Any] = {
        "events": [
            [(event.at - BEGINNING) // 1000, event.thing, event.behavior.name, event.type.value, event.reason.value]
            + ([msgspec.json.decode(msgspec.json.encode(event.value))] if event.value else [])
            for event in kept.events
        ],
        "active": sorted([each["thingName"], each["behavior"]["name"]] for each in kept.active),
        "alerts": [
            [said["thingName"], names[said["violationId"]], said["violationEventType"]]
            for said in (json.loads(message) for _, message in kept.alerts)
        ],
    }
    if kept.exports:
        found["exports"] = [
            [
                topic,
                *([item["name"], item["value"], (item["timestamp"] - BEGINNING) // 1000] for item in said["metrics"]),
            ]
            for topic, said in kept.exports
        ]
    return found
