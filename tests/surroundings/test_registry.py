"""Things and groups, by stock boto3 over HTTP, and who is told of their changes."""

import pytest

from tests.devices import EVERYTHING
from tests.surroundings.home import ACCOUNT, Home
from warden.embedded.surroundings.surroundings import RegistryChange


def test_a_thing_created_again_under_its_old_name_has_another_id_and_none_of_its_old_groups(home: Home) -> None:
    iot = home.client("iot")
    first = iot.create_thing(thingName="pump")
    iot.create_thing_group(thingGroupName="hall")
    iot.add_thing_to_thing_group(thingName="pump", thingGroupName="hall")
    iot.delete_thing(thingName="pump")
    iot.create_thing(thingName="pump")
    assert iot.describe_thing(thingName="pump")["thingId"] != first["thingId"]
    assert iot.list_thing_groups_for_thing(thingName="pump")["thingGroups"] == []
    assert iot.list_things_in_thing_group(thingGroupName="hall")["things"] == []


def test_creating_the_same_thing_twice_is_one_thing(home: Home) -> None:
    iot = home.client("iot")
    payload = {"attributes": {"site": "north"}}
    first = iot.create_thing(thingName="pump", attributePayload=payload)
    assert iot.create_thing(thingName="pump", attributePayload=payload)["thingId"] == first["thingId"]
    assert home.changes == [{"pump"}]


def test_creating_a_thing_that_exists_with_other_attributes_is_refused_and_names_it(home: Home) -> None:
    iot = home.client("iot")
    first = iot.create_thing(thingName="pump")
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as refused:
        iot.create_thing(thingName="pump", attributePayload={"attributes": {"site": "north"}})
    assert refused.value.response["resourceId"] == first["thingId"]
    assert refused.value.response["resourceArn"] == first["thingArn"]


def test_each_mutation_tells_which_things_to_read_again(home: Home) -> None:
    iot = home.client("iot")
    for name in ("a", "b"):
        iot.create_thing(thingName=name)
    for group in ("g", "h"):
        iot.create_thing_group(thingGroupName=group)
    home.changes.clear()
    iot.add_thing_to_thing_group(thingName="a", thingGroupName="g")
    iot.add_thing_to_thing_group(thingArn=f"arn:aws:iot:us-east-1:{ACCOUNT}:thing/b", thingGroupName="g")
    iot.update_thing_groups_for_thing(thingName="b", thingGroupsToAdd=["h"], thingGroupsToRemove=["g"])
    iot.remove_thing_from_thing_group(thingName="b", thingGroupName="h")
    iot.add_thing_to_thing_group(thingName="b", thingGroupName="g")
    iot.delete_thing_group(thingGroupName="g")
    iot.delete_thing(thingName="a")
    assert home.changes == [{"a"}, {"b"}, {"b"}, {"b"}, {"b"}, {"a", "b"}, {"a"}]


def test_reads_and_refused_mutations_tell_nobody(home: Home) -> None:
    iot = home.client("iot")
    iot.list_things()
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.delete_thing(thingName="nobody")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.add_thing_to_thing_group(thingName="nobody", thingGroupName="nowhere")
    assert home.changes == []


def test_who_is_told_can_read_the_registry_before_the_client_has_its_answer(tmp_path) -> None:  # type: ignore[no-untyped-def]
    seen: list[str] = []

    def look(change: RegistryChange) -> None:
        registry = running.surroundings.client("iot")
        seen.extend(registry.describe_thing(thingName=name)["thingName"] for name in change.things)

    with Home(tmp_path, listener=look) as running:
        running.client("iot").create_thing(thingName="pump")
        assert seen == ["pump"]


@pytest.mark.parametrize("name", ["plant:7:pump_1", "a-b", "A" * 128], ids=["colons", "dashes", "the longest"])
def test_a_name_comes_back_as_it_was_given(home: Home, name: str) -> None:
    iot = home.client("iot")
    iot.create_thing(thingName=name)
    assert iot.describe_thing(thingName=name)["thingName"] == name
    assert home.changes == [{name}]


def test_shadows_named_with_a_colon_survive_the_raw_path(home: Home) -> None:
    home.client("iot").create_thing(thingName="a:b")
    shadows = home.client("iot-data")
    shadows.update_thing_shadow(thingName="a:b", payload=b'{"state":{"desired":{"on":true}}}')
    assert b'"on":' in shadows.get_thing_shadow(thingName="a:b")["payload"].read()


def test_devices_are_sent_to_this_machine_and_never_to_aws(home: Home) -> None:
    for kind in ("iot:Data", "iot:Data-ATS"):
        assert home.client("iot").describe_endpoint(endpointType=kind)["endpointAddress"] == "home.example"


def test_policies_certificates_roles_and_identity_are_there(home: Home) -> None:
    iot = home.client("iot")
    certificate = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_policy(policyName="p", policyDocument=EVERYTHING)
    iot.attach_policy(policyName="p", target=certificate["certificateArn"])
    assert [each["policyName"] for each in iot.list_attached_policies(target=certificate["certificateArn"])["policies"]]
    assert home.client("sts").get_caller_identity()["Account"] == ACCOUNT
    home.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    assert home.client("iam").get_role(RoleName="r")["Role"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/r"


GROUP = {"thingGroupDescription": "the north hall", "attributePayload": {"attributes": {"site": "north"}}}


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({}, {}),
        ({}, {"thingGroupProperties": {}}),
        ({"thingGroupProperties": GROUP}, {"thingGroupProperties": GROUP}),
        ({"thingGroupProperties": {"attributePayload": {"attributes": {}}}}, {}),
        ({"parentGroupName": "plant"}, {"parentGroupName": "plant"}),
    ],
    ids=["no properties", "none and empty ones", "properties", "no attributes", "a parent"],
)
def test_creating_the_same_group_twice_is_one_group(home: Home, first, again) -> None:  # type: ignore[no-untyped-def]
    iot = home.client("iot")
    iot.create_thing_group(thingGroupName="plant")
    made = iot.create_thing_group(thingGroupName="hall", **first)
    found = iot.create_thing_group(thingGroupName="hall", **again)
    for member in ("thingGroupName", "thingGroupArn", "thingGroupId"):
        assert found[member] == made[member]


@pytest.mark.parametrize(
    "again",
    [
        {},
        {"parentGroupName": "plant"},
        {"parentGroupName": "other", "thingGroupProperties": GROUP},
        {"parentGroupName": "plant", "thingGroupProperties": GROUP | {"thingGroupDescription": "another"}},
        {"parentGroupName": "plant", "thingGroupProperties": {"thingGroupDescription": "the north hall"}},
    ],
    ids=["nothing", "no properties", "another parent", "another description", "other attributes"],
)
def test_creating_a_group_that_exists_with_other_properties_is_refused_and_names_it(  # type: ignore[no-untyped-def]
    home: Home, again
) -> None:
    iot = home.client("iot")
    for name in ("plant", "other"):
        iot.create_thing_group(thingGroupName=name)
    made = iot.create_thing_group(thingGroupName="hall", parentGroupName="plant", thingGroupProperties=GROUP)
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as refused:
        iot.create_thing_group(thingGroupName="hall", **again)
    assert refused.value.response["resourceId"] == made["thingGroupId"]
    assert refused.value.response["resourceArn"] == made["thingGroupArn"]
    shown = iot.describe_thing_group(thingGroupName="hall")
    assert shown["thingGroupProperties"] == GROUP
    assert shown["thingGroupMetadata"]["parentGroupName"] == "plant"


def test_a_group_under_a_parent_that_does_not_exist_is_refused_by_name(home: Home) -> None:
    iot = home.client("iot")
    with pytest.raises(iot.exceptions.InvalidRequestException, match="no thing group plant"):
        iot.create_thing_group(thingGroupName="hall", parentGroupName="plant")
    assert iot.list_thing_groups()["thingGroups"] == []
