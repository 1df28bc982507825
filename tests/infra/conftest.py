"""Templates as a deployer would get them, synthesised once for each set of options."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import app  # sets JSII_NODE before the CDK is imported
from tests.unmeasured import unmeasured

Template = Mapping[str, Any]
Synth = Callable[..., Template]

EVERYTHING = {
    "stage": "test",
    "alert_emails": ["ops@example.com"],
    "alert_phones": ["+15555550100"],
    "kms_key_arn": "arn:aws:kms:eu-central-1:111122223333:key/0b5c1a52-6a0e-4c56-9d7f-2f6c8a1f0e11",
    "permissions_boundary": "arn:aws:iam::111122223333:policy/boundary",
    "log_capacity": {"minimum": 5, "maximum": 500},
    "reserved_topic": True,
    "budget_usd": 100,
    "heartbeat_minutes": 15,
    "tags": {"team": "security"},
}
"""Every option that adds something."""


@cache
def _synthesised(context: str) -> Template:
    with unmeasured(), tempfile.TemporaryDirectory(prefix="warden-synth-") as out:
        given = {"aws:cdk:bundling-stacks": [], "nag": True, **json.loads(context)}
        made = app.App(context=given, outdir=out)
        stack = app.build(made)
        made.synth()
        found: Template = json.loads((Path(out) / f"{stack.stack_name}.template.json").read_text())
        return found


def synthesise(**options: Any) -> Template:
    """The template of some options; cdk-nag has nothing to say of it, or this raises."""
    return _synthesised(json.dumps({"thingwarden": options}, sort_keys=True))


@pytest.fixture(scope="session")
def template() -> Template:
    """What cdk.json deploys as it is."""
    return synthesise(stage="prod")


@pytest.fixture(scope="session")
def full_template() -> Template:
    """With every option that adds something."""
    return synthesise(**EVERYTHING)


def of_type(template: Template, kind: str) -> dict[str, Any]:
    """A template's resources of one type, by logical id."""
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    """All statements of a role's policies, inline and attached; lists where CloudFormation allows one text."""
    attached = [
        each["Properties"]["PolicyDocument"]
        for each in of_type(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in each["Properties"]["Roles"]
    ]
    inline = [each["PolicyDocument"] for each in template["Resources"][role]["Properties"].get("Policies", ())]
    return [
        {**statement, "Action": _list(statement["Action"]), "Resource": _list(statement["Resource"])}
        for document in [*attached, *inline]
        for statement in document["Statement"]
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: Any, names: Mapping[str, str] | None = None) -> str:
    """A template's value as text: references as ${Name}, or what `names` gives for them."""
    known = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "111122223333", **(names or {})}
    match value:
        case str():
            return value
        case {"Ref": name}:
            return known.get(name, f"${{{name}}}")
        case {"Fn::GetAtt": [name, attribute]}:
            return known.get(f"{name}.{attribute}", f"${{{name}.{attribute}}}")
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(text(part, names) for part in parts)
        case _:
            raise AssertionError(f"no text: {value!r}")


os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
