"""What the alert path calls, as doubles that keep what they were told: alert rules, publications into them, and dead
letters. A publication to a rule that is not there is taken and lost, as AWS IoT does."""

import base64
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from tests.core.world import World
from warden.domain.alerts.rule import DeliveryRule
from warden.domain.errors import Unavailable
from warden.storage.delivery_rules import DeliveryRules, Trials
from warden.use_cases.deliver_alerts import Wanted
from warden.use_cases.prepare_delivery_rule import PrepareDeliveryRule
from warden.use_cases.publish_alerts import PublishAlerts
from warden.use_cases.record_receipt import Outcome, RecordReceipt


@dataclass(frozen=True)
class Published:
    """A publication, and what comes back of it where the rule runs, or one of its actions fails."""

    topic: str
    payload: bytes

    @property
    def rule(self) -> str:
        return self.topic.split("/")[2]

    @property
    def attempt(self) -> int:
        attempt: int = json.loads(self.payload)["attempt"]
        return attempt

    @property
    def message(self) -> dict[str, Any]:
        """AWS's message in it."""
        message: dict[str, Any] = json.loads(json.loads(self.payload)["default"])
        return message

    def receipt(self) -> str:
        return json.dumps(json.loads(self.payload))

    def error(self, said: str = "Topic does not exist") -> str:
        return json.dumps(
            {
                "ruleName": self.rule,
                "topic": self.topic.split("/", 3)[3],
                "cloudwatchTraceId": "c0ffee",
                "clientId": "n/a",
                "base64OriginalPayload": base64.b64encode(self.payload).decode(),
                "failures": [{"failedAction": "SnsAction", "failedResource": "topic", "errorMessage": said}],
            }
        )


@dataclass
class Rules:
    """Ports TopicRules, RulePublisher and DeadAlerts."""

    made: dict[str, DeliveryRule] = field(default_factory=dict)
    looked: int = 0
    published: list[Published] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    down: bool = False

    def create(self, rule: DeliveryRule) -> None:
        self.made.setdefault(rule.name, rule)

    def is_intact(self, rule: DeliveryRule) -> bool:
        self.looked += 1
        return rule.name in self.made

    def delete(self, rule: DeliveryRule) -> None:
        self.made.pop(rule.name, None)

    def publish(self, topic: str, payload: bytes) -> None:
        if self.down:
            raise Unavailable("nothing is taken now")
        self.published.append(Published(topic, payload))

    def put(self, letter: str) -> None:
        self.letters.append(letter)


class Numbers:
    """Random characters that the tests can foresee."""

    def __init__(self) -> None:
        self._given = 0

    def __call__(self, length: int) -> str:
        self._given += 1
        return f"{self._given:0{length}d}"


class RuleWorld:
    """The core, whose alerts leave through alert rules."""

    def __init__(self) -> None:
        self.world = World()
        self.world.registry.create("a")
        true = self.world.true
        self.rules = Rules()
        self.observed = Counter[str]()
        table = self.world.files[1]
        self.records = DeliveryRules(table)
        self.prepare = PrepareDeliveryRule(self.records, self.rules, stage="test", fresh=Numbers())
        wanted = Wanted(true.catalogue, true.log, true.violations)
        self.publish = PublishAlerts(
            true.violations, wanted, self.prepare, self.rules, self.rules, lambda name, _: self.observed.update([name])
        )
        self.record = RecordReceipt(true.violations, Trials(table), stage="test")
        self.world.parts = true
        true.deliver = self.publish  # type: ignore[assignment]
        true.sweep = replace(true.sweep, deliver=self.publish)

    @property
    def attempts(self) -> list[int]:
        return [each.attempt for each in self.rules.published]

    @property
    def events_due(self) -> int:
        """Events that are marked to be published, now or later."""
        return sum(1 for _ in self.world.true.violations.waiting())

    def heard(self, body: str) -> Outcome:
        """A message came from the receipts' queue."""
        return self.record(body, now=self.world.now)

    def pass_time(self, milliseconds: int) -> None:
        """Time passes; then everything that is due is done."""
        self.world.now += milliseconds
        self.world.sweep()

    def close(self) -> None:
        self.world.close()
