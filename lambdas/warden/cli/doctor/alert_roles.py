"""Whether AWS IoT can use the roles that profiles name for their alerts."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from warden.cli.doctor.finding import Finding, Patient, State
from warden.cli.doctor.refusals import guarded
from warden.domain.alerts.rule import RANDOM_CHARACTERS, rule_prefix
from warden.domain.alerts.trust import SERVICE, trust_problem
from warden.domain.behaviors.profile import AlertTarget
from warden.storage.catalogue import CatalogueStore

MOST_PROFILES = 500
MOST_ROLES = 100


def alert_roles(
    patient: Patient, *, most_profiles: int = MOST_PROFILES, most_roles: int = MOST_ROLES
) -> Iterator[Finding]:
    """Trust and permission of each pair of role and topic that a profile names, and of the stack's own.

    What AWS refuses to tell of one role keeps no other from being looked at.
    """
    targets, cut = _targets(patient, most_profiles)
    if not targets:
        call = f"dynamodb:Query {patient.stage.control_table} CATALOG"
        yield Finding("alert roles", State.OK, call, "no security profile has an alert target")
    trusted: dict[str, bool] = {}
    for target in list(targets)[:most_roles]:
        if target.role_arn not in trusted:
            [finding] = guarded(_about(target.role_arn, "trust"), _trust(patient, target.role_arn))
            trusted[target.role_arn] = finding.state is not State.FAIL
            yield finding
        if trusted[target.role_arn]:
            yield from guarded(_about(target.role_arn, "permission"), _permission(patient, target))
    if cut or len(targets) > most_roles:
        answer = f"only {most_profiles} profiles and {most_roles} pairs of role and topic were looked at"
        yield Finding("alert roles", State.WARN, "-", answer)


def _targets(patient: Patient, most: int) -> tuple[dict[AlertTarget, None], bool]:
    stage, store = patient.stage, CatalogueStore(patient.control)
    found: dict[AlertTarget, None] = {}
    if stage.alert_role and stage.alert_topic:
        found[AlertTarget(alert_target_arn=stage.alert_topic, role_arn=stage.alert_role)] = None
    names, after = store.names(after=None, limit=most)
    for name in names:
        head = store.head(name)
        version = head and store.version(name, head.record.version)
        target = version.record.profile.alert_target if version else None
        if target:
            found[target] = None
    return found, after is not None


def _about(role_arn: str, what: str) -> str:
    return f"alert role {role_arn.rsplit('/', 1)[-1]}, {what}"


def _trust(patient: Patient, role_arn: str) -> Iterator[Finding]:
    about, name = _about(role_arn, "trust"), role_arn.rsplit("/", 1)[-1]
    call = f"iam:GetRole {name}"
    try:
        role = patient.client("iam").get_role(RoleName=name)["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        yield Finding(about, State.FAIL, call, f"{role_arn} does not exist", _create(role_arn))
        return
    rule = rule_prefix(patient.stage.name) + "0" * RANDOM_CHARACTERS
    problem = trust_problem(role["AssumeRolePolicyDocument"], patient.home, rule)
    if problem is None:
        yield Finding(about, State.OK, call, f"{SERVICE} may assume {name}")
    else:
        then = f"aws iam update-assume-role-policy --role-name {name} --policy-document file://trust.json"
        yield Finding(about, State.FAIL, call, problem, then)


def _permission(patient: Patient, target: AlertTarget) -> Iterator[Finding]:
    about, name = _about(target.role_arn, "permission"), target.role_arn.rsplit("/", 1)[-1]
    call = f"iam:SimulatePrincipalPolicy {name} sns:Publish {target.alert_target_arn}"
    answer = patient.client("iam").simulate_principal_policy(
        PolicySourceArn=target.role_arn, ActionNames=["sns:Publish"], ResourceArns=[target.alert_target_arn]
    )
    decisions = [result["EvalDecision"] for result in answer["EvaluationResults"]]
    if decisions and all(decision == "allowed" for decision in decisions):
        yield Finding(about, State.OK, call, f"{name} may publish to the topic")
        return
    statement = f'{{"Effect":"Allow","Action":"sns:Publish","Resource":"{target.alert_target_arn}"}}'
    then = f"aws iam put-role-policy --role-name {name} --policy-name alerts --policy-document file://alerts.json"
    said = ", ".join(decisions) or "nothing"
    yield Finding(about, State.FAIL, call, f"{said}: the role needs the statement {statement}", then)


def _create(role_arn: str) -> str:
    return (
        f"aws iam create-role --role-name {role_arn.rsplit('/', 1)[-1]} --assume-role-policy-document file://trust.json"
    )
