"""A deployment to which things happen: each function has the stack's settings for it, and clients of its own."""

import json
from contextlib import nullcontext
from typing import Any

import msgspec
from moto.iotdata.models import iotdata_backends

from tests.aws.conftest import ACCOUNT, MINUTE, REGION, Context
from tests.aws.http_api import ALICE, http_event, iam
from tests.aws.rule_sql import Message, run
from tests.aws.streams import TableStream
from tests.aws.user_stack import UserStack
from tests.infra.deployed import STACK_ID, Deployed
from tests.infra.iam.calls import Calls
from tests.scenarios.aws_home import ROLE, TRUST, AwsHome
from tests.scenarios.player import Player
from warden.control_api.http import HttpRequest, HttpResponse
from warden.handlers.alert_path import clean_delivery_rules, publish_alerts
from warden.handlers.control_api import ControlApi
from warden.handlers.dispatch import Dispatch
from warden.handlers.evaluate import Evaluate
from warden.handlers.export import Export
from warden.handlers.heartbeat import Heartbeat
from warden.handlers.parts import Parts
from warden.handlers.receipts import Receipts
from warden.handlers.reconcile import Reconcile
from warden.handlers.registry import Registry
from warden.handlers.setup import Setup
from warden.handlers.sweep import Sweep
from warden.rules import EXPORT_FILTER, metrics_sql
from warden.storage.delivery_rules import RULES

GROUP = f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/g"
EVERYTHING = f"arn:aws:iot:{REGION}:{ACCOUNT}:all/things"
ALERTS = {
    "SNS": {
        "alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/{ROLE}",
    }
}
EXPORT = {"mqttTopic": "exports", "roleArn": ALERTS["SNS"]["roleArn"]}
PROFILE = {
    "securityProfileName": "p",
    "alertTargets": ALERTS,
    "metricsExportConfig": EXPORT,
    "behaviors": [
        {
            "name": "few",
            "metric": "aws:num-established-tcp-connections",
            "exportMetric": True,
            "criteria": {"comparisonOperator": "less-than", "value": {"count": 10}},
        }
    ],
}


class Life(AwsHome):
    """One container of each function, with the settings that the stack gives to it and clients of its own.

    Args:
        deployed: The stack.
        calls: Where each function's calls are kept.
        allow_unregistered_devices: The deployment's option; of the stack, only settings depend on it.
    """

    def __init__(self, deployed: Deployed, calls: Calls, *, allow_unregistered_devices: bool = False) -> None:
        clients = calls.of_nobody
        Player.__init__(self, clients("iot"))
        self.deployed, self.calls = deployed, calls
        self.caller = ALICE
        deployed.make(clients)
        trust = json.dumps(TRUST)
        clients("iam").create_role(RoleName=ROLE, Path="/thingwarden/test/", AssumeRolePolicyDocument=trust)
        clients("iam").create_role(RoleName="Admin", AssumeRolePolicyDocument="{}")  # Alice's
        calls.roles |= {role["RoleName"]: role["Arn"] for role in clients("iam").list_roles()["Roles"]}

        def parts(of: str) -> Parts:
            settings = msgspec.structs.replace(
                deployed.settings(of), allow_unregistered_devices=allow_unregistered_devices
            )
            return Parts(settings, region=REGION, clients=calls.clients(of), clock=lambda: self.now)

        nobodys = Parts(deployed.settings("dispatch"), region=REGION, clients=clients, clock=lambda: self.now)
        self.log_table, self.control_table, self.violations = (
            nobodys.log_table,
            nobodys.control_table,
            nobodys.violations,
        )
        self._published = iotdata_backends[ACCOUNT][REGION].published_payloads
        self._stream = TableStream(clients, deployed.settings("dispatch").log_table)
        self._api, self._evaluate = ControlApi(parts("control_api")), Evaluate(parts("evaluate"))
        self._receipts, self._registry_function = Receipts(parts("receipts")), Registry(parts("registry"), self._nap)
        self._dispatch = Dispatch(dispatching := parts("dispatch"), publish_alerts(dispatching))
        self._to_export = TableStream(clients, deployed.settings("export").log_table, EXPORT_FILTER)
        self._export = Export(parts("export"))
        self._sweep = Sweep(sweeping := parts("sweep"), publish_alerts(sweeping), clean_delivery_rules(sweeping))
        self._reconcile = Reconcile(parts("reconcile"), self._nap, lambda *_, **__: nullcontext())
        self._setup = Setup(parts("setup"), lambda *_, **__: nullcontext(), sleep=self._nap)
        self._heartbeat = Heartbeat(parts("heartbeat"))
        self.user_stack = UserStack(parts("provider"), nobodys)

    def _nap(self, seconds: float) -> None:
        self.now += round(seconds * 1000)

    def handle(self, request: HttpRequest) -> HttpResponse:
        body = request.body.decode()
        answer = self._api(http_event(request.method, request.path, request.query, body, authorizer=iam(self.caller)))
        return HttpResponse(answer["statusCode"], answer["headers"], answer["body"].encode())

    # What chapters are written in

    def create(self, thing: str, *groups: str, told: bool = True) -> None:
        """A thing is made, in groups; the registry's events may be lost."""
        self._iot.create_thing(thingName=thing)
        for group in groups:
            self._iot.create_thing_group(thingGroupName=group, thingGroupProperties={"thingGroupDescription": "x"})
            self._iot.add_thing_to_thing_group(thingGroupName=group, thingName=thing)
        if told:
            self.tell(thing, f"thing/{thing}/created")

    def watch(self, target: str = GROUP) -> None:
        """Profile `p` is made and attached."""
        self.ask("create_security_profile", PROFILE)
        self.ask("attach_security_profile", {"securityProfileName": "p", "securityProfileTargetArn": target})

    def report(self, thing: str, connections: int, *, prefix: str = "$aws", after: int = 10 * MINUTE) -> None:
        """A thing reports after some time; what that raises rests in the log."""
        self.now += after
        said = {
            "header": {"report_id": self.now, "version": "1.0"},
            "metrics": {"tcp_connections": {"established_connections": {"total": connections}}},
        }
        self.publish(prefix, thing, json.dumps(said).encode())

    def publish(self, prefix: str, thing: str, payload: bytes) -> None:
        """A thing publishes anything where reports are expected."""
        topic = f"{prefix}/things/{thing}/defender/metrics/json"
        self._evaluate(run(metrics_sql(prefix), Message(topic, payload, "a-gateway", "f00d" * 16, self.now)))
        self._published.clear()

    def pump(self) -> dict[str, Any]:
        """What rests in the log is dispatched, and no receipt comes. Returns the stream's event."""
        event = self._stream.read()
        self.dispatch(event)
        return event

    def dispatch(self, event: dict[str, Any]) -> None:
        """A batch of the stream comes, perhaps again."""
        assert self._dispatch(event, lambda: MINUTE) == {"batchItemFailures": []}
        self._published.clear()

    def sweep(self, after: int = 0) -> None:
        """Time passes and a sweep runs; no receipt comes."""
        self.now += after
        self._sweep(lambda: MINUTE)
        self._published.clear()

    def lose_rules(self) -> None:
        """Somebody deletes all delivery rules."""
        for rule in self._iot.list_topic_rules()["rules"]:
            self._iot.delete_topic_rule(ruleName=rule["ruleName"])

    def forget_rules(self) -> None:
        """All delivery rules have been removed, since nobody needed them."""
        self.lose_rules()
        for item in self.control_table.query(RULES).items:
            self.control_table.delete(item.key)

    def queue(self, body: dict[str, Any]) -> None:
        """A message of the registry's queue."""
        self._registry_function(self._queued("registry", json.dumps(body)), lambda: MINUTE)

    def reconcile(self, groups: str, *, remaining: int = 15 * MINUTE, **resume: Any) -> None:
        name = self.deployed.functions["reconcile"]["FunctionName"]
        self._reconcile({"groups": groups, **resume}, Context(name, remaining_ms=remaining))

    def cloudformation(self, request: str, properties: dict[str, Any], physical_id: str = "") -> None:
        event = {
            "RequestType": request,
            "ResponseURL": "https://example.com/",
            "StackId": STACK_ID,
            "RequestId": "1",
            "LogicalResourceId": "Resource",
            "PhysicalResourceId": physical_id,
            "ResourceProperties": properties,
        }
        self._setup(event)
