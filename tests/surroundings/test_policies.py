"""GetEffectivePolicies: what a policy decides is shown where it decides it."""

import json
from typing import Any

import pytest

from tests.surroundings.home import ACCOUNT, REGION, Home, ask


def document(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


class Plant:
    """A pump with two certificates in the group `hall` of `plant`, and a policy of its own on each of them."""

    def __init__(self, iot: Any) -> None:
        self.iot = iot
        self.plant = iot.create_thing_group(thingGroupName="plant")["thingGroupArn"]
        self.hall = iot.create_thing_group(thingGroupName="hall", parentGroupName="plant")["thingGroupArn"]
        self.other = iot.create_thing_group(thingGroupName="other")["thingGroupArn"]
        iot.create_thing(thingName="pump")
        iot.add_thing_to_thing_group(thingName="pump", thingGroupName="hall")
        self.first, self.second, self.stray = (
            iot.create_keys_and_certificate(setAsActive=True)["certificateArn"] for _ in range(3)
        )
        for certificate in (self.first, self.second):
            iot.attach_thing_principal(thingName="pump", principal=certificate)
        for name, target in (
            ("on-plant", self.plant),
            ("on-hall", self.hall),
            ("on-other", self.other),
            ("on-first", self.first),
            ("on-second", self.second),
            ("on-stray", self.stray),
        ):
            iot.create_policy(policyName=name, policyDocument=document("iot:Connect"))
            iot.attach_policy(policyName=name, target=target)

    def effective(self, **given: str) -> list[str]:
        return sorted(each["policyName"] for each in self.iot.get_effective_policies(**given)["effectivePolicies"])


@pytest.fixture
def plant(home: Home) -> Plant:
    return Plant(home.client("iot"))


def test_a_connection_has_the_policies_of_its_certificate_and_of_its_thing_s_groups_up_to_the_root(
    plant: Plant,
) -> None:
    assert plant.effective(principal=plant.first, thingName="pump") == ["on-first", "on-hall", "on-plant"]


def test_a_certificate_alone_has_its_own_policies(plant: Plant) -> None:
    assert plant.effective(principal=plant.first) == ["on-first"]


def test_a_thing_alone_has_those_of_all_its_certificates_and_groups(plant: Plant) -> None:
    assert plant.effective(thingName="pump") == ["on-first", "on-hall", "on-plant", "on-second"]


def test_a_group_has_its_own_and_its_parents(plant: Plant) -> None:
    assert plant.effective(principal=plant.hall) == ["on-hall", "on-plant"]
    assert plant.effective(principal=plant.plant) == ["on-plant"]


def test_a_certificate_that_is_not_attached_to_the_thing_gains_nothing_by_its_groups(plant: Plant) -> None:
    assert plant.effective(principal=plant.stray, thingName="pump") == ["on-stray"]


def test_a_policy_that_acts_twice_is_shown_once_with_its_default_version(plant: Plant) -> None:
    plant.iot.attach_policy(policyName="on-first", target=plant.hall)
    plant.iot.create_policy_version(policyName="on-first", policyDocument=document("iot:Publish"), setAsDefault=True)
    plant.iot.create_policy_version(policyName="on-first", policyDocument=document("iot:Receive"))
    shown = plant.iot.get_effective_policies(principal=plant.first, thingName="pump")["effectivePolicies"]
    (policy,) = [each for each in shown if each["policyName"] == "on-first"]
    assert policy["policyDocument"] == document("iot:Publish")
    assert policy["policyArn"] == f"arn:aws:iot:{REGION}:{ACCOUNT}:policy/on-first"


def test_what_is_detached_or_left_is_no_longer_effective(plant: Plant) -> None:
    plant.iot.detach_policy(policyName="on-first", target=plant.first)
    plant.iot.remove_thing_from_thing_group(thingName="pump", thingGroupName="hall")
    assert plant.effective(thingName="pump") == ["on-second"]


def test_a_deleted_group_s_successor_has_none_of_its_policies(plant: Plant) -> None:
    plant.iot.delete_thing_group(thingGroupName="hall")
    plant.iot.create_thing_group(thingGroupName="hall")
    plant.iot.add_thing_to_thing_group(thingName="pump", thingGroupName="hall")
    assert plant.effective(principal=plant.first, thingName="pump") == ["on-first"]
    assert plant.iot.list_targets_for_policy(policyName="on-hall")["targets"] == []


@pytest.mark.parametrize(
    "given",
    [
        {"thingName": "nobody"},
        {"principal": f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{'a' * 64}"},
        {"principal": f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/nowhere"},
        {"principal": f"{REGION}:a-cognito-identity", "cognitoIdentityPoolId": "pool"},
        {"principal": ""},
    ],
    ids=["a thing", "a certificate", "a group", "a Cognito identity, which no home has", "nothing in particular"],
)
def test_who_is_not_there_is_not_found(plant: Plant, given: dict[str, str]) -> None:
    with pytest.raises(plant.iot.exceptions.ResourceNotFoundException):
        plant.iot.get_effective_policies(**given)


def test_the_arn_of_another_account_s_certificate_is_not_found(plant: Plant) -> None:
    with pytest.raises(plant.iot.exceptions.ResourceNotFoundException):
        plant.iot.get_effective_policies(principal=plant.first.replace(ACCOUNT, "999999999999"))


def test_nobody_s_policies_cannot_be_asked_for(plant: Plant) -> None:
    with pytest.raises(plant.iot.exceptions.InvalidRequestException, match="principal, thingName or both"):
        plant.iot.get_effective_policies()


@pytest.mark.parametrize(
    ("query", "body"),
    [("thingName=a%2Fb", b"{}"), ("", b"{"), ("", b'{"principal":7}'), ("", b'{"principle":"x"}')],
    ids=["no thing's name", "no JSON", "a number", "a misspelt member"],
)
def test_a_request_that_the_model_rules_out_is_refused(home: Home, query: str, body: bytes) -> None:
    status, headers, _ = ask(home, "POST", f"/effective-policies?{query}", None, body)
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestException")


MALFORMED = [
    ("not json", "policyDocument: expected JSON"),
    ('{"Version":"2012-10-17"}', "Statement: expected one statement or several"),
    ('{"Version":"2012-10-17","Statement":[]}', "Statement: expected at least one statement"),
    ('{"Statement":[{"Effect":"Maybe","Action":"iot:*","Resource":"*"}]}', r"Statement\[0\].Effect: expected Allow or"),
    ('{"Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"topic/a"}]}', r"Statement\[0\].Resource"),
    (document("iot:" + "x" * 2048), "at most 2048 characters"),
]


@pytest.mark.parametrize(("text", "told"), MALFORMED)
def test_a_malformed_document_is_refused_with_what_is_wrong_and_makes_nothing(home: Home, text: str, told: str) -> None:
    iot = home.client("iot")
    with pytest.raises(iot.exceptions.MalformedPolicyException, match=told):
        iot.create_policy(policyName="new", policyDocument=text)
    assert iot.list_policies()["policies"] == []
    iot.create_policy(policyName="p", policyDocument=document("iot:Connect"))
    with pytest.raises(iot.exceptions.MalformedPolicyException, match=told):
        iot.create_policy_version(policyName="p", policyDocument=text, setAsDefault=True)
    (version,) = iot.list_policy_versions(policyName="p")["policyVersions"]
    assert version["isDefaultVersion"]
    assert iot.get_policy(policyName="p")["policyDocument"] == document("iot:Connect")


def test_all_that_is_wrong_with_a_document_is_told_at_once(home: Home) -> None:
    iot = home.client("iot")
    text = '{"Version":"2020-01-01","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}],"Else":1}'
    with pytest.raises(iot.exceptions.MalformedPolicyException, match=r"Else.*; Version: expected 2012-10-17"):
        iot.create_policy(policyName="new", policyDocument=text)
