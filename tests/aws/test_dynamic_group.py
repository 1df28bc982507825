"""The row of the lifecycle table that only AWS's home has: a thing leaves a dynamic group, which no event tells of."""

from typing import Any

import pytest
from moto import mock_aws

from tests.aws.conftest import ACCOUNT, MINUTE, REGION, Context, new_clients
from tests.scenarios.aws_home import ROLE, AwsHome
from tests.scenarios.player import seen
from warden.handlers.reconcile import Reconcile

GROUP = "busy"
PROFILE = {
    "securityProfileName": "p",
    "alertTargets": {
        "SNS": {
            "alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts",
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/{ROLE}",
        }
    },
    "behaviors": [
        {
            "name": "few",
            "metric": "aws:num-established-tcp-connections",
            "criteria": {"comparisonOperator": "less-than", "value": {"count": 10}},
        }
    ],
}
ATTACHMENT = {
    "securityProfileName": "p",
    "securityProfileTargetArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/{GROUP}",
}


def report(thing: str, number: int, connections: int) -> dict[str, Any]:
    metrics = {"tcp_connections": {"established_connections": {"total": connections}}}
    return {"report": thing, "after": 300, "id": number, "metrics": metrics}


def a_query(parsed: dict[str, Any], **_: object) -> None:
    """Makes the group a dynamic one, which moto does not have."""
    if parsed.get("thingGroupName") == GROUP:
        parsed["queryString"] = "connectivity.connected:true"


@pytest.mark.parametrize("leaves", [True, False], ids=["leaves", "stays"])
def test_a_thing_in_alarm_that_leaves_a_dynamic_group_is_invalidated_by_the_next_comparison_and_heard_of(
    leaves: bool,
) -> None:
    clients = new_clients()
    iot = clients("iot")
    iot.meta.events.register("after-call.iot.DescribeThingGroup", a_query)
    with mock_aws():
        home = AwsHome(clients)
        reconcile = Reconcile(home.parts, sleep=lambda _: None)
        iot.create_thing_group(thingGroupName=GROUP)
        iot.create_thing(thingName="pump")
        iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName="pump")
        home.play(
            {
                "steps": [
                    {"api": "create_security_profile", "of": PROFILE},
                    {"api": "attach_security_profile", "of": ATTACHMENT},
                    report("pump", 1, 15),
                    {"see": {"active": [["pump", "few"]], "sent": [["pump", "few", "in-alarm"]]}},
                ]
            }
        )
        if leaves:
            iot.remove_thing_from_thing_group(thingGroupName=GROUP, thingName="pump")
        home.now += 15 * MINUTE

        reconcile({"groups": "dynamic"}, Context())

        rest = [[["pump", "few"]], []] if not leaves else [[], [["pump", "few", "alarm-invalidated"]]]
        kept = home.play(
            {"steps": [{"hold": False}, {"see": {"active": rest[0], "sent": rest[1]}}, report("pump", 2, 16)]}
        )

    invalidated = [[1200, "pump", "few", "alarm-invalidated", "thing-left"]] if leaves else []
    assert seen(kept)["events"] == [[300, "pump", "few", "in-alarm", "datapoint", {"count": 15}], *invalidated]
