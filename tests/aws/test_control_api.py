"""The control API's function, with requests as API Gateway hands them on, over DynamoDB and EventBridge in moto."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from botocore.stub import Stubber

from tests.aws.conftest import ACCOUNT, BEGINNING, REGION, Clock, Lines
from tests.aws.http_api import ALICE, http_event, iam
from warden.handlers.api import MAX_PARAMETERS, _bounded
from warden.handlers.control_api import ControlApi, _control_api, handler
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings

PORTS = {
    "name": "Listening TCP Ports",
    "metric": "aws:listening-tcp-ports",
    "criteria": {"comparisonOperator": "in-port-set", "value": {"ports": [8888]}},
}


@pytest.fixture
def api(parts: Parts) -> ControlApi:
    return ControlApi(parts)


@pytest.fixture
def heard(aws: Clients) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The entries that EventBridge has been given since it was last asked."""
    entries: list[dict[str, Any]] = []

    def hear(params: dict[str, Any], **_: object) -> None:
        entries.extend({**entry, "Detail": json.loads(entry["Detail"])} for entry in params["Entries"])

    def take() -> list[dict[str, Any]]:
        taken = entries[:]
        entries.clear()
        return taken

    emitter = aws("events").meta.events
    emitter.register("before-parameter-build.events.PutEvents", hear)
    yield take
    emitter.unregister("before-parameter-build.events.PutEvents", hear)


def create(name: str = "cameras", **members: Any) -> dict[str, Any]:
    return http_event("POST", f"/security-profiles/{quote(name, safe='')}", body=json.dumps(members))


def told(answer: dict[str, Any]) -> tuple[int, Any]:
    assert answer["isBase64Encoded"] is False
    return answer["statusCode"], json.loads(answer["body"])


def error(answer: dict[str, Any]) -> tuple[int, str]:
    body = json.loads(answer["body"])
    assert answer["headers"]["x-amzn-ErrorType"] == body["__type"]
    assert body["message"]
    return answer["statusCode"], body["__type"]


def test_a_profile_is_created_and_described_as_aws_iot_would(api: ControlApi, clock: Clock) -> None:
    assert told(api(create(behaviors=[PORTS]))) == (
        200,
        {
            "securityProfileName": "cameras",
            "securityProfileArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/cameras",
        },
    )

    answer = api(http_event("GET", "/security-profiles/cameras"))

    status, profile = told(answer)
    assert (status, profile["behaviors"], profile["version"]) == (200, [PORTS], 1)
    assert profile["creationDate"] == clock.now / 1000
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer["headers"]["x-amzn-RequestId"]


@pytest.mark.parametrize(
    "path", ["/security-profiles/site:a", "/security-profiles/site%3Aa"], ids=["decoded", "as sent"]
)
def test_a_name_with_a_colon_is_understood_however_the_path_is_handed_on(api: ControlApi, path: str) -> None:
    assert told(api(http_event("POST", path, body="{}")))[1]["securityProfileName"] == "site:a"

    assert told(api(http_event("GET", "/security-profiles")))[1]["securityProfileIdentifiers"][0]["name"] == "site:a"


def test_a_query_is_decoded_once(api: ControlApi) -> None:
    group = f"arn:aws:iot:{REGION}:{ACCOUNT}:all/things"
    api(create())
    target = f"securityProfileTargetArn={quote(group, safe='')}"
    attached = api(http_event("PUT", "/security-profiles/cameras/targets", target))
    listed = api(http_event("GET", "/security-profiles-for-target", target))

    assert told(attached) == (200, {})
    assert told(listed)[1]["securityProfileTargetMappings"][0]["target"] == {"arn": group}


def test_a_page_token_comes_back_encoded_and_another_container_takes_it(api: ControlApi, parts: Parts) -> None:
    for name in ("a", "b", "c"):
        api(create(name))
    first = told(api(http_event("GET", "/security-profiles", "maxResults=2")))[1]
    again = Parts(parts.settings, region=REGION, clients=parts.client, clock=parts.clock)

    query = f"maxResults=2&nextToken={quote(first['nextToken'], safe='')}"
    status, second = told(ControlApi(again)(http_event("GET", "/security-profiles", query)))

    assert status == 200
    assert [row["name"] for row in second["securityProfileIdentifiers"]] == ["c"]


def test_a_body_may_come_in_base64(api: ControlApi) -> None:
    event = http_event("POST", "/security-profiles/cameras", body=json.dumps({"behaviors": [PORTS]}).encode())

    assert told(api(event))[0] == 200
    assert told(api(http_event("GET", "/security-profiles/cameras")))[1]["behaviors"] == [PORTS]


def test_errors_have_aws_iots_names_and_statuses(api: ControlApi) -> None:
    api(create())

    assert error(api(http_event("GET", "/security-profiles/none"))) == (404, "ResourceNotFoundException")
    assert error(api(create(behaviors="none"))) == (400, "InvalidRequestException")
    assert error(api(create())) == (409, "ResourceAlreadyExistsException")
    assert error(api(http_event("GET", "/mitigationactions/actions/a"))) == (501, "NotImplementedException")
    assert error(api(http_event("GET", "/things", route="$default"))) == (404, "UnknownOperationException")
    assert error(api(http_event("POST", "/security-profiles/x", body="{\ud800"))) == (400, "InvalidRequestException")


# Who may ask


@pytest.mark.parametrize(
    "authorizer",
    [
        {},
        {"iam": None},
        {"iam": {}},
        {"iam": {"accountId": ACCOUNT}},
        {"jwt": {"claims": {"sub": "mallory"}}},
        iam("arn:aws:iam::999999999999:user/mallory", "999999999999"),
    ],
    ids=["none", "null", "empty", "no ARN", "another kind", "another account"],
)
def test_who_iam_does_not_name_is_served_nothing(
    api: ControlApi, heard: Callable[[], Any], authorizer: dict[str, Any]
) -> None:
    api(create())
    heard()

    for event in (create("other"), http_event("GET", "/security-profiles/cameras")):
        event["requestContext"]["authorizer"] = authorizer
        assert error(api(event)) == (401, "UnauthorizedException")

    assert error(api({})) == (401, "UnauthorizedException")
    assert error(api(http_event("GET", "/security-profiles/other"))) == (404, "ResourceNotFoundException")
    assert heard() == []


def test_a_slash_in_a_name_does_not_turn_one_routes_permission_into_anothers(api: ControlApi) -> None:
    group = f"arn:aws:iot:{REGION}:{ACCOUNT}:all/things"
    target = f"securityProfileTargetArn={quote(group, safe='')}"
    api(create())
    api(http_event("PUT", "/security-profiles/cameras/targets", target))

    # DELETE /security-profiles/cameras%2Ftargets: authorised as a profile's deletion, handed on decoded
    crafted = http_event(
        "DELETE", "/security-profiles/cameras/targets", target, route="DELETE /security-profiles/{securityProfileName}"
    )

    assert error(api(crafted)) == (404, "UnknownOperationException")
    listed = told(api(http_event("GET", "/security-profiles/cameras/targets")))[1]
    assert listed["securityProfileTargets"] == [{"arn": group}]


def test_whoever_names_an_alert_role_is_who_the_authoriser_says(api: ControlApi, settings: Settings) -> None:
    [pattern] = settings.role_arns
    target = {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts", "roleArn": pattern.replace("*", "alerts")}
    event = create(alertTargets={"SNS": target})
    root = f"arn:aws:iam::{ACCOUNT}:root"
    event["requestContext"]["authorizer"] = iam(root)

    answer = api(event)

    assert error(answer) == (400, "InvalidRequestException")
    assert f"whether {root} may pass" in json.loads(answer["body"])["message"]


# Events and metrics


def test_each_change_raises_one_event_that_names_caller_and_parameters(
    api: ControlApi, heard: Callable[[], list[dict[str, Any]]]
) -> None:
    api(create(behaviors=[PORTS]))

    [event] = heard()

    assert (event["Source"], event["DetailType"]) == ("thingwarden", "API Call")
    assert event["Time"] == datetime.fromtimestamp(BEGINNING / 1000, UTC)
    assert event["Detail"] == {
        "operation": "CreateSecurityProfile",
        "requestParameters": {"securityProfileName": "cameras", "behaviors": [PORTS]},
        "caller": ALICE,
        "sourceIp": "192.0.2.7",
    }


def test_a_refused_change_raises_an_event_with_the_errors_code(
    api: ControlApi, heard: Callable[[], list[dict[str, Any]]]
) -> None:
    api(http_event("PATCH", "/security-profiles/none", "expectedVersion=3", body='{"behaviors": []}'))

    [event] = heard()

    assert event["Detail"]["errorCode"] == "ResourceNotFoundException"
    parameters = {"securityProfileName": "none", "expectedVersion": 3, "behaviors": []}
    assert event["Detail"]["requestParameters"] == parameters


def test_what_changes_nothing_raises_no_event(api: ControlApi, heard: Callable[[], list[dict[str, Any]]]) -> None:
    api(http_event("GET", "/security-profiles"))
    api(http_event("POST", "/security-profile-behaviors/validate", body='{"behaviors": []}'))
    api(http_event("POST", "/audit/findings", body="{}"))

    assert heard() == []


@pytest.mark.parametrize(
    ("body", "told_of"),
    [
        (json.dumps({"securityProfileDescription": "x" * 200_000}), {"omitted": True}),
        ('{"securityProfileDescription": ' + "[" * 900 + "]" * 900 + "}", {"securityProfileName": "cameras"}),
        ('{"securityProfileDescription": 1e999}', {"securityProfileName": "cameras"}),
        ('{"securityProfileDescription": "\\ud800"}', {"securityProfileName": "cameras"}),
        ("no JSON", {}),
    ],
    ids=["large", "deep", "infinite", "half a character", "unreadable"],
)
def test_no_body_keeps_an_event_or_an_answer_away(
    api: ControlApi, heard: Callable[[], list[dict[str, Any]]], body: str, told_of: dict[str, Any]
) -> None:
    answer = api(http_event("POST", "/security-profiles/cameras", body=body))

    assert answer["statusCode"] < 500
    [event] = heard()
    found = event["Detail"]["requestParameters"]
    assert {name: found[name] for name in told_of} == told_of
    assert len(json.dumps(found)) <= MAX_PARAMETERS


def test_parameters_nested_deeper_than_json_goes_are_left_out() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]

    assert _bounded({"behaviors": nested})["omitted"] is True


def test_times_in_parameters_are_iso_8601(api: ControlApi, heard: Callable[[], list[dict[str, Any]]]) -> None:
    times = {"violationEventOccurrenceRange": {"startTime": 1_800_000_000, "endTime": 1_800_000_060.5}}
    api(http_event("PUT", "/detect/mitigationactions/tasks/one", body=json.dumps(times)))

    [event] = heard()

    assert event["Detail"]["errorCode"] == "NotImplementedException"
    assert event["Detail"]["requestParameters"]["violationEventOccurrenceRange"] == {
        "startTime": "2027-01-15T08:00:00+00:00",
        "endTime": "2027-01-15T08:01:00.500000+00:00",
    }


def test_a_change_stands_where_its_event_is_lost(aws: Clients, parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    with Stubber(aws("events")) as refusing:
        refusing.add_client_error("put_events", "AccessDeniedException", http_status_code=400)
        refusing.add_response(
            "put_events",
            {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "later"}]},
        )
        api = ControlApi(parts)
        assert [told(api(create(name)))[0] for name in ("a", "b")] == [200, 200]
        refusing.assert_no_pending_responses()

    assert [record.getMessage() for record in caplog.records] == ["an API Call event was lost"] * 2


def test_calls_are_counted_and_what_is_not_built_yet_is_no_error(
    api: ControlApi, settings: Settings, metrics: Lines
) -> None:
    api(http_event("GET", "/security-profiles"))
    assert error(api(http_event("GET", "/mitigationactions/actions/a")))[0] == 501

    assert metrics() == [{"stage": settings.stage, "ControlApiCalls": [1.0]}] * 2


def test_a_failure_of_a_table_is_an_error_to_retry_and_counted(
    api: ControlApi, aws: Clients, settings: Settings, metrics: Lines
) -> None:
    api(create())
    metrics()
    aws("dynamodb").delete_table(TableName=settings.control_table)

    assert error(api(http_event("GET", "/security-profiles/cameras"))) == (500, "InternalFailureException")
    [line] = metrics()
    assert line["ControlApiErrors"] == [1.0]


@pytest.mark.usefixtures("aws")
def test_the_function_makes_its_parts_of_its_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**settings.environment(), "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    _control_api.cache_clear()

    try:
        assert told(handler(http_event("GET", "/security-profiles"), None))[1]["securityProfileIdentifiers"] == []
    finally:
        _control_api.cache_clear()
