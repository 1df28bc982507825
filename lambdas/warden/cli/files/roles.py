"""Alert roles of imported profiles: which of them AWS IoT could not assume for a rule, and what to change."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from warden.cli.stage import Stage, aws_client
from warden.domain.alerts.rule import RANDOM_CHARACTERS, rule_prefix
from warden.domain.alerts.target import Home
from warden.domain.alerts.trust import statement_to_use, trust_problem


def alert_roles(profiles: Iterable[Mapping[str, Any]]) -> list[str]:
    """ARNs of the roles that profiles' alerts are sent under, each once."""
    targets = (target for profile in profiles for target in profile.get("alertTargets", {}).values())
    return sorted({target["roleArn"] for target in targets})


def to_change(roles: Iterable[str], stage: Stage, session: boto3.Session) -> Iterator[tuple[str, str]]:
    """The roles whose trust must change for a stage to send alerts under them, with what to change; also those of
    which AWS does not tell."""
    region = session.region_name or ""
    home = Home(session.get_partition_for_region(region), region, stage.account)
    iam = aws_client(session, "iam")
    rule = rule_prefix(stage.name) + "0" * RANDOM_CHARACTERS
    for arn in roles:
        try:
            trust = iam.get_role(RoleName=arn.rsplit("/", 1)[-1])["Role"]["AssumeRolePolicyDocument"]
        except (ClientError, BotoCoreError) as error:
            statement = json.dumps(statement_to_use(home))
            yield arn, f"its trust policy cannot be read ({error}); it needs the statement {statement}"
            continue
        if problem := trust_problem(trust, home, rule):
            yield arn, problem
