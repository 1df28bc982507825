"""Operations that are not answered: of a later release, or somebody else's."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.e2e.control_api.asked import arn, refusal
from tests.home import REGION, Home


def test_an_operation_of_a_later_release_says_so_and_is_not_retried(home: Home) -> None:
    client = boto3.client(
        "iot",
        endpoint_url=home.url,
        region_name=REGION,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 5, "mode": "standard"}),
    )

    with pytest.raises(ClientError) as caught:
        client.start_on_demand_audit_task(targetCheckNames=["LOGGING_DISABLED_CHECK"])

    response = caught.value.response
    assert response["Error"]["Code"] == "NotImplementedException"
    assert response["Error"]["Message"].startswith("StartOnDemandAuditTask ")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert response["ResponseMetadata"]["RetryAttempts"] == 0


def test_tags_of_what_is_not_device_defenders_are_for_the_surroundings_to_answer(iot: Any) -> None:
    thing = iot.create_thing(thingName="tagged")["thingArn"]
    for call, more in (
        (iot.tag_resource, {"tags": [{"Key": "a", "Value": "b"}]}),
        (iot.untag_resource, {"tagKeys": ["a"]}),
        (iot.list_tags_for_resource, {}),
    ):
        code, status, message = refusal(call, resourceArn=thing, **more)
        assert (code, status) == ("NotImplementedException", 501)
        assert "surroundings" in message

        code, status, message = refusal(call, resourceArn=arn("securityprofile/x"), **more)
        assert (code, status, message) == (
            "ResourceNotFoundException",
            404,
            "resourceArn: there is no securityprofile 'x'",
        )
