"""The registry's events, switched on for the account."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.aws.conftest import REGION
from tests.aws.custom_resources.cloudformation import CloudFormation


def enabled(*events: str) -> dict[str, Any]:
    return {"eventConfigurations": {event: {"Enabled": True} for event in events}}


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_registry_events_are_switched_on(refusing: CloudFormation, stubbed: Stubber, request_type: str) -> None:
    wanted = enabled("THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY")
    stubbed.add_response("update_event_configurations", {}, wanted)

    assert refusing.ask("EventConfigurations", request_type)["Status"] == "SUCCESS"


def test_registry_events_are_left_on_for_others_in_the_account(refusing: CloudFormation) -> None:
    answer = refusing.ask("EventConfigurations", "Delete", "event-configurations")

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "event-configurations")


def test_a_refused_event_configuration_fails_with_aws_reason(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("update_event_configurations", "AccessDeniedException", "not you", http_status_code=403)

    answer = refusing.ask("EventConfigurations", "Create")

    assert answer["Status"] == "FAILED"
    assert "AccessDeniedException" in answer["Reason"]
    assert answer["PhysicalResourceId"], "CloudFormation takes no answer without one"


def test_boto3_knows_the_events_that_are_switched_on() -> None:
    shape = boto3.client("iot", region_name=REGION).meta.service_model.shape_for("EventType")

    assert {"THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY"} <= set(shape.enum)
