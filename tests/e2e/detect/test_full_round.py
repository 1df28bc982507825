"""Device Defender's whole round with clients that nobody here wrote: boto3, the AWS CLI of PyPI, and MQTT by paho."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.home import ACCOUNT, REGION, Home, eventually

AWS_CLI = shutil.which("aws")
FOREVER = {"startTime": "2020-01-01T00:00:00Z", "endTime": "2100-01-01T00:00:00Z"}

Call = Callable[..., dict[str, Any]]
"""An operation's boto3 name and parameters to its answer; raises Refused."""


class Refused(Exception):
    """An error of the service, as a client tells it: its code and its message."""


def by_boto3(home: Home) -> Call:
    def call(operation: str, **given: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(home.client("iot"), operation)(**given)
        except ClientError as error:
            raise Refused(error.response["Error"]["Code"], error.response["Error"]["Message"]) from None
        return answer

    return call


def by_cli(home: Home, directory: Path) -> Call:
    """The stock command, told as a user would tell it where the service is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    shell = {
        **kept,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL_IOT": home.url,
        "AWS_CONFIG_FILE": str(directory / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(directory / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }

    def call(operation: str, **given: Any) -> dict[str, Any]:
        words = [word for name, value in given.items() for word in _option(name, value)]
        command = [str(AWS_CLI), "iot", operation.replace("_", "-"), *words, "--output", "json"]
        done = subprocess.run(command, env=shell, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            found = re.search(r"An error occurred \((\w+)\) when calling .*?: (.*)", done.stderr)
            assert found, done.stderr
            raise Refused(*found.groups())
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer

    return call


def _option(name: str, value: Any) -> list[str]:
    option = f"--{xform_name(name, '-')}"
    if isinstance(value, bool):
        return [option if value else f"--no-{option[2:]}"]
    return [option, value if isinstance(value, str) else json.dumps(value)]


@pytest.fixture(
    params=[
        "boto3",
        pytest.param("cli", marks=pytest.mark.skipif(AWS_CLI is None, reason="the AWS CLI is not installed")),
    ]
)
def client(request: pytest.FixtureRequest, home: Home, tmp_path: Path) -> tuple[str, Call]:
    """A client, and a name to tell its things by."""
    calls: dict[str, Call] = {"boto3": by_boto3(home), "cli": by_cli(home, tmp_path)}
    return request.param, calls[request.param]


def arn(resource: str) -> str:
    return f"arn:aws:iot:{REGION}:{ACCOUNT}:{resource}"


def test_a_full_round(home: Home, client: tuple[str, Call]) -> None:  # noqa: PLR0915 (one story)
    name, call = client
    thing = home.thing(f"boiler-{name}", f"boilers-{name}")
    pressure, users, profile = f"pressure-{name}", f"users:{name}", f"boilers-{name}"
    device = home.device(name)
    device.hear(thing)

    def report(number: int, **custom: Any) -> dict[str, Any]:
        header = {"report_id": number, "version": "1.0"}
        return device.report(
            thing, {"header": header, "custom_metrics": {metric: [value] for metric, value in custom.items()}}
        )

    # What is watched, and for whom
    made = call("create_custom_metric", metricName=pressure, metricType="number", clientRequestToken="t")
    assert made["metricArn"] == arn(f"custommetric/{pressure}")
    call("create_custom_metric", metricName=users, metricType="string-list", displayName="Who is logged in")
    call("create_dimension", name=f"topics-{name}", type="TOPIC_FILTER", stringValues=["boilers/+/alarm"])
    behaviors = [
        {
            "name": "low pressure",
            "metric": pressure,
            "criteria": {"comparisonOperator": "less-than", "value": {"number": 2.5}},
        },
        {
            "name": "known users",
            "metric": users,
            "criteria": {"comparisonOperator": "in-set", "value": {"strings": ["root", "service"]}},
        },
    ]
    assert call("validate_security_profile_behaviors", behaviors=behaviors)["valid"] is True
    call(
        "create_security_profile",
        securityProfileName=profile,
        behaviors=behaviors,
        tags=[{"Key": "site", "Value": "north"}],
    )
    target = {"securityProfileTargetArn": arn(f"thinggroup/boilers-{name}")}
    call("attach_security_profile", securityProfileName=profile, **target)
    mapped = call("list_security_profiles_for_target", **target)["securityProfileTargetMappings"]
    assert [each["securityProfileIdentifier"]["name"] for each in mapped] == [profile]

    # What the device says
    reply = report(1, **{pressure: {"number": 3.25}, users: {"string_list": ["root", "eve"]}, "ghost": {"number": 1}})
    assert (reply["heard"], reply["droppedCount"]) == ("accepted", 1)
    assert [each["metric"] for each in reply["dropped"]] == ["ghost"]
    reply = report(2, **{pressure: {"string_list": ["high"]}})
    assert [each["metric"] for each in reply["dropped"]] == [pressure]
    assert "number" in reply["dropped"][0]["reason"]

    # What people see of it
    def active(**filters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = call("list_active_violations", thingName=thing, **filters)["activeViolations"]
        return found

    assert eventually(lambda: len(home.active(thingName=thing)) == 2)
    found = active()
    by_behavior = {each["behavior"]["name"]: each for each in found}
    assert by_behavior["low pressure"]["lastViolationValue"] == {"number": 3.25}
    assert by_behavior["known users"]["lastViolationValue"] == {"strings": ["eve", "root"]}
    violation = by_behavior["known users"]["violationId"]
    call(
        "put_verification_state_on_violation",
        violationId=violation,
        verificationState="BENIGN_POSITIVE",
        verificationStateDescription="Eve is new",
    )
    assert [each["violationId"] for each in active(verificationState="BENIGN_POSITIVE")] == [violation]
    points = call("list_metric_values", thingName=thing, metricName=pressure, **FOREVER)["metricDatumList"]
    assert [each["value"] for each in points] == [{"number": 3.25}]

    # All is well again
    report(3, **{pressure: {"number": 2}, users: {"string_list": ["root"]}})
    assert eventually(lambda: not home.active(thingName=thing))
    events = call("list_violation_events", thingName=thing, verificationState="BENIGN_POSITIVE", **FOREVER)
    assert [each["violationEventType"] for each in events["violationEvents"]] == ["alarm-cleared", "in-alarm"]
    assert {each["verificationStateDescription"] for each in events["violationEvents"]} == {"Eve is new"}
    points = call("list_metric_values", thingName=thing, metricName=users, maxResults=1, **FOREVER)
    assert points["metricDatumList"][0]["value"] == {"strings": ["eve", "root"]}
    assert points["nextToken"]

    # Names, tags
    renamed = call("update_custom_metric", metricName=pressure, displayName="Pressure in bar")
    assert renamed["displayName"] == "Pressure in bar"
    assert call("describe_custom_metric", metricName=users)["metricType"] == "string-list"
    changed = call("update_dimension", name=f"topics-{name}", stringValues=["#"])
    assert call("describe_dimension", name=f"topics-{name}")["stringValues"] == changed["stringValues"] == ["#"]
    resource = arn(f"securityprofile/{profile}")
    call("tag_resource", resourceArn=resource, tags=[{"Key": "team", "Value": "heat"}])
    call("untag_resource", resourceArn=resource, tagKeys=["site"])
    assert call("list_tags_for_resource", resourceArn=resource)["tags"] == [{"Key": "team", "Value": "heat"}]

    # The end of it
    with pytest.raises(Refused, match=rf"InvalidRequestException.*{profile}"):
        call("delete_custom_metric", metricName=pressure)
    call("detach_security_profile", securityProfileName=profile, **target)
    call("delete_security_profile", securityProfileName=profile, expectedVersion=1)
    for metric in (pressure, users):
        call("delete_custom_metric", metricName=metric)
        assert metric not in call("list_custom_metrics")["metricNames"]
    call("delete_dimension", name=f"topics-{name}")
    for describe, gone in (
        ("describe_security_profile", {"securityProfileName": profile}),
        ("describe_custom_metric", {"metricName": pressure}),
        ("describe_dimension", {"name": f"topics-{name}"}),
    ):
        with pytest.raises(Refused, match="ResourceNotFoundException"):
            call(describe, **gone)
    reply = report(4, **{pressure: {"number": 3.25}})
    assert [each["metric"] for each in reply["dropped"]] == [pressure]


def test_an_operation_of_a_later_release_is_told_as_such(client: tuple[str, Call]) -> None:
    _, call = client
    with pytest.raises(Refused, match=r"NotImplementedException.*ListMitigationActions is not implemented"):
        call("list_mitigation_actions")
