"""Whether AWS IoT can use the roles that profiles name for their alerts."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from warden.cli.doctor.finding import Finding, Patient, State
from warden.domain.alerts.rule import RANDOM_CHARACTERS, rule_prefix
from warden.domain.alerts.trust import SERVICE, trust_problem
from warden.domain.behaviors.profile import AlertTarget
from warden.storage.catalogue import CatalogueStore

MOST_PROFILES = 500
MOST_ROLES = 100


def alert_roles(patient: Patient) -> Iterator[Finding]:
    """Trust and permission of each pair of role and topic that a profile names, and of the stack's own."""
    targets, cut = _targets(patient)
    if not targets:
        call = f"dynamodb:Query {patient.stage.control_table} CATALOG"
        yield Finding("alert roles", State.OK, call, "no security profile has an alert target")
    trusted: dict[str, bool] = {}
    for target in list(targets)[:MOST_ROLES]:
        if target.role_arn not in trusted:
            finding = _trust(patient, target.role_arn)
            trusted[target.role_arn] = finding.state is not State.FAIL
            yield finding
        if trusted[target.role_arn]:
            yield _permission(patient, target)
    if cut or len(targets) > MOST_ROLES:
        answer = f"only {MOST_PROFILES} profiles and {MOST_ROLES} pairs of role and topic were looked at"
        yield Finding("alert roles", State.WARN, "-", answer)


def _targets(patient: Patient) -> tuple[dict[AlertTarget, None], bool]:
    stage, store = patient.stage, CatalogueStore(patient.control)
    found: dict[AlertTarget, None] = {}
    if stage.alert_role and stage.alert_topic:
        found[AlertTarget(alert_target_arn=stage.alert_topic, role_arn=stage.alert_role)] = None
    names, after = store.names(after=None, limit=MOST_PROFILES)
    for name in names:
        head = store.head(name)
        version = head and store.version(name, head.record.version)
        target = version.record.profile.alert_target if version else None
        if target:
            found[target] = None
    return found, after is not None


def _trust(patient: Patient, role_arn: str) -> Finding:
    about, name = "alert role, trust", role_arn.rsplit("/", 1)[-1]
    call = f"iam:GetRole {name}"
    try:
        role = patient.client("iam").get_role(RoleName=name)["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return Finding(about, State.FAIL, call, f"{role_arn} does not exist", _create(role_arn))
    rule = rule_prefix(patient.stage.name) + "0" * RANDOM_CHARACTERS
    problem = trust_problem(role["AssumeRolePolicyDocument"], patient.home, rule)
    if problem is None:
        return Finding(about, State.OK, call, f"{SERVICE} may assume {name}")
    then = f"aws iam update-assume-role-policy --role-name {name} --policy-document file://trust.json"
    return Finding(about, State.FAIL, call, problem, then)


def _permission(patient: Patient, target: AlertTarget) -> Finding:
    about, name = "alert role, permission", target.role_arn.rsplit("/", 1)[-1]
    call = f"iam:SimulatePrincipalPolicy {name} sns:Publish {target.alert_target_arn}"
    answer = patient.client("iam").simulate_principal_policy(
        PolicySourceArn=target.role_arn, ActionNames=["sns:Publish"], ResourceArns=[target.alert_target_arn]
    )
    decisions = [result["EvalDecision"] for result in answer["EvaluationResults"]]
    if decisions and all(decision == "allowed" for decision in decisions):
        return Finding(about, State.OK, call, f"{name} may publish to the topic")
    statement = f'{{"Effect":"Allow","Action":"sns:Publish","Resource":"{target.alert_target_arn}"}}'
    then = f"aws iam put-role-policy --role-name {name} --policy-name alerts --policy-document file://alerts.json"
    said = ", ".join(decisions) or "nothing"
    return Finding(about, State.FAIL, call, f"{said}: the role needs the statement {statement}", then)


def _create(role_arn: str) -> str:
    return (
        f"aws iam create-role --role-name {role_arn.rsplit('/', 1)[-1]} --assume-role-policy-document file://trust.json"
    )
