"""AWS IoT's logging options, by stock boto3: what is set is shown, and what was never set is told from what is off."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.surroundings.home import ACCOUNT, Home, ask
from warden.embedded.surroundings.logging_options import LEVELS_AT_MOST

ROLE = f"arn:aws:iam::{ACCOUNT}:role/logs"


@pytest.fixture
def iot(home: Home) -> Any:
    return home.client("iot")


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def levels(iot: Any, **given: Any) -> list[tuple[str, str, str]]:
    return [
        (each["logTarget"]["targetType"], each["logTarget"].get("targetName", ""), each["logLevel"])
        for page in iot.get_paginator("list_v2_logging_levels").paginate(**given)
        for each in page["logTargetConfigurations"]
    ]


def test_the_first_kind_is_off_until_it_is_set(iot: Any) -> None:
    assert shown(iot.get_logging_options()) == {"logLevel": "DISABLED"}
    iot.set_logging_options(loggingOptionsPayload={"roleArn": ROLE, "logLevel": "WARN"})
    assert shown(iot.get_logging_options()) == {"roleArn": ROLE, "logLevel": "WARN"}
    iot.set_logging_options(loggingOptionsPayload={"roleArn": ROLE + "2"})
    assert shown(iot.get_logging_options()) == {"roleArn": ROLE + "2", "logLevel": "WARN"}


def test_the_second_kind_is_not_configured_until_it_is_set(iot: Any) -> None:
    for ask_for in (
        iot.get_v2_logging_options,
        iot.list_v2_logging_levels,
        lambda: iot.set_v2_logging_level(logTarget={"targetType": "THING_GROUP", "targetName": "g"}, logLevel="DEBUG"),
    ):
        with pytest.raises(iot.exceptions.NotConfiguredException):
            ask_for()


def test_the_second_kind_is_shown_as_it_was_set(iot: Any) -> None:
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="ERROR")
    assert shown(iot.get_v2_logging_options()) == {
        "roleArn": ROLE,
        "defaultLogLevel": "ERROR",
        "disableAllLogs": False,
        "eventConfigurations": [],
    }


def test_what_is_left_out_stays_but_logs_are_off_only_where_it_is_said(iot: Any) -> None:
    events = [{"eventType": "Connect", "logLevel": "DEBUG"}]
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="ERROR", eventConfigurations=events)
    iot.set_v2_logging_options(disableAllLogs=True)
    off = iot.get_v2_logging_options()
    assert (off["disableAllLogs"], off["roleArn"], off["defaultLogLevel"]) == (True, ROLE, "ERROR")
    iot.set_v2_logging_options(defaultLogLevel="INFO")
    on = iot.get_v2_logging_options()
    assert (on["disableAllLogs"], on["defaultLogLevel"], on["eventConfigurations"]) == (False, "INFO", events)
    iot.set_v2_logging_options(eventConfigurations=[])
    assert iot.get_v2_logging_options()["eventConfigurations"] == []


def test_verbose_shows_every_event_type_with_the_level_that_acts_on_it(iot: Any) -> None:
    iot.set_v2_logging_options(
        roleArn=ROLE,
        defaultLogLevel="WARN",
        eventConfigurations=[
            {"eventType": "Publish-In", "logLevel": "DEBUG", "logDestination": "mine"},
            {"eventType": "Tomorrow", "logLevel": "INFO"},
        ],
    )
    events = {each["eventType"]: each for each in iot.get_v2_logging_options(verbose=True)["eventConfigurations"]}
    assert events["Connect"] == {"eventType": "Connect", "logLevel": "WARN", "logDestination": "AWSIotLogsV2"}
    assert events["Publish-In"] == {"eventType": "Publish-In", "logLevel": "DEBUG", "logDestination": "mine"}
    assert events["Connection.AuthNError"]["logLevel"] == "DISABLED"
    assert events["Tomorrow"]["logLevel"] == "INFO"
    assert len(iot.get_v2_logging_options(verbose=False)["eventConfigurations"]) == 2


@pytest.mark.parametrize(
    "role", [None, "", "logs", f"arn:aws:iam::{ACCOUNT}:user/logs", f"arn:aws:iam::{ACCOUNT}:role/"]
)
def test_logs_are_not_turned_on_without_a_role(iot: Any, role: str | None) -> None:
    given = {} if role is None else {"roleArn": role}
    with pytest.raises(iot.exceptions.InvalidRequestException, match="roleArn: expected the ARN of an IAM role"):
        iot.set_v2_logging_options(defaultLogLevel="INFO", **given)
    with pytest.raises(iot.exceptions.NotConfiguredException):
        iot.get_v2_logging_options()
    if role is not None:
        with pytest.raises(iot.exceptions.InvalidRequestException, match=r"loggingOptionsPayload\.roleArn"):
            iot.set_logging_options(loggingOptionsPayload={"roleArn": role})


def test_logs_can_be_turned_off_without_a_role(iot: Any) -> None:
    iot.set_v2_logging_options(disableAllLogs=True)
    assert iot.get_v2_logging_options()["disableAllLogs"] is True


def test_targets_have_levels_of_their_own_until_these_are_deleted(iot: Any) -> None:
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="ERROR")
    for kind, name, level in (
        ("THING_GROUP", "plant", "DEBUG"),
        ("CLIENT_ID", "pump/7", "INFO"),
        ("SOURCE_IP", "192.0.2.1", "DISABLED"),
        ("PRINCIPAL_ID", "a" * 64, "WARN"),
        ("THING_GROUP", "plant", "INFO"),
    ):
        iot.set_v2_logging_level(logTarget={"targetType": kind, "targetName": name}, logLevel=level)
    assert levels(iot) == [
        ("CLIENT_ID", "pump/7", "INFO"),
        ("DEFAULT", "", "ERROR"),
        ("PRINCIPAL_ID", "a" * 64, "WARN"),
        ("SOURCE_IP", "192.0.2.1", "DISABLED"),
        ("THING_GROUP", "plant", "INFO"),
    ]
    assert levels(iot, targetType="THING_GROUP") == [("THING_GROUP", "plant", "INFO")]
    for _ in range(2):
        iot.delete_v2_logging_level(targetType="THING_GROUP", targetName="plant")
    assert levels(iot, targetType="THING_GROUP") == []


def test_levels_come_in_pages(iot: Any) -> None:
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="ERROR")
    names = [f"group{number}" for number in range(5)]
    for name in names:
        iot.set_v2_logging_level(logTarget={"targetType": "THING_GROUP", "targetName": name}, logLevel="INFO")
    first = iot.list_v2_logging_levels(maxResults=2, targetType="THING_GROUP")
    assert [each["logTarget"]["targetName"] for each in first["logTargetConfigurations"]] == names[:2]
    paged = levels(iot, targetType="THING_GROUP", PaginationConfig={"PageSize": 2})
    assert [name for _, name, _ in paged] == names


def test_the_default_target_is_the_default_level(iot: Any) -> None:
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="ERROR")
    iot.set_v2_logging_level(logTarget={"targetType": "DEFAULT"}, logLevel="DEBUG")
    assert iot.get_v2_logging_options()["defaultLogLevel"] == "DEBUG"
    assert levels(iot) == [("DEFAULT", "", "DEBUG")]
    with pytest.raises(iot.exceptions.InvalidRequestException, match="DEFAULT"):
        iot.delete_v2_logging_level(targetType="DEFAULT", targetName="x")


@pytest.mark.parametrize(
    "target",
    [
        {"targetType": "THING_GROUP"},
        {"targetType": "THING_GROUP", "targetName": ""},
        {"targetType": "CLIENT_ID", "targetName": "x" * 257},
        {"targetType": "DEFAULT", "targetName": "x"},
        {"targetType": "EVENT_TYPE", "targetName": "Connect"},
    ],
    ids=["no name", "an empty name", "a long name", "a name for the default", "a type of CloudFormation's"],
)
def test_a_target_that_cannot_be_is_refused(iot: Any, target: dict[str, str]) -> None:
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="ERROR")
    with pytest.raises(iot.exceptions.InvalidRequestException, match=r"logTarget\.target"):
        iot.set_v2_logging_level(logTarget=target, logLevel="INFO")
    assert levels(iot) == [("DEFAULT", "", "ERROR")]


def test_so_many_targets_may_have_levels_and_no_more(home: Home, iot: Any) -> None:
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="ERROR")
    inside = home.surroundings.client("iot")
    for number in range(LEVELS_AT_MOST):
        target = {"targetType": "CLIENT_ID", "targetName": str(number)}
        inside.set_v2_logging_level(logTarget=target, logLevel="INFO")
    with pytest.raises(iot.exceptions.LimitExceededException):
        iot.set_v2_logging_level(logTarget={"targetType": "CLIENT_ID", "targetName": "one more"}, logLevel="INFO")
    iot.set_v2_logging_level(logTarget={"targetType": "CLIENT_ID", "targetName": "0"}, logLevel="DEBUG")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2LoggingOptions", {"defaultLogLevel": "LOUD"}),
        ("/v2LoggingOptions", {"disableAllLogs": "yes"}),
        ("/v2LoggingOptions", {"eventConfigurations": [{"logLevel": "INFO"}]}),
        ("/loggingOptions", {}),
        ("/v2LoggingLevel", {"logTarget": {"targetType": "DEFAULT"}}),
    ],
    ids=["no level", "no boolean", "an event without a type", "no payload", "a target without a level"],
)
def test_what_the_model_rules_out_is_refused(home: Home, path: str, body: dict[str, Any]) -> None:
    status, headers, _ = ask(home, "POST", path, None, json.dumps(body).encode())
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestException")


def test_a_restart_keeps_what_was_set(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        iot = home.client("iot")
        iot.set_logging_options(loggingOptionsPayload={"roleArn": ROLE, "logLevel": "WARN"})
        iot.set_v2_logging_options(
            roleArn=ROLE, defaultLogLevel="INFO", eventConfigurations=[{"eventType": "Connect", "logLevel": "DEBUG"}]
        )
        iot.set_v2_logging_level(logTarget={"targetType": "THING_GROUP", "targetName": "g"}, logLevel="DEBUG")
        before = shown(iot.get_logging_options()), shown(iot.get_v2_logging_options()), levels(iot)
    with Home(tmp_path, port=home.port) as again:
        iot = again.client("iot")
        assert (shown(iot.get_logging_options()), shown(iot.get_v2_logging_options()), levels(iot)) == before
