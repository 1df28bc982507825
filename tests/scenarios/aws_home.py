"""The AWS home: its functions, fed with events as AWS sends them; DynamoDB, SQS, IoT and IAM are moto's."""

import json
from typing import Any

from moto.iotdata.models import iotdata_backends

from tests.aws.http_api import http_event
from tests.aws.rule_sql import Message, run
from tests.aws.streams import TableStream
from tests.aws.tables import make_tables
from tests.scenarios.player import ACCOUNT, MIN_INTERVAL_SECONDS, REGION, Player, Report
from warden.control_api.http import HttpRequest, HttpResponse
from warden.handlers.alert_path import clean_delivery_rules, publish_alerts
from warden.handlers.control_api import ControlApi
from warden.handlers.dispatch import Dispatch
from warden.handlers.evaluate import Evaluate
from warden.handlers.export import Export
from warden.handlers.parts import Clients, Parts
from warden.handlers.receipts import Receipts
from warden.handlers.registry import Registry
from warden.handlers.sweep import Sweep
from warden.rules import EXPORT_FILTER, metrics_sql
from warden.settings import Settings

ROLE = "alerts"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class AwsHome(Player):
    """One container of each function.

    Args:
        clients: Of moto.
        allow_unregistered_devices: The deployment's option.
    """

    def __init__(self, clients: Clients, *, allow_unregistered_devices: bool = False) -> None:
        super().__init__(clients("iot"))
        queues = {name: clients("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("registry", "rc", "dead")}
        path = "/thingwarden/test/"
        clients("iam").create_role(RoleName=ROLE, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST))
        settings = Settings(
            stage="test",
            account=ACCOUNT,
            log_table="log",
            control_table="control",
            min_report_interval_seconds=MIN_INTERVAL_SECONDS,
            registry_calls_per_second=1000,
            allow_unregistered_devices=allow_unregistered_devices,
            role_arns=(f"arn:aws:iam::{ACCOUNT}:role{path}*",),
            check_pass_role=False,  # moto has no SimulatePrincipalPolicy
            rule_role_arn=f"arn:aws:iam::{ACCOUNT}:role{path}rules",
            registry_queue_url=queues["registry"],
            receipts_queue_url=queues["rc"],
            dead_alerts_queue_url=queues["dead"],
            stack_id=f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/thingwarden-test/1",
        )
        make_tables(clients("dynamodb"), settings)
        self.parts = parts = Parts(settings, region=REGION, clients=clients, clock=lambda: self.now)
        self.log_table, self.violations = parts.log_table, parts.violations
        self._published: list[tuple[str, bytes]] = iotdata_backends[ACCOUNT][REGION].published_payloads
        self._stream = TableStream(clients, settings.log_table)
        self._api, self._evaluate, self._receipts = ControlApi(parts), Evaluate(parts), Receipts(parts)
        self._registry_function = Registry(parts)
        self._dispatch = Dispatch(parts, publish_alerts(parts))
        self._to_export, self._export = TableStream(clients, settings.log_table, EXPORT_FILTER), Export(parts)
        self._sweep = Sweep(parts, publish_alerts(parts), clean_delivery_rules(parts))

    def handle(self, request: HttpRequest) -> HttpResponse:
        answer = self._api(http_event(request.method, request.path, request.query, request.body.decode()))
        return HttpResponse(answer["statusCode"], answer["headers"], answer["body"].encode())

    def take(self, report: Report) -> None:
        message = Message(report.topic, report.payload, "a-gateway", "f00d" * 16, report.at)
        self._evaluate(json.loads(json.dumps(run(metrics_sql("$aws"), message))))
        self.replies += self._published
        self._published.clear()

    def tell(self, thing: str, what: str) -> None:  # noqa: ARG002 (the topic names the thing)
        self._hear(what)

    def delete_group(self, group: str) -> None:
        """Of its members AWS IoT says nothing."""
        above = self._iot.describe_thing_group(thingGroupName=group)["thingGroupMetadata"]
        self._iot.delete_thing_group(thingGroupName=group)
        self._hear(f"thingGroup/{group}/deleted")
        if parent := above.get("parentGroupName"):
            self._hear(f"thingGroupHierarchy/thingGroup/{parent}/childThingGroup/{group}/removed")

    def _hear(self, what: str) -> None:
        body = json.dumps({"topic": f"$aws/events/{what}"})
        answer = self._registry_function(self._queued("registry", body), lambda: 60_000)
        assert answer == {"batchItemFailures": []}

    def settle(self) -> None:
        while self._dispatched() or self._swept():
            pass

    def _dispatched(self) -> bool:
        event = self._stream.read()
        if event["Records"]:
            assert self._dispatch(event, lambda: 60_000) == {"batchItemFailures": []}
            self._alerts_leave()
        return bool(event["Records"])

    def _swept(self) -> bool:
        """Returns whether that raised something."""
        self._sweep(lambda: 60_000)
        self._alerts_leave()
        return self._dispatched()

    def export(self) -> None:
        """Each publication runs its rule, which publishes the message to the topic."""
        event = self._to_export.read()
        if event["Records"]:
            self._export(event)
        for topic, payload in self._published:
            rule = self._iot.get_topic_rule(ruleName=topic.split("/")[2])["rule"]
            message = run(rule["sql"], Message(topic, payload), rule["ruleName"])
            (republish,) = (action["republish"] for action in rule["actions"])
            self.exports.append((republish["topic"].replace("$$", "$"), message))
        self._published.clear()

    def _alerts_leave(self) -> None:
        """Each publication runs its rule, which sends to SNS, and a receipt to the queue."""
        for topic, payload in self._published:
            name = topic.split("/")[-1]
            self.alerts.append((f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}", json.loads(payload)["default"]))
            answer = self._receipts(self._queued("receipts", payload.decode()))
            assert answer == {"batchItemFailures": []}
        self._published.clear()

    def _queued(self, queue: str, body: str) -> dict[str, Any]:
        """One message, as SQS's event source mapping hands it on."""
        record = {
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": body,
            "attributes": {"SentTimestamp": str(self.now), "ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:thingwarden-test-{queue}",
            "awsRegion": REGION,
        }
        return {"Records": [record]}
