"""What a connection's policies do beyond single decisions: variables put in once, speed's bounds, nasty patterns."""

from dataclasses import replace

import pytest

from tests.access_cases.given import D1, HOME, allow, deny, document
from warden.domain.access.decision import REMEMBERED, Decision, Policies
from warden.domain.access.document import read
from warden.domain.access.variables import Thing

LONGEST_TOPIC = "a" * 256

# Each would take a matcher that tries every way to spread its stars longer than the universe has been there.
NASTY = {
    "a star before every letter": "*a" * 60 + "b",
    "stars and question marks": "*?" * 200 + "b",
    "runs of stars": "***a" * 40 + "***b",
    "halves of the text": "*" + "a" * 128 + "*" + "a" * 127 + "*" + "ab",
    "the longest pattern": "*a" * 1000 + "*b",
}


@pytest.mark.parametrize("pattern", [pytest.param(pattern, id=name) for name, pattern in NASTY.items()])
def test_a_nasty_pattern_is_decided(pattern: str) -> None:
    policies = Policies([read(document(allow("Publish", f"topic/{pattern}")))], D1)
    assert policies.decide("iot:Publish", HOME.iot_arn(f"topic/{LONGEST_TOPIC}")) is Decision.IMPLICIT_DENY


def test_a_nasty_action_and_a_nasty_condition_are_decided() -> None:
    pattern = "*a" * 60 + "b"
    text = document(allow(pattern, "*"), allow("*", "*", when={"StringLike": {"iot:ClientId": pattern}}))
    policies = Policies([read(text)], replace(D1, client_id=LONGEST_TOPIC))
    assert policies.decide(f"iot:{LONGEST_TOPIC}", HOME.iot_arn("topic/a")) is Decision.IMPLICIT_DENY


def test_a_nasty_variable_is_plain_text() -> None:
    text = document(allow("Publish", "topic/" + "*${iot:ClientId}" * 60 + "b"))
    policies = Policies([read(text)], replace(D1, client_id="*a"))
    assert policies.decide("iot:Publish", HOME.iot_arn(f"topic/{LONGEST_TOPIC}")) is Decision.IMPLICIT_DENY
    assert policies.decide("iot:Publish", HOME.iot_arn("topic/" + "*a" * 60 + "b")) is Decision.ALLOWED


def test_decisions_stay_right_when_more_are_asked_for_than_are_remembered() -> None:
    policies = Policies([read(document(allow("Publish", "topic/*"), deny("Publish", "topic/*7")))], D1)
    for _ in range(2):
        for n in range(REMEMBERED * 3):
            expected = Decision.EXPLICIT_DENY if n % 10 == 7 else Decision.ALLOWED
            assert policies.decide("iot:Publish", HOME.iot_arn(f"topic/{n}")) is expected


def test_a_remembered_decision_is_of_its_action_and_resource_alone() -> None:
    policies = Policies([read(document(allow("Publish", "topic/a")))], D1)
    asked = [("iot:Publish", "topic/a"), ("iot:Receive", "topic/a"), ("iot:Publish", "topic/b")] * 2
    answers = [policies.decide(action, HOME.iot_arn(resource)) for action, resource in asked]
    assert answers == [Decision.ALLOWED, Decision.IMPLICIT_DENY, Decision.IMPLICIT_DENY] * 2


def test_one_document_serves_many_connections() -> None:
    shared = read(document(allow("Publish", "topic/${iot:ClientId}/${iot:Connection.Thing.Attributes[room]}")))
    for client, room in (("d1", "attic"), ("d2", "cellar"), ("d1", "cellar")):
        policies = Policies([shared], replace(D1, client_id=client, thing=Thing(client, None, {"room": room})))
        assert policies.decide("iot:Publish", HOME.iot_arn(f"topic/{client}/{room}")) is Decision.ALLOWED
        assert policies.decide("iot:Publish", HOME.iot_arn("topic/d3/attic")) is Decision.IMPLICIT_DENY


@pytest.mark.parametrize("resource", ["", "topic/a", "arn", "arn:aws:iot", "*", ":::::"])
def test_a_resource_that_is_no_arn_is_none_that_a_policy_names(resource: str) -> None:
    policies = Policies([read(document(allow("Publish", "topic/a", "arn:*:*:*:*:*a")))], D1)
    assert policies.decide("iot:Publish", resource) is Decision.IMPLICIT_DENY
