"""Calls of a stock boto3 client, and of clients that write what botocore does not."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.model import ServiceModel

from tests.contract.iot import call, description, error_of, plugged, router
from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.operations import Judge
from warden.control_api.router import Router

BEHAVIOR = {
    "name": "Listening TCP Ports",
    "metric": "aws:listening-tcp-ports",
    "criteria": {"comparisonOperator": "in-port-set", "value": {"ports": [22, 443]}, "durationSeconds": 300},
}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Recorder:
    """An operation that keeps what it is given."""

    def __init__(self, **result: Any) -> None:
        self.given: dict[str, Any] = {}
        self._result = result

    def __call__(self, given: dict[str, Any]) -> dict[str, Any]:
        self.given = given
        return self._result


def received(operation: str, request: HttpRequest) -> dict[str, Any]:
    recorder = Recorder()
    answer = router(**{operation: recorder}).handle(request)
    assert answer.status == 200, answer.body
    return recorder.given


def message(operation: str, request: HttpRequest) -> str:
    answer = router(**{operation: Recorder()}).handle(request)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "InvalidRequestException")
    return str(json.loads(answer.body)["message"])


def listed(query: str) -> HttpRequest:
    return HttpRequest("GET", "/violation-events", query)


def created(body: str | bytes, name: str = "p") -> HttpRequest:
    return HttpRequest("POST", f"/security-profiles/{name}", body=body.encode() if isinstance(body, str) else body)


def test_a_name_with_colons_travels_percent_encoded() -> None:
    recorder = Recorder()
    call(router(DescribeSecurityProfile=recorder), "describe_security_profile", securityProfileName="a:b:c")
    assert plugged()[1].request.path == "/security-profiles/a%3Ab%3Ac"
    assert recorder.given == {"securityProfileName": "a:b:c"}


@pytest.mark.parametrize("path", ["a:b", "a%3Ab", "a%3ab", "%61:b"])
def test_a_name_may_be_encoded_in_any_way(path: str) -> None:
    request = HttpRequest("GET", f"/security-profiles/{path}")
    assert received("DescribeSecurityProfile", request) == {"securityProfileName": "a:b"}


def test_an_encoded_slash_belongs_to_the_name() -> None:
    request = HttpRequest("GET", "/security-profiles/a%2Ftargets")
    assert message("DescribeSecurityProfile", request) == (
        'securityProfileName: expected a string of 1 to 128 characters matching [a-zA-Z0-9:_-]+, got "a/targets"'
    )


def test_a_name_that_is_no_utf_8_is_refused() -> None:
    request = HttpRequest("GET", "/security-profiles/a%FF")
    told = message("DescribeSecurityProfile", request)
    assert told == 'path: expected percent-encoded UTF-8, got "a%FF"'


def test_a_written_out_segment_wins_over_a_label() -> None:
    changed = description()
    changed["operations"]["ListDimensions"]["http"]["requestUri"] = "/dimensions/all"
    described, listing = Recorder(), Recorder()
    at = Router(ServiceModel(changed, "iot"), {"DescribeDimension": described, "ListDimensions": listing})
    at.handle(HttpRequest("GET", "/dimensions/all", "maxResults=9"))
    at.handle(HttpRequest("GET", "/dimensions/al%6C"))
    assert (listing.given, described.given) == ({"maxResults": 9}, {"name": "all"})


@pytest.mark.parametrize("flag", [True, False])
def test_a_boolean_travels_in_the_query(flag: bool) -> None:
    recorder = Recorder(activeViolations=[])
    call(router(ListActiveViolations=recorder), "list_active_violations", listSuppressedAlerts=flag, maxResults=5)
    assert recorder.given == {"listSuppressedAlerts": flag, "maxResults": 5}


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T12:00:00Z",
        "2026-01-02T12:00:00.000000000Z",
        "2026-01-02T13:00:00%2B01:00",
        "2026-01-02T12%3A00%3A00%2B00%3A00",
        "1767355200",
        "1767355200.0",
    ],
)
def test_a_time_in_the_query_is_iso_8601_or_epoch_seconds(text: str) -> None:
    given = received("ListViolationEvents", listed(f"startTime={text}&endTime=0"))
    assert given["startTime"] == NOON
    assert given["startTime"].utcoffset() == timedelta(0)


def test_a_time_of_any_zone_arrives_as_utc() -> None:
    recorder = Recorder(violationEvents=[])
    there = NOON.astimezone(timezone(timedelta(hours=9)))
    call(router(ListViolationEvents=recorder), "list_violation_events", startTime=there, endTime=NOON)
    assert recorder.given["startTime"].isoformat() == "2026-01-02T12:00:00+00:00"


@pytest.mark.parametrize("text", ["yesterday", "2026-01-02T12:00:00", "nan", "1e3", "99999999999999999", "", "%D9%A1"])
def test_what_is_no_time_is_refused(text: str) -> None:
    told = message("ListViolationEvents", listed(f"startTime={text}&endTime=0"))
    assert told.startswith(
        "startTime: expected a time (epoch seconds; in a query string also ISO 8601 with a time zone)"
    )


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("startTime=0", "endTime: expected a time"),
        ("startTime=0&endTime=0&maxResults=251", "maxResults: expected an integer from 1 to 250, got 251"),
        ("startTime=0&endTime=0&maxResults=1.0", 'maxResults: expected an integer from 1 to 250, got "1.0"'),
        ("startTime=0&endTime=0&maxResults=%2B1", 'maxResults: expected an integer from 1 to 250, got "+1"'),
        ("startTime=0&endTime=0&listSuppressedAlerts=True", 'listSuppressedAlerts: expected true or false, got "True"'),
        ("startTime=0&endTime=0&startTime=1", "startTime: expected once, got"),
        ("startTime=0&endTime=0&thingName=%FF", "query: expected percent-encoded UTF-8"),
        ("startTime=0&endTime=0" + "&x=1" * 100, "query: expected at most 100 parameters"),
        ("x" * 20_000, "query: expected at most 16000 characters, got 20000"),
        ("startTime=0&endTime=0&thingName=", 'thingName: expected a string of 1 to 128 characters, got ""'),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused(query: str, told: str) -> None:
    assert message("ListViolationEvents", listed(query)).startswith(told)


def test_parameters_that_no_operation_knows_are_ignored() -> None:
    given = received("ListViolationEvents", listed("startTime=0&X-Amz-Signature=x&X-Amz-Signature=y&endTime=0"))
    assert set(given) == {"startTime", "endTime"}


def test_null_is_absence() -> None:
    assert received("CreateSecurityProfile", created('{"behaviors": null}')) == {"securityProfileName": "p"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{", "body: expected JSON in UTF-8: Expecting property name"),
        (b"\xff{}", "body: expected JSON in UTF-8: 'utf-8' codec"),
        ("{}".encode("utf-16"), "body: expected JSON in UTF-8"),
        ("[]", "body: expected an object, got a list of 0"),
        ("null", "body: expected an object, got null"),
        ('{"behaviors": [], "behaviors": []}', 'body: expected each member once, got "behaviors" twice'),
        ('{"tags": [{"Key": "a", "Key": "b"}]}', 'body: expected each member once, got "Key" twice'),
        ('{"behaviors": NaN}', "body: expected finite numbers, got NaN"),
        ('{"behaviors": -Infinity}', "body: expected finite numbers, got -Infinity"),
        ('{"behaviors": ' + "[" * 100_000, "body: expected JSON, got one that is nested too deeply"),
        ('{"behaviors": ' + '{"a":' * 100_000, "body: expected JSON, got one that is nested too deeply"),
        ('{"behaviors": ' + "9" * 5_000 + "}", "body: expected JSON in UTF-8: Exceeds the limit"),
        ('{"behaviors": ' + "9" * 4_000 + "}", "behaviors: expected a list of at most 100 items, got an integer of"),
        ('{"alertTargets": []}', "alertTargets: expected an object, got a list of 0"),
        (" " * 1_000_001, "body: expected at most 1000000 bytes, got 1000001"),
        ('{"securityProfileName": "q"}', "securityProfileName: expected one of the members securityProfileDescription"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_bad_body_is_refused(body: str | bytes, told: str) -> None:
    assert message("CreateSecurityProfile", created(body)).startswith(told)


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        (
            '{"durationSeconds": 300.0}',
            "durationSeconds: expected an integer from -2147483648 to 2147483647, got 300.0",
        ),
        ('{"durationSeconds": true}', "durationSeconds: expected an integer from -2147483648 to 2147483647, got true"),
        (
            '{"durationSeconds": "300"}',
            'durationSeconds: expected an integer from -2147483648 to 2147483647, got "300"',
        ),
        ('{"value": {"count": -1}}', "value.count: expected an integer from 0 to 9223372036854775807, got -1"),
        (
            '{"value": {"count": 9223372036854775808}}',
            "value.count: expected an integer from 0 to 9223372036854775807,",
        ),
        ('{"value": {"number": 1e999}}', "value.number: expected a number, got Infinity"),
        ('{"value": {"number": "1"}}', 'value.number: expected a number, got "1"'),
        ('{"value": {"number": 1' + "0" * 400 + "}}", "value.number: expected a number, got an integer of 1329 bits"),
        ('{"value": {"ports": [22, null]}}', "value.ports[1]: expected an integer from 0 to 65535, got null"),
        ('{"value": {"ports": {"0": 22}}}', "value.ports: expected a list, got an object"),
        ('{"value": {"strings": ["\\ud800"]}}', 'value.strings[0]: expected a string, got "\\ud800"'),
        ('{"value": []}', "value: expected an object, got a list of 0"),
        ('{"comparisonOperator": "above"}', "comparisonOperator: expected one of less-than, less-than-equals, greater"),
        (
            '{"mlDetectionConfig": {}}',
            "mlDetectionConfig.confidenceLevel: expected one of LOW, MEDIUM, HIGH, got nothing",
        ),
    ],
    ids=lambda value: value[:40],
)
def test_a_member_of_another_type_or_range_is_refused(criteria: str, told: str) -> None:
    body = '{"behaviors": [{"name": "x", "criteria": ' + criteria + "}]}"
    assert message("CreateSecurityProfile", created(body)).startswith("behaviors[0].criteria." + told)


def test_a_whole_number_is_taken_where_a_double_is_expected() -> None:
    value = {"name": "x", "criteria": {"value": {"number": 5}}}
    given = received("CreateSecurityProfile", created(json.dumps({"behaviors": [value]})))
    assert isinstance(given["behaviors"][0]["criteria"]["value"]["number"], float)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [("1767355200", NOON), ("1767355200.25", NOON + timedelta(milliseconds=250)), ("1.7673552e9", NOON)],
)
def test_a_time_in_a_body_is_epoch_seconds(seconds: str, told: datetime) -> None:
    body = '{"startTime": ' + seconds + "}"
    assert received("ListAuditFindings", HttpRequest("POST", "/audit/findings", body=body.encode())) == {
        "startTime": told
    }


@pytest.mark.parametrize("seconds", ["1e15", "-1e999", "true", '"2026-01-02T12:00:00Z"', "{}"])
def test_what_is_no_time_in_a_body_is_refused(seconds: str) -> None:
    body = '{"startTime": ' + seconds + "}"
    told = message("ListAuditFindings", HttpRequest("POST", "/audit/findings", body=body.encode()))
    assert told.startswith("startTime: expected a time (epoch seconds;")


def test_a_body_that_no_operation_asked_for_is_ignored() -> None:
    request = HttpRequest("GET", "/security-profiles/p", body=b"\xff")
    assert received("DescribeSecurityProfile", request) == {"securityProfileName": "p"}


def test_a_million_bytes_of_mistakes_are_answered_in_a_few_thousand() -> None:
    body = json.dumps({"x" * 99 + str(n): n for n in range(8_000)})
    assert len(message("CreateSecurityProfile", created(body))) < 11_000


def test_behaviors_of_the_name_that_awss_guide_uses_are_taken() -> None:
    create, update = Recorder(), Recorder()
    judge = Judge(lambda _, problems: {"valid": not problems})
    at = router(CreateSecurityProfile=create, UpdateSecurityProfile=update, ValidateSecurityProfileBehaviors=judge)
    call(at, "create_security_profile", securityProfileName="p", behaviors=[BEHAVIOR])
    call(at, "update_security_profile", securityProfileName="p", behaviors=[BEHAVIOR])
    assert call(at, "validate_security_profile_behaviors", behaviors=[BEHAVIOR]) == {"valid": True}
    assert create.given["behaviors"] == update.given["behaviors"] == [BEHAVIOR]


@pytest.mark.parametrize("name", [" a", "a ", " ", "a\tb", "a\u00a0b", "a,b", "é"])
def test_other_blanks_in_a_behaviors_name_are_refused(name: str) -> None:
    told = error_of(
        router(CreateSecurityProfile=Recorder()), "create_security_profile", securityProfileName="p",
        behaviors=[BEHAVIOR | {"name": name}],
    )  # fmt: skip
    assert told["Error"]["Message"] == (
        "behaviors[0].name: expected a string of 1 to 128 characters matching [a-zA-Z0-9:_-]+, also with inner "
        f"spaces, got {json.dumps(name)}"
    )


def test_a_profiles_name_has_no_spaces() -> None:
    told = message("CreateSecurityProfile", created("{}", name="a%20b"))
    assert told.startswith("securityProfileName: ")


def test_every_problem_of_an_input_is_told_with_what_is_allowed() -> None:
    ports = {"comparisonOperator": "in-port-set", "value": {"ports": [80, 70000]}, "consecutiveDatapointsToAlarm": 11}
    told = error_of(
        router(CreateSecurityProfile=Recorder()), "create_security_profile", securityProfileName="a b",
        behaviors=[{"name": "x", "criteria": ports}],
        alertTargets={"EMAIL": {"alertTargetArn": "a", "roleArn": "r" * 2049}},
    )  # fmt: skip
    assert told["Error"]["Message"].split("; ") == [
        'securityProfileName: expected a string of 1 to 128 characters matching [a-zA-Z0-9:_-]+, got "a b"',
        "behaviors[0].criteria.value.ports[1]: expected an integer from 0 to 65535, got 70000",
        "behaviors[0].criteria.consecutiveDatapointsToAlarm: expected an integer from 1 to 10, got 11",
        'alertTargets.EMAIL: expected one of SNS, got "EMAIL"',
        'alertTargets.EMAIL.roleArn: expected a string of 20 to 2048 characters, got "'
        + "r" * 100
        + '"... (2049 characters)',
    ]


def test_a_mistyped_member_is_told_with_the_nearest_name() -> None:
    told = message("CreateSecurityProfile", created('{"behaviors": [{"name": "x", "metirc": "aws:num-bytes"}]}'))
    assert told == (
        "behaviors[0].metirc: expected one of the members name, metric, metricDimension, criteria, suppressAlerts, "
        'exportMetric (nearest: metric), got "metirc"'
    )


def test_a_judge_is_told_of_problems_and_answers_them_with_status_200() -> None:
    seen: dict[str, Any] = {}

    def judge(given: dict[str, Any], problems: Any) -> dict[str, Any]:
        seen.update(given)
        return {"valid": False, "validationErrors": [{"errorMessage": str(problem)} for problem in problems]}

    at = router(ValidateSecurityProfileBehaviors=Judge(judge))
    bad = BEHAVIOR | {"criteria": {"consecutiveDatapointsToAlarm": 100000}}
    answer = call(at, "validate_security_profile_behaviors", behaviors=[BEHAVIOR, bad])
    assert answer == {
        "valid": False,
        "validationErrors": [
            {
                "errorMessage": "behaviors[1].criteria.consecutiveDatapointsToAlarm: "
                "expected an integer from 1 to 10, got 100000"
            }
        ],
    }
    assert seen == {"behaviors": [BEHAVIOR, bad]}


def test_a_judge_gets_the_whole_input_where_nothing_is_worth_reading_on() -> None:
    behaviors = [{"name": ""}] * 100
    counted: dict[str, int] = {}

    def judge(given: dict[str, Any], problems: Any) -> dict[str, Any]:
        counted.update(behaviors=len(given["behaviors"]), problems=len(problems))
        return {"valid": False}

    request = HttpRequest(
        "POST", "/security-profile-behaviors/validate", body=json.dumps({"behaviors": behaviors}).encode()
    )
    answer = router(ValidateSecurityProfileBehaviors=Judge(judge)).handle(request)
    assert (answer.status, counted) == (200, {"behaviors": 100, "problems": 100})


def test_a_body_that_is_no_json_is_not_a_judges_matter() -> None:
    at = router(ValidateSecurityProfileBehaviors=Judge(lambda *_: {"valid": True}))
    assert at.handle(HttpRequest("POST", "/security-profile-behaviors/validate", body=b"{")).status == 400


def test_nothing_asked_and_nothing_answered_is_an_empty_object() -> None:
    answer = router(DeleteDimension=Recorder()).handle(HttpRequest("DELETE", "/dimensions/d"))
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": "request-1"}
    assert answer == HttpResponse(200, headers, b"{}")


def test_none_in_a_result_is_left_out() -> None:
    at = router(
        DescribeSecurityProfile=Recorder(version=1, behaviors=[BEHAVIOR | {"criteria": None}], alertTargets=None)
    )
    answer = at.handle(HttpRequest("GET", "/security-profiles/p"))
    behavior = {"name": BEHAVIOR["name"], "metric": BEHAVIOR["metric"]}
    assert json.loads(answer.body) == {"version": 1, "behaviors": [behavior]}


@pytest.mark.parametrize(
    "result",
    [
        {"version": "1"},
        {"version": True},
        {"securityProfileName": 5},
        {"creationDate": 1_767_355_200},
        {"creationDate": NOON.replace(tzinfo=None)},
        {"behaviors": [{"criteria": {"value": {"number": float("nan")}}}]},
    ],
    ids=repr,
)
def test_a_result_that_is_not_of_its_shape_is_our_failure(result: dict[str, Any]) -> None:
    at = router(DescribeSecurityProfile=lambda _: result)
    assert at.handle(HttpRequest("GET", "/security-profiles/p")).status == 500
