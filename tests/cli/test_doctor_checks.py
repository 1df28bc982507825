"""What `warden doctor` looks at: each thing that can be wrong is provoked.

What moto lacks is answered by botocore's Stubber; no AWS was asked.
"""

import json
from typing import Any

import msgspec
import pytest

from tests.aws.conftest import ACCOUNT, DAY, HOUR, REGION
from tests.cli.conftest import BUCKET
from tests.cli.doctors import EVENTS, states, stubbed
from tests.core.profiles import profile
from warden.cli.doctor.alarms import alarms
from warden.cli.doctor.alert_roles import alert_roles
from warden.cli.doctor.dead_letters import dead_letters, stream_failures
from warden.cli.doctor.finding import Finding, Patient, State
from warden.cli.doctor.policies import MOST_POLICIES, policies
from warden.cli.doctor.registry import last_reconcile, registry_events
from warden.cli.doctor.reserved_topic import reserved_topic
from warden.domain.behaviors.profile import AlertTarget
from warden.handlers.parts import Clients, Parts
from warden.storage.registry_passes import ALL, InThings, RegistryPass, RegistryPasses
from warden.storage.setup_results import ReservedTopic, SetupResults
from warden.use_cases.create_security_profile import create_security_profile

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:fleet"
RULE = "thingwarden_test_metrics_reserved"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/fleet"


# The reserved topic


@pytest.mark.parametrize(
    ("result", "state", "said"),
    [
        pytest.param(None, State.OK, "this stage has no rule on $aws", id="none"),
        pytest.param(
            ReservedTopic(status="accepted", rule_name=RULE, at=1), State.OK, "AWS took the rule on it", id="accepted"
        ),
        pytest.param(
            ReservedTopic(status="refused", rule_name=RULE, message="Topic is reserved", at=1),
            State.WARN,
            "AWS refused the rule on it: Topic is reserved",
            id="refused",
        ),
    ],
)
def test_what_aws_answered_to_the_reserved_rule_is_told(
    patient: Patient, parts: Parts, result: ReservedTopic | None, state: State, said: str
) -> None:
    if result:
        SetupResults(parts.control_table).record_reserved_topic(result)
    [found] = reserved_topic(patient)
    assert found.state is state
    assert found.answer.startswith(said)


# Alert roles

TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "iot.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/*"}},
        }
    ]
}
PINNED = json.loads(json.dumps(TRUST).replace("rule/*", "securityprofile/*"))


@pytest.fixture
def targeted(parts: Parts) -> None:
    """A profile that names `ROLE` and `TOPIC`."""
    target = {"SNS": AlertTarget(alert_target_arn=TOPIC, role_arn=ROLE)}
    named = msgspec.structs.replace(profile("fleet"), alert_targets=target)
    create_security_profile(parts.catalogue, named, {}, arn="", now=1)


def roles(patient: Patient, *, trust: Any, decision: str | None = None) -> list[Finding]:
    with stubbed(patient, "iam") as stubber:
        role = {"Path": "/thingwarden/test/", "RoleName": "fleet", "RoleId": "AROA" + "0" * 17, "Arn": ROLE}
        made = {**role, "CreateDate": 1, "AssumeRolePolicyDocument": json.dumps(trust)}
        stubber.add_response("get_role", {"Role": made}, {"RoleName": "fleet"})
        if decision:
            asked = {"PolicySourceArn": ROLE, "ActionNames": ["sns:Publish"], "ResourceArns": [TOPIC]}
            result = {"EvalActionName": "sns:Publish", "EvalResourceName": TOPIC, "EvalDecision": decision}
            stubber.add_response("simulate_principal_policy", {"EvaluationResults": [result]}, asked)
        return list(alert_roles(patient))


@pytest.mark.usefixtures("targeted")
def test_a_role_that_trusts_aws_iot_and_may_publish_is_well(patient: Patient) -> None:
    assert states(roles(patient, trust=TRUST, decision="allowed")) == [State.OK, State.OK]


@pytest.mark.usefixtures("targeted")
def test_a_role_pinned_to_security_profiles_is_told_the_statement_to_change(patient: Patient) -> None:
    [trust] = roles(patient, trust=PINNED)
    assert trust.state is State.FAIL
    assert f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/*" in trust.answer
    assert trust.then.startswith("aws iam update-assume-role-policy --role-name fleet")


@pytest.mark.usefixtures("targeted")
def test_a_role_that_may_not_publish_is_told_the_statement_to_add(patient: Patient) -> None:
    _, permission = roles(patient, trust=TRUST, decision="implicitDeny")
    assert permission.state is State.FAIL
    assert f'{{"Effect":"Allow","Action":"sns:Publish","Resource":"{TOPIC}"}}' in permission.answer


@pytest.mark.usefixtures("targeted")
def test_a_role_that_is_gone_is_told(patient: Patient) -> None:
    [found] = alert_roles(patient)
    assert found.state is State.FAIL
    assert found.answer == f"{ROLE} does not exist"


OTHER = ROLE.replace("fleet", "other")


@pytest.fixture
def two_roles(targeted: None, parts: Parts) -> None:  # noqa: ARG001
    """A second profile, which names `OTHER`."""
    target = {"SNS": AlertTarget(alert_target_arn=TOPIC, role_arn=OTHER)}
    named = msgspec.structs.replace(profile("other"), alert_targets=target)
    create_security_profile(parts.catalogue, named, {}, arn="", now=2)


@pytest.mark.usefixtures("two_roles")
def test_a_role_that_may_not_be_looked_at_keeps_no_other_from_it(patient: Patient) -> None:
    with stubbed(patient, "iam") as stubber:
        stubber.add_client_error("get_role", "AccessDenied", expected_params={"RoleName": "fleet"})
        stubber.add_client_error("simulate_principal_policy", "AccessDenied")
        role = {"Path": "/thingwarden/test/", "RoleName": "other", "RoleId": "AROA" + "0" * 17, "Arn": OTHER}
        made = {**role, "CreateDate": 1, "AssumeRolePolicyDocument": json.dumps(TRUST)}
        stubber.add_response("get_role", {"Role": made}, {"RoleName": "other"})
        result = {"EvalActionName": "sns:Publish", "EvalResourceName": TOPIC, "EvalDecision": "allowed"}
        stubber.add_response("simulate_principal_policy", {"EvaluationResults": [result]})
        found = list(alert_roles(patient))
    assert [(each.about, each.state, each.then) for each in found] == [
        ("alert role fleet, trust", State.UNKNOWN, "allow yourself iam:GetRole"),
        ("alert role fleet, permission", State.UNKNOWN, "allow yourself iam:SimulatePrincipalPolicy"),
        ("alert role other, trust", State.OK, ""),
        ("alert role other, permission", State.OK, ""),
    ]


@pytest.mark.usefixtures("two_roles")
@pytest.mark.parametrize(
    ("bounds", "looked_at"),
    [({"most_profiles": 1}, ["fleet"]), ({"most_roles": 1}, ["fleet"]), ({"most_profiles": 2, "most_roles": 2}, None)],
    ids=["profiles", "roles", "neither"],
)
def test_alert_roles_are_looked_at_up_to_bounds_that_are_told(
    patient: Patient, bounds: dict[str, int], looked_at: list[str] | None
) -> None:
    found = list(alert_roles(patient, **bounds))
    cut = [each.answer for each in found if each.state is State.WARN]
    profiles, pairs = bounds.get("most_profiles", 500), bounds.get("most_roles", 100)
    told = [f"only {profiles} profiles and {pairs} pairs of role and topic were looked at"]
    assert cut == (told if looked_at else [])
    gone = [each.answer for each in found if each.state is State.FAIL]
    assert gone == [f"{ROLE.replace('fleet', name)} does not exist" for name in looked_at or ["fleet", "other"]]


def test_without_alert_targets_no_role_is_asked_about(patient: Patient) -> None:
    [found] = alert_roles(patient)
    assert (found.state, found.answer) == (State.OK, "no security profile has an alert target")


# Device policies


def test_a_policy_that_reaches_any_rule_is_named_with_what_to_allow_instead(patient: Patient, aws: Clients) -> None:
    for name, resource in (("good", "topic/$aws/rules/thingwarden_test_metrics/*"), ("bad", "topic/$aws/rules/*")):
        arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:{resource}"
        statement = {"Effect": "Allow", "Action": "iot:Publish", "Resource": arn}
        aws("iot").create_policy(policyName=name, policyDocument=json.dumps({"Statement": [statement]}))
    [found] = policies(patient)
    assert found.state is State.WARN
    assert found.answer.startswith("bad lets devices publish into any topic rule")
    assert found.answer.endswith(":topic/$aws/rules/thingwarden_test_metrics/* instead")


def test_many_policies_are_looked_at_up_to_a_bound_that_is_told(patient: Patient) -> None:
    with stubbed(patient, "iot") as stubber:
        for page in range(5):
            found = [{"policyName": f"p{page}-{n}", "policyArn": "arn"} for n in range(100)]
            stubber.add_response("list_policies", {"policies": found, "nextMarker": str(page)})
            for each in found:
                answer = {"policyName": each["policyName"], "policyDocument": "{}"}
                stubber.add_response("get_policy", answer, {"policyName": each["policyName"]})
        [cut] = policies(patient)
    assert (cut.state, cut.answer) == (State.WARN, f"only the first {MOST_POLICIES} policies were looked at")


# Dead letters


@pytest.mark.parametrize("kind", ["reports", "alerts", "registry", "receipts"])
def test_dead_letters_are_counted_also_those_that_somebody_holds(patient: Patient, aws: Clients, kind: str) -> None:
    assert set(states(list(dead_letters(patient)))) == {State.OK}
    url = aws("sqs").get_queue_url(QueueName=f"thingwarden-test-dead-{kind}")["QueueUrl"]
    for body in ("one", "two"):
        aws("sqs").send_message(QueueUrl=url, MessageBody=body)
    aws("sqs").receive_message(QueueUrl=url, VisibilityTimeout=600)
    [found] = [each for each in dead_letters(patient) if each.state is not State.OK]
    assert (found.about, found.state) == (f"dead letters, {kind}", State.FAIL)
    assert found.answer.startswith("2 waiting")
    assert found.then == f"warden redrive --queue {kind} --stage test"


def test_stream_failures_are_counted(patient: Patient, aws: Clients) -> None:
    assert states(list(stream_failures(patient))) == [State.OK]
    aws("s3").put_object(Bucket=BUCKET, Key="1", Body=b"{}")
    [found] = stream_failures(patient)
    assert (found.state, found.then) == (State.FAIL, "warden redrive --queue stream --stage test")


# The registry


def test_registry_events_that_are_off_are_named_with_the_call_that_switches_them_on(patient: Patient) -> None:
    configured = {name: {"Enabled": True} for name in EVENTS} | {"THING_GROUP": {"Enabled": False}}
    with stubbed(patient, "iot") as stubber:
        stubber.add_response("describe_event_configurations", {"eventConfigurations": configured})
        [found] = registry_events(patient)
    assert found.state is State.FAIL
    assert found.then.endswith("""--event-configurations '{"THING_GROUP":{"Enabled":true}}'""")


def test_registry_events_that_are_on_are_well(patient: Patient) -> None:
    with stubbed(patient, "iot") as stubber:
        configured = {name: {"Enabled": True} for name in EVENTS}
        stubber.add_response("describe_event_configurations", {"eventConfigurations": configured})
        [found] = registry_events(patient)
    assert (found.state, found.answer) == (State.OK, f"on: {', '.join(EVENTS)}")


@pytest.mark.parametrize(
    ("age", "state"), [(None, State.WARN), (HOUR, State.OK), (2 * DAY, State.FAIL)], ids=["never", "today", "long ago"]
)
def test_the_last_reconcile_is_told_by_its_age(patient: Patient, parts: Parts, age: int | None, state: State) -> None:
    passes = RegistryPasses(parts.control_table)
    if age is not None:
        began = RegistryPass(id=1, began=1, saved_at=1, place=InThings())
        passes.finish(ALL, passes.save(ALL, began, None), now=patient.now - age)
    [found] = last_reconcile(patient)
    assert found.state is state
    assert ("thingwarden-test-reconcile" in found.then) is (state is not State.OK)


# Alarms


def test_an_alarm_that_is_raised_is_told_with_what_it_says_and_others_are_not(patient: Patient, aws: Clients) -> None:
    assert states(list(alarms(patient))) == [State.OK]
    for name, value in (("test-dead-reports", "ALARM"), ("test-calm", "OK"), ("prod-dead-reports", "ALARM")):
        aws("cloudwatch").put_metric_alarm(
            AlarmName=f"thingwarden-{name}",
            AlarmDescription="Reports are lost",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="m",
            Namespace="n",
            Period=60,
            Statistic="Sum",
            Threshold=0,
        )
        aws("cloudwatch").set_alarm_state(AlarmName=f"thingwarden-{name}", StateValue=value, StateReason="test")
    [found] = alarms(patient)
    assert (found.state, found.answer) == (State.FAIL, "thingwarden-test-dead-reports is raised: Reports are lost")


def test_alarms_are_looked_at_up_to_a_bound_that_is_told(patient: Patient) -> None:
    page = {"MetricAlarms": [{"AlarmName": f"thingwarden-test-{name}", "StateValue": "OK"} for name in "ab"]}
    asked = {"AlarmNamePrefix": "thingwarden-test-", "MaxRecords": 2}
    with stubbed(patient, "cloudwatch") as stubber:
        stubber.add_response("describe_alarms", {**page, "NextToken": "more"}, asked)
        stubber.add_response("describe_alarms", page, asked)
        [cut], [whole] = (list(alarms(patient, most=2)) for _ in range(2))
    assert (cut.state, cut.answer) == (State.WARN, "there are more than 2; only these were read")
    assert whole.state is State.OK
