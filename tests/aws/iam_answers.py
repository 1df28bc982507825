"""IAM, as far as a profile's roles are checked: what it is asked, and what it answers."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from typing import Any

import boto3
import msgspec
from botocore.stub import Stubber

from tests.aws.alert_account import ALERT_ROLE, trusting
from tests.aws.conftest import ACCOUNT, REGION
from warden.handlers.parts import Parts

CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admins/ann"
ADMINS = f"arn:aws:iam::{ACCOUNT}:role/people/Admins"

Answers = list[tuple[str, dict[str, Any], dict[str, Any] | str]]
"""What IAM is asked, with what, and what it answers; a text is an error's code."""


def get_role(arn: str, trust: dict[str, Any] | None = None) -> tuple[str, dict[str, Any], dict[str, Any]]:
    path, name = arn.split(":role", 1)[1].rsplit("/", 1)
    role = {
        "Path": f"{path}/",
        "RoleName": name,
        "RoleId": "AROA0123456789ABCDEF",
        "Arn": arn,
        "CreateDate": 0,
        "AssumeRolePolicyDocument": json.dumps(trust or trusting()),
    }
    return "get_role", {"RoleName": name}, {"Role": role}


def simulate(decision: str = "allowed", principal: str = ADMINS) -> tuple[str, dict[str, Any], dict[str, Any]]:
    asked = {
        "PolicySourceArn": principal,
        "ActionNames": ["iam:PassRole"],
        "ResourceArns": [ALERT_ROLE],
        "ContextEntries": [
            {
                "ContextKeyName": "iam:PassedToService",
                "ContextKeyValues": ["iot.amazonaws.com"],
                "ContextKeyType": "string",
            }
        ],
    }
    result = {"EvalActionName": "iam:PassRole", "EvalResourceName": ALERT_ROLE, "EvalDecision": decision}
    return "simulate_principal_policy", asked, {"EvaluationResults": [result]}


USUAL: Answers = [get_role(ADMINS), simulate(), get_role(ALERT_ROLE)]


@contextmanager
def checking(parts: Parts, answers: Answers, **changed: Any) -> Iterator[Parts]:
    """Parts whose IAM answers exactly this, and is asked exactly this."""
    iam = boto3.client("iam", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    settings = msgspec.structs.replace(parts.settings, **changed)
    with closing(iam), Stubber(iam) as stubber:
        for method, asked, answer in answers:
            if isinstance(answer, str):
                stubber.add_client_error(method, answer, f"{answer}: no", expected_params=asked)
            else:
                stubber.add_response(method, deepcopy(answer), asked)  # botocore decodes documents in it
        yield Parts(
            settings,
            region=parts.region,
            clients=lambda service: iam if service == "iam" else parts.client(service),
            clock=parts.clock,
        )
        stubber.assert_no_pending_responses()
