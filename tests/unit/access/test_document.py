"""What is wrong with a policy document, and what one does that is wrong and stored all the same."""

import json
from typing import Any

import pytest

from tests.access_cases.given import D1, HOME, VERSION, allow, deny, document
from warden.domain.access.decision import Decision, Policies
from warden.domain.access.document import MAX_CHARACTERS, problems, read

ALLOW = allow("Publish", "topic/a")
DENY = deny("Publish", "topic/a")
TOPIC_A, TOPIC_B = HOME.iot_arn("topic/a"), HOME.iot_arn("topic/b")


def decision(text: str, action: str = "iot:Publish", resource: str = TOPIC_A) -> Decision:
    return Policies([read(text)], D1).decide(action, resource)


WRONG_STATEMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "an effect in another case": ({"Effect": "allow"}, 'Statement[0].Effect: expected Allow or Deny, got "allow"'),
    "no effect": ({"Effect": None}, "Statement[0].Effect: expected Allow or Deny, got null"),
    "no action": ({"Action": None}, "Statement[0].Action: expected text, got null"),
    "an empty list of actions": ({"Action": []}, "Statement[0].Action: expected at least one, got an array of 0"),
    "an action without its service": (
        {"Action": ["iot:Connect", "Publish"]},
        'Statement[0].Action: expected *, or a service and an action such as iot:Publish, got "Publish"',
    ),
    "an action that is a number": ({"Action": 5}, "Statement[0].Action: expected text, got 5"),
    "a resource that is no ARN": (
        {"Resource": "topic/a"},
        "Statement[0].Resource: expected * or an ARN, arn:PARTITION:iot:REGION:ACCOUNT:RESOURCE, got",
    ),
    "an ARN that lacks a part": ({"Resource": "arn:aws:iot:us-east-1:topic/a"}, "Statement[0].Resource: expected *"),
    "an ARN that says no resource": ({"Resource": HOME.iot_arn("")}, "Statement[0].Resource: expected * or an ARN"),
    "a variable in place of the account": (
        {"Resource": "arn:aws:iot:us-east-1:${iot:ClientId}:topic/a"},
        "Statement[0].Resource: expected * or an ARN",
    ),
    "an unknown variable": (
        {"Resource": HOME.iot_arn("topic/${iot:ClientID2}")},
        "Statement[0].Resource: expected a variable out of iot:ClientId, ",
    ),
    "a variable with a default": (
        {"Resource": HOME.iot_arn("topic/${iot:ClientId, 'x'}")},
        "Statement[0].Resource: expected a variable out of iot:ClientId, ",
    ),
    "an index of a certificate's field that none has": (
        {"Resource": HOME.iot_arn("topic/${iot:Certificate.Subject.CommonName.0}")},
        "Statement[0].Resource: expected a variable out of",
    ),
    "a variable without its end": (
        {"Resource": HOME.iot_arn("topic/${iot:ClientId")},
        "Statement[0].Resource: expected } after ${, got",
    ),
    "a variable of several values": (
        {"Resource": HOME.iot_arn("topic/${iot:Certificate.Subject.CommonName.List}")},
        "Statement[0].Resource: expected a variable of one value",
    ),
    "NotAction": (
        {"NotAction": "iot:Connect"},
        'Statement[0]."NotAction": expected a member out of Sid, Effect, Action, Resource, Condition',
    ),
    "a principal": ({"Principal": "*"}, 'Statement[0]."Principal": expected a member out of'),
    "a statement's name that is none": ({"Sid": 5}, "Statement[0].Sid: expected text, got 5"),
    "conditions that are none": ({"Condition": []}, "Statement[0].Condition: expected an object, got an array of 0"),
    "an operator without keys": (
        {"Condition": {"Bool": {}}},
        'Statement[0].Condition["Bool"]: expected an object of keys and their values, got an object of 0',
    ),
    "an operator that nobody knows": (
        {"Condition": {"StringMatches": {"iot:ClientId": "x"}}},
        "Statement[0].Condition: expected an operator out of StringEquals, ",
    ),
    "a date": (
        {"Condition": {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}},
        "Statement[0].Condition: expected an operator out of StringEquals, ",
    ),
    "Null if it exists": (
        {"Condition": {"NullIfExists": {"iot:ClientId": "true"}}},
        "Statement[0].Condition: expected an operator",
    ),
    "a key that nobody knows": (
        {"Condition": {"StringEquals": {"aws:PrincipalTag/x": "y"}}},
        "Statement[0].Condition: expected a key out of iot:ClientId, ",
    ),
    "a value that is an object": (
        {"Condition": {"StringEquals": {"iot:ClientId": {}}}},
        "Statement[0].Condition: expected texts, numbers or booleans as values, got",
    ),
    "no value": (
        {"Condition": {"StringNotEquals": {"iot:ClientId": []}}},
        "Statement[0].Condition: expected at least one value, got",
    ),
    "an unknown variable in a value": (
        {"Condition": {"StringEquals": {"iot:ClientId": "${x}"}}},
        "Statement[0].Condition: expected a variable out of",
    ),
    "a network that is none": (
        {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}},
        "Statement[0].Condition: expected an IP address, or one with the length of its prefix, got",
    ),
    "a number that is none": (
        {"Condition": {"NumericEquals": {"iot:ClientId": "1_0"}}},
        "Statement[0].Condition: expected a decimal number, got",
    ),
    "a boolean that is none": (
        {"Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "yes"}}},
        "Statement[0].Condition: expected true or false, got",
    ),
    "Null of neither": ({"Condition": {"Null": {"iot:ClientId": "x"}}}, "Statement[0].Condition: expected true or"),
    "an ARN that is none": ({"Condition": {"ArnLike": {"iot:ClientId": "x"}}}, "Statement[0].Condition: expected an"),
    "one value for a key of several": (
        {"Condition": {"StringEquals": {"iot:ConnectAttributes": "LastWill"}}},
        "Statement[0].Condition: expected ForAllValues:… or ForAnyValue:…",
    ),
}
STATEMENTS = [pytest.param(*row, id=name) for name, row in WRONG_STATEMENTS.items()]

WRONG_DOCUMENTS = {
    "nothing": ("", "policyDocument: expected JSON, got "),
    "no JSON": ("Statement: Allow", "policyDocument: expected JSON, got "),
    "its beginning": (document(ALLOW)[:-1], "policyDocument: expected JSON, got "),
    "an array": ("[]", "policyDocument: expected an object, got an array of 0"),
    "a number beyond JSON": ('{"Statement": NaN}', "policyDocument: expected JSON, got NaN, which JSON has not"),
    "a number of 5,000 digits": ('{"Statement": %s}' % ("9" * 5000), "policyDocument: expected JSON, got "),
    "100,000 arrays within each other": ("[" * 100_000, "policyDocument: expected a few levels"),
    "a repeated member": (
        document(ALLOW).replace('"Effect"', '"Effect": "Deny", "Effect"'),
        "policyDocument: expected JSON, got a key that is there more than once",
    ),
    "a Version that there is not": (
        document(ALLOW, version="2012-10-18"),
        'Version: expected 2012-10-17 or 2008-10-17, got "2012-10-18"',
    ),
    "no statements": (json.dumps({"Version": VERSION}), "Statement: expected one statement or several, got nothing"),
    "a member that there is not": (
        json.dumps({"Version": VERSION, "Statement": ALLOW, "Statements": [DENY]}),
        '"Statements": expected a member out of Version, Id, Statement, got another one',
    ),
    "a statement that is a text": (document(ALLOW, "Deny"), 'Statement[1]: expected an object, got "Deny"'),
}
DOCUMENTS = [pytest.param(*row, id=name) for name, row in WRONG_DOCUMENTS.items()]


@pytest.mark.parametrize(("member", "message"), STATEMENTS)
def test_a_problem_names_the_member_what_is_allowed_and_what_was_there(member: dict[str, Any], message: str) -> None:
    (problem,) = problems(document(ALLOW | member))
    assert problem.startswith(message)


@pytest.mark.parametrize(("text", "message"), DOCUMENTS)
def test_so_does_one_outside_of_the_statements(text: str, message: str) -> None:
    (problem,) = read(text).problems
    assert problem.startswith(message)
    assert problems(text)


@pytest.mark.parametrize(("member", "_"), STATEMENTS)
def test_an_allow_that_is_not_understood_grants_nothing(member: dict[str, Any], _: str) -> None:
    assert not decision(document(ALLOW | member)).is_allowed
    if "Effect" not in member:
        assert decision(document(ALLOW | member, allow("Publish", "*"))) is Decision.ALLOWED


@pytest.mark.parametrize(("member", "_"), STATEMENTS)
def test_a_deny_that_is_not_understood_denies_what_it_may_mean(member: dict[str, Any], _: str) -> None:
    text = document(allow("*", "*"), DENY | member)
    assert decision(text) is Decision.EXPLICIT_DENY
    if "Action" not in member:
        assert decision(text, "iot:Receive") is Decision.ALLOWED
    if "Resource" not in member:
        assert decision(text, resource=TOPIC_B) is Decision.ALLOWED


@pytest.mark.parametrize(("text", "_"), DOCUMENTS)
def test_a_document_that_is_no_policy_denies_everything(text: str, _: str) -> None:
    policies = Policies([read(text), read(document(allow("*", "*")))], D1)
    assert policies.decide("iot:Connect", HOME.iot_arn("client/x")) is Decision.EXPLICIT_DENY


def test_a_deny_without_its_action_denies_every_action() -> None:
    text = document(allow("*", "*"), {"Effect": "Deny", "NotAction": "iot:Connect", "Resource": TOPIC_A})
    assert decision(text, "iot:Receive") is Decision.EXPLICIT_DENY
    assert decision(text, "iot:Receive", TOPIC_B) is Decision.ALLOWED


def test_a_deny_without_its_resource_denies_every_resource() -> None:
    text = document(allow("*", "*"), {"Effect": "Deny", "Action": "iot:Publish", "NotResource": TOPIC_A})
    assert decision(text, resource=TOPIC_B) is Decision.EXPLICIT_DENY
    assert decision(text, "iot:Receive") is Decision.ALLOWED


def test_what_says_neither_allow_nor_deny_denies() -> None:
    text = document(allow("*", "*"), ALLOW | {"Effect": "allow"})
    assert decision(text) is Decision.EXPLICIT_DENY
    assert decision(text, resource=TOPIC_B) is Decision.ALLOWED


def test_an_empty_document_grants_and_denies_nothing_but_cannot_be_created() -> None:
    assert problems(document()) == ("Statement: expected at least one statement, got none",)
    assert decision(document()) is Decision.IMPLICIT_DENY


def test_one_statement_needs_no_list_and_a_statement_may_have_a_name() -> None:
    text = json.dumps({"Version": VERSION, "Id": "x", "Statement": ALLOW | {"Sid": "One", "Condition": {}}})
    assert problems(text) == ()
    assert decision(text) is Decision.ALLOWED


def test_white_space_does_not_count_in_a_documents_length() -> None:
    text = document(ALLOW | {"Sid": ""})
    longest = text.replace('"Sid": ""', f'"Sid": "{"x" * (MAX_CHARACTERS - len("".join(text.split())))}"')
    assert problems(longest.replace(", ", "," + " \t\n" * 100)) == ()
    assert problems(longest.replace('"Sid": "', '"Sid": "y')) == (
        "policyDocument: expected at most 2048 characters without white space, got 2049",
    )


def test_a_stored_document_may_be_longer() -> None:
    assert decision(document(*[allow("Publish", f"topic/b{n}") for n in range(1000)], ALLOW)) is Decision.ALLOWED


def test_at_most_ten_problems_are_told_but_all_are_heeded() -> None:
    wrong = {"Effect": "Allow", "Action": "*", "Resource": "*", "Sid": 5}
    text = document(*[wrong] * 25)
    assert len(problems(text)) == 10
    assert len(problems(json.dumps({f"x{n}": 0 for n in range(25)}))) == 10
    assert not decision(text).is_allowed


def test_a_problem_can_always_be_printed() -> None:
    for text in (document({"\ud800": "\ud800"}), '{"\ud800', "\ud800", '{"Statement": 1, "\x00é": "é"}'):
        assert all(problem.encode() for problem in problems(text))
