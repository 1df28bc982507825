"""An AWS account as moto plays it, with all that the stack has beside its functions and tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from moto import mock_aws

from tests.aws.alert_account import ALERT_ROLE, QUEUES, RULE_ROLE, TOPIC, make_role, trusting, with_queues
from tests.aws.alert_engine import Engine, drain
from tests.aws.conftest import ACCOUNT, REGION
from tests.aws.faults.strikes import Strikes
from warden.handlers.parts import Clients
from warden.settings import Settings

GROUPS = {"pumps": ("pump", "press"), "valves": ("valve",)}
"""Things by their group."""

SETTINGS = with_queues(
    Settings(
        stage="test",
        account=ACCOUNT,
        log_table="thingwarden-test-log",
        control_table="thingwarden-test-control",
        stack_id=f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/thingwarden-test/1",
        min_report_interval_seconds=0,
    )
)
QUEUE_NAMES = ("thingwarden-test-receipts", "thingwarden-test-dead-alerts", "thingwarden-test-inbox")


def quick_clients() -> Clients:
    """Clients without what costs time and is tried elsewhere: signatures, and botocore's look at the parameters."""

    @cache
    def client(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=REGION,
            config=Config(
                signature_version=UNSIGNED,
                user_agent="test",
                parameter_validation=False,
                retries={"mode": "standard", "total_max_attempts": 1},
                account_id_endpoint_mode="disabled",
            ),
        )

    return client


@contextmanager
def account() -> Iterator[tuple[Clients, Strikes]]:
    """An AWS account with queues, roles, the alerts' topic and somebody who listens to it."""
    clients, functions = quick_clients(), quick_clients()
    with mock_aws():
        for queue in QUEUE_NAMES:
            clients("sqs").create_queue(QueueName=queue)
        clients("sns").create_topic(Name="thingwarden-test-alerts")
        inbox = f"arn:aws:sqs:{REGION}:{ACCOUNT}:thingwarden-test-inbox"
        clients("sns").subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=inbox)
        receipts = f"arn:aws:sqs:{REGION}:{ACCOUNT}:thingwarden-test-receipts"
        make_role(clients, RULE_ROLE, trust=trusting(), action="sqs:SendMessage", resource=receipts)
        make_role(clients, ALERT_ROLE, trust=trusting(), action="sns:Publish", resource=TOPIC)
        for group, things in GROUPS.items():
            clients("iot").create_thing_group(thingGroupName=group)
            for thing in things:
                clients("iot").create_thing(thingName=thing)
                clients("iot").add_thing_to_thing_group(thingGroupName=group, thingName=thing)
        with Strikes(functions).connected() as strikes:
            yield clients, strikes


def clean(clients: Clients) -> None:
    """Remove what a deployment has left: tables, alert rules, messages."""
    dynamodb = clients("dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=name)
    remove_alert_rules(clients)
    Engine(clients).lose()
    for queue in QUEUE_NAMES:
        drain(clients, f"{QUEUES}/{queue}")


def remove_alert_rules(clients: Clients) -> None:
    iot = clients("iot")
    for rule in iot.list_topic_rules()["rules"]:
        iot.delete_topic_rule(ruleName=rule["ruleName"])
