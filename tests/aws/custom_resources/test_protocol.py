"""What CloudFormation is told, always, and what nobody else is."""

from urllib.error import URLError

import pytest
from botocore.stub import Stubber

from tests.aws.custom_resources.cloudformation import RULE, CloudFormation, reserved_rule


def test_an_unknown_kind_fails_naming_the_known_ones_but_can_be_deleted(cloudformation: CloudFormation) -> None:
    answer = cloudformation.ask("Bucket", "Create")

    assert answer["Status"] == "FAILED"
    assert "expected one of RandomName, EventConfigurations" in answer["Reason"]
    assert cloudformation.ask("Bucket", "Delete", answer["PhysicalResourceId"])["Status"] == "SUCCESS"


def test_what_could_not_be_made_can_be_deleted(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("create_topic_rule", "InternalException", http_status_code=500)
    failed = refusing.ask(**reserved_rule("Create"))

    assert refusing.ask(**reserved_rule("Delete", failed["PhysicalResourceId"]))["Status"] == "SUCCESS"


def test_a_failed_update_keeps_the_resources_id(refusing: CloudFormation, stubbed: Stubber) -> None:
    """Else CloudFormation would delete the old one."""
    stubbed.add_client_error("create_topic_rule", "InternalException", http_status_code=500)

    assert refusing.ask(**reserved_rule("Update", RULE))["PhysicalResourceId"] == RULE


def test_an_endless_reason_is_cut(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("create_topic_rule", "InternalException", "x" * 9000, http_status_code=500)

    assert len(refusing.ask(**reserved_rule("Create"))["Reason"]) == 1000


def test_an_answer_that_does_not_arrive_fails_the_invocation(cloudformation: CloudFormation) -> None:
    """Lambda tries it again."""
    cloudformation.broken = True

    with pytest.raises(URLError):
        cloudformation.ask("RandomName", "Create", Prefix="p_")


def test_nothing_is_sent_anywhere_but_by_https(cloudformation: CloudFormation) -> None:
    cloudformation.url = "file:///etc/passwd"

    with pytest.raises(ValueError, match="expected https"):
        cloudformation.ask("RandomName", "Create", Prefix="p_")


def test_neither_the_answers_address_nor_a_random_name_is_logged(
    cloudformation: CloudFormation, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    name = cloudformation.ask("RandomName", "Create", Prefix="p_")["Data"]["Name"]
    cloudformation.ask("Bucket", "Create")

    assert "a custom resource failed" in caplog.text
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records) + capsys.readouterr().out
    assert name not in logged
    assert "X-Amz-Signature" not in logged
