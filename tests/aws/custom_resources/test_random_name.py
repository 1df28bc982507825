"""Names that nobody can guess, made once."""

import re

from tests.aws.custom_resources.cloudformation import (
    CloudFormation,
)


def test_a_random_name_is_made_once_and_kept(cloudformation: CloudFormation) -> None:
    made = cloudformation.ask("RandomName", "Create", Prefix="thingwarden_test_registry_")

    name = made["Data"]["Name"]
    assert re.fullmatch("thingwarden_test_registry_[a-z0-9]{26}", name)
    assert (made["Status"], made["PhysicalResourceId"], made["NoEcho"]) == ("SUCCESS", name, True)
    updated = cloudformation.ask("RandomName", "Update", name, Prefix="thingwarden_test_registry_")
    assert (updated["PhysicalResourceId"], updated["Data"]) == (name, {"Name": name})
    assert cloudformation.ask("RandomName", "Delete", name, Prefix="p")["Status"] == "SUCCESS"


def test_no_two_random_names_are_alike(cloudformation: CloudFormation) -> None:
    names = {cloudformation.ask("RandomName", "Create", Prefix="p_")["Data"]["Name"] for _ in range(50)}

    assert len(names) == 50
    assert {character for name in names for character in name[2:]} == set("abcdefghijklmnopqrstuvwxyz0123456789")
