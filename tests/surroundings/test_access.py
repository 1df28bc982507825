"""What the broker is told of who may do what: whatever a call changes of it, and all of it at a start."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.surroundings.home import Home
from tests.surroundings.pki import an_ec_key, certificate, text
from warden.adapters.sqlite import SqliteTable
from warden.embedded.surroundings.surroundings import RegistryChange
from warden.storage import keys
from warden.storage.access import AccessRecords, Anchor, Certificate, Group, Kind, Policy, Subject, Thing

DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})
OTHER = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iot:*", "Resource": "*"}]})


class Copy:
    """A home, and the records that follow its changes."""

    def __init__(self, directory: Path) -> None:
        self.records = AccessRecords(SqliteTable(":memory:", keys.CONTROL))
        self.home = Home(directory, listener=self._changed)
        self.iot = self.home.client("iot")

    def _changed(self, change: RegistryChange) -> None:
        self.records.apply(self.home.surroundings.access_of(change.access))

    def is_whole(self) -> bool:
        """Whether following the changes led to what a look at everything gives."""
        return dict(self.records.all()) == self.home.surroundings.all_access()


@pytest.fixture
def copy(tmp_path: Path) -> Any:
    made = Copy(tmp_path)
    with made.home:
        yield made


def test_a_certificate_is_told_with_its_policies_and_things(copy: Copy) -> None:
    made = copy.iot.create_keys_and_certificate(setAsActive=True)
    copy.iot.create_policy(policyName="p", policyDocument=DOCUMENT)
    copy.iot.attach_policy(policyName="p", target=made["certificateArn"])
    copy.iot.create_thing(thingName="pump")
    copy.iot.attach_thing_principal(thingName="pump", principal=made["certificateArn"])
    assert copy.records.get(Certificate, made["certificateId"]) == Certificate(
        status="ACTIVE", policies=("p",), things=("pump",)
    )
    assert copy.records.get(Policy, "p") == Policy(document=DOCUMENT)
    assert copy.is_whole()


def test_a_certificate_of_this_home_needs_no_anchor_and_one_without_authority_is_its_own(copy: Copy) -> None:
    copy.iot.create_keys_and_certificate(setAsActive=True)
    assert copy.records.anchors() == []
    pem = text(certificate(an_ec_key()))
    made = copy.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
    assert copy.records.get(Anchor, made["certificateId"]) == Anchor(pem=pem)
    copy.iot.update_certificate(certificateId=made["certificateId"], newStatus="INACTIVE")
    copy.iot.delete_certificate(certificateId=made["certificateId"])
    assert copy.records.anchors() == []
    assert copy.is_whole()


def furnished(copy: Copy) -> dict[str, str]:
    made = copy.iot.create_keys_and_certificate(setAsActive=True)
    for name in ("p", "q"):
        copy.iot.create_policy(policyName=name, policyDocument=DOCUMENT)
    copy.iot.create_thing_type(thingTypeName="camera")
    copy.iot.create_thing_group(thingGroupName="plant")
    copy.iot.create_thing_group(thingGroupName="line", parentGroupName="plant")
    group = copy.iot.describe_thing_group(thingGroupName="plant")["thingGroupArn"]
    copy.iot.create_thing(thingName="pump", attributePayload={"attributes": {"hall": "3"}})
    copy.iot.attach_thing_principal(thingName="pump", principal=made["certificateArn"])
    copy.iot.attach_policy(policyName="p", target=made["certificateArn"])
    copy.iot.attach_policy(policyName="p", target=group)
    copy.iot.add_thing_to_thing_group(thingGroupName="line", thingName="pump")
    return {"certificate": made["certificateId"], "arn": made["certificateArn"], "group": group}


Call = Callable[[Any, dict[str, str]], object]

CHANGES: dict[str, tuple[Call, Kind, str, Any]] = {
    "a certificate is deactivated": (
        lambda iot, made: iot.update_certificate(certificateId=made["certificate"], newStatus="INACTIVE"),
        Kind.CERTIFICATE,
        "certificate",
        Certificate(status="INACTIVE", policies=("p",), things=("pump",)),
    ),
    "a policy is attached": (
        lambda iot, made: iot.attach_policy(policyName="q", target=made["arn"]),
        Kind.CERTIFICATE,
        "certificate",
        Certificate(status="ACTIVE", policies=("p", "q"), things=("pump",)),
    ),
    "a policy is attached to a principal": (
        lambda iot, made: iot.attach_principal_policy(policyName="q", principal=made["arn"]),
        Kind.CERTIFICATE,
        "certificate",
        Certificate(status="ACTIVE", policies=("p", "q"), things=("pump",)),
    ),
    "a policy is detached": (
        lambda iot, made: iot.detach_policy(policyName="p", target=made["arn"]),
        Kind.CERTIFICATE,
        "certificate",
        Certificate(status="ACTIVE", things=("pump",)),
    ),
    "a policy is detached from a principal": (
        lambda iot, made: iot.detach_principal_policy(policyName="p", principal=made["arn"]),
        Kind.CERTIFICATE,
        "certificate",
        Certificate(status="ACTIVE", things=("pump",)),
    ),
    "a thing is detached": (
        lambda iot, made: iot.detach_thing_principal(thingName="pump", principal=made["arn"]),
        Kind.CERTIFICATE,
        "certificate",
        Certificate(status="ACTIVE", policies=("p",)),
    ),
    "a policy gets another default version": (
        lambda iot, _: iot.create_policy_version(policyName="p", policyDocument=OTHER, setAsDefault=True),
        Kind.POLICY,
        "p",
        Policy(document=OTHER),
    ),
    "a version becomes the default": (
        lambda iot, _: (
            iot.create_policy_version(policyName="p", policyDocument=OTHER, setAsDefault=False),
            iot.set_default_policy_version(policyName="p", policyVersionId="2"),
        ),
        Kind.POLICY,
        "p",
        Policy(document=OTHER),
    ),
    "a policy is deleted": (lambda iot, _: iot.delete_policy(policyName="q"), Kind.POLICY, "q", None),
    "a thing's attributes change": (
        lambda iot, _: iot.update_thing(thingName="pump", attributePayload={"attributes": {"hall": "4"}}),
        Kind.THING,
        "pump",
        Thing(attributes={"hall": "4"}, groups=("line", "plant")),
    ),
    "a thing gets a type": (
        lambda iot, _: iot.update_thing(thingName="pump", thingTypeName="camera"),
        Kind.THING,
        "pump",
        Thing(type_name="camera", attributes={"hall": "3"}, groups=("line", "plant")),
    ),
    "a thing leaves its group": (
        lambda iot, _: iot.remove_thing_from_thing_group(thingGroupName="line", thingName="pump"),
        Kind.THING,
        "pump",
        Thing(attributes={"hall": "3"}),
    ),
    "its group is deleted": (
        lambda iot, _: iot.delete_thing_group(thingGroupName="line"),
        Kind.THING,
        "pump",
        Thing(attributes={"hall": "3"}),
    ),
    "a group gets a policy": (
        lambda iot, made: iot.attach_policy(policyName="q", target=made["group"]),
        Kind.GROUP,
        "plant",
        Group(policies=("p", "q")),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_is_told(copy: Copy, what: str) -> None:
    call, kind, name, expected = CHANGES[what]
    made = furnished(copy)
    call(copy.iot, made)
    assert dict(copy.records.all()).get(Subject(kind, made.get(name, name))) == expected
    assert copy.is_whole()


def test_a_change_that_was_lost_is_found_by_a_look_at_everything(copy: Copy) -> None:
    made = furnished(copy)
    lost = {
        Subject(Kind.CERTIFICATE, made["certificate"]): Certificate(status="INACTIVE"),
        Subject(Kind.POLICY, "gone"): Policy(document=DOCUMENT),
        Subject(Kind.THING, "pump"): None,
    }
    copy.records.apply(lost)
    assert copy.records.replace(copy.home.surroundings.all_access()) == lost.keys()
    assert copy.is_whole()
    assert copy.records.replace(copy.home.surroundings.all_access()) == frozenset()


def test_an_authority_that_is_not_active_ends_no_chain(copy: Copy) -> None:
    pem = text(certificate(an_ec_key()))
    made = copy.iot.register_ca_certificate(caCertificate=pem, setAsActive=True, verificationCertificate=pem)
    assert copy.records.anchors() == [pem]
    copy.iot.update_ca_certificate(certificateId=made["certificateId"], newStatus="INACTIVE")
    assert copy.records.anchors() == []
    assert copy.is_whole()
