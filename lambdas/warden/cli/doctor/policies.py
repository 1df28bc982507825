"""Which AWS IoT policies let devices publish into any topic rule."""

from collections.abc import Iterator
from typing import Any

from warden import rules
from warden.cli.doctor.finding import Finding, Patient, State
from warden.cli.doctor.publishing import reaches

MOST_POLICIES = 500
PAGE = 100

NOBODY_WROTE_THIS = "q7w2kz9x4m1t8r5v3b6n0c2y7d"
"""As long as the random part of our rules' names. A policy names such a rule only by a wildcard."""


def policies(patient: Patient) -> Iterator[Finding]:
    """Every policy of the account, attached or not, since it can be attached at any time; at most 500."""
    client, looked_at, reaching = patient.client("iot"), 0, 0
    hidden = [f"thingwarden_{patient.stage.name}_{of}_{NOBODY_WROTE_THIS}" for of in ("alert", *rules.REGISTRY_SQL)]
    marker: str | None = None
    while looked_at < MOST_POLICIES:
        page = client.list_policies(pageSize=PAGE, **({"marker": marker} if marker else {}))
        for each in page["policies"]:
            looked_at += 1
            document = client.get_policy(policyName=each["policyName"])["policyDocument"]
            patterns = (pattern for rule in hidden if (pattern := reaches(document, patient.home, rule)))
            if pattern := next(patterns, None):
                reaching += 1
                yield _reaching(patient, each, pattern)
        marker = page.get("nextMarker")
        if not marker:
            break
    call = "iot:ListPolicies, iot:GetPolicy"
    if marker:
        answer = f"only the first {looked_at} policies were looked at"
        yield Finding("device policies", State.WARN, call, answer, "aws iot list-policies")
    elif not reaching:
        answer = f"none of {looked_at} policies lets a device publish into a rule that it can only find by a wildcard"
        yield Finding("device policies", State.OK, call, answer)


def _reaching(patient: Patient, policy: Any, pattern: str) -> Finding:
    name = policy["policyName"]
    named = patient.stage.metrics_rules or (f"thingwarden_{patient.stage.name}_metrics",)
    wanted = patient.home.iot_arn(f"topic/$aws/rules/{named[0]}/*")
    answer = f"{name} lets devices publish into any topic rule: {pattern}. Allow {wanted} instead"
    then = f"aws iot create-policy-version --policy-name {name} --policy-document file://policy.json --set-as-default"
    return Finding("device policies", State.WARN, f"iot:GetPolicy {name}", answer, then)
