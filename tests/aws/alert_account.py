"""An account with all that alerts need: queues, roles, a topic, and somebody who listens."""

import json
from typing import Any

import msgspec

from tests.aws.alert_engine import Engine, drain, feed
from tests.aws.conftest import ACCOUNT, MINUTE, REGION, Clock
from tests.aws.core import Fleet
from tests.core.profiles import few_connections
from warden.domain.alarms.alarm import EventType
from warden.domain.behaviors.profile import AlertTarget, SecurityProfile
from warden.handlers.alert_path import publish_alerts
from warden.handlers.parts import Clients, Parts
from warden.handlers.receipts import Receipts
from warden.settings import Settings
from warden.use_cases.dispatch_transitions import DispatchTransitions

QUEUES = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}"
RULE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/thingwarden-test-rules"
ALERT_ROLE = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/thingwarden-test-alerts"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:thingwarden-test-alerts"
RULES = f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/*"


def with_queues(settings: Settings) -> Settings:
    """Settings as the stack gives them to the functions of the alert path."""
    return msgspec.structs.replace(
        settings,
        rule_role_arn=RULE_ROLE,
        receipts_queue_url=f"{QUEUES}/thingwarden-test-receipts",
        dead_alerts_queue_url=f"{QUEUES}/thingwarden-test-dead-alerts",
    )


def trusting(source: str = RULES) -> dict[str, Any]:
    """A trust policy as the stack writes it."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "iot.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                    "ArnLike": {"aws:SourceArn": source},
                },
            }
        ],
    }


def make_role(clients: Clients, arn: str, *, trust: dict[str, Any], action: str, resource: str) -> None:
    path, name = arn.split(":role", 1)[1].rsplit("/", 1)
    iam = clients("iam")
    iam.create_role(RoleName=name, Path=f"{path}/", AssumeRolePolicyDocument=json.dumps(trust))
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
    iam.put_role_policy(RoleName=name, PolicyName="does", PolicyDocument=json.dumps(allowed))


def profile(name: str, *, topic: str = TOPIC, role: str = ALERT_ROLE) -> SecurityProfile:
    """One that alerts the topic."""
    target = AlertTarget(alert_target_arn=topic, role_arn=role)
    return SecurityProfile(security_profile_name=name, behaviors=(few_connections(),), alert_targets={"SNS": target})


class Account:
    """Things that report, and the whole way from their violations to a subscriber."""

    def __init__(self, parts: Parts, clients: Clients, clock: Clock) -> None:
        self.parts, self.clients, self.clock = parts, clients, clock
        self.fleet = Fleet(parts, clients, announces=True)
        self.engine = Engine(clients)
        self.receipts = Receipts(parts)
        self.publish = publish_alerts(parts)
        self._dispatch = DispatchTransitions(
            parts.catalogue, parts.thing_log, parts.violations, keep=parts.thing_log.keep
        )
        for queue in ("receipts", "dead-alerts", "inbox"):
            clients("sqs").create_queue(QueueName=f"thingwarden-test-{queue}")
        clients("sns").create_topic(Name="thingwarden-test-alerts")
        clients("sns").subscribe(
            TopicArn=TOPIC, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:thingwarden-test-inbox"
        )
        receipts = f"arn:aws:sqs:{REGION}:{ACCOUNT}:thingwarden-test-receipts"
        make_role(clients, RULE_ROLE, trust=trusting(), action="sqs:SendMessage", resource=receipts)
        make_role(clients, ALERT_ROLE, trust=trusting(), action="sns:Publish", resource=TOPIC)

    def violate(self, thing: str) -> None:
        """A thing begins to violate its profile; its alert is published."""
        self.fleet.violate(thing)
        self._pump()

    def conform(self, thing: str) -> None:
        self.fleet.conform(thing)
        self._pump()

    def _pump(self) -> None:
        far = 10**15 - 1
        for marked in list(self.fleet.outbox.waiting(before=far, now=far, limit=100)):
            events = self._dispatch(marked.thing, marked.logged(), now=self.clock())
            self.fleet.outbox.unmark(marked)
            self.publish(events, now=self.clock())

    def sweep(self, milliseconds: int = 10 * MINUTE) -> None:
        """Time passes; what waits is published."""
        self.clock.now += milliseconds
        self.publish([stored.key for stored in self.parts.violations.waiting()], now=self.clock())

    def feed(self) -> int:
        """What came back from the rules is recorded."""
        return feed(self.receipts, self.clients, self.parts.settings.receipts_queue_url)

    def go(self) -> None:
        """The rules run, and what comes back is recorded."""
        self.engine.run()
        self.feed()

    def heard(self) -> list[dict[str, Any]]:
        """What the subscriber got since the last time."""
        bodies = drain(self.clients, f"{QUEUES}/thingwarden-test-inbox")
        return [json.loads(json.loads(body)["Message"]) for body in bodies]

    def types(self) -> list[EventType]:
        return [EventType(message["violationEventType"]) for message in self.heard()]

    def rules(self) -> list[dict[str, Any]]:
        """The alert rules in AWS IoT."""
        iot = self.clients("iot")
        names = [rule["ruleName"] for rule in iot.list_topic_rules()["rules"]]
        return [iot.get_topic_rule(ruleName=name)["rule"] for name in names]

    @property
    def waiting(self) -> int:
        return sum(1 for _ in self.parts.violations.waiting())
