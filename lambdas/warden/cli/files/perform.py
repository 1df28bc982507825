"""Changes, made: by the operations of boto3's `iot` that make them."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from warden.cli.files.kinds import DIMENSION, METRIC, PROFILE, TAGS, TARGETS
from warden.cli.files.plan import Action, Change
from warden.cli.files.there import full
from warden.cli.home import Home, refusal

_RETAINED = ("additionalMetricsToRetain", "additionalMetricsToRetainV2")


def perform(home: Home, change: Change) -> Iterator[str]:
    """Make a change.

    A profile is attached before it is detached, so that what it covers before and after is covered throughout.

    Returns: What the home refused of it, each beginning with the document's place; nothing where all was done.
        Where the resource itself was refused, nothing else of the change is tried.
    """
    try:
        arn = _resource(home, change)
    except ClientError as error:
        yield _told(change, error)
        return
    if change.action is not Action.DELETE:
        for operation, given in _around(change, arn):
            try:
                home.call(operation, **given)
            except ClientError as error:
                yield _told(change, error)


def _told(change: Change, error: ClientError) -> str:
    message = error.response.get("Error", {}).get("Message", "")
    place = f"{change.document.place.of(message)}: " if change.document else ""
    return f"{place}{change.about}: {refusal(error)}"


def _resource(home: Home, change: Change) -> str:
    """The resource itself. Returns: Its ARN."""
    kind, named = change.kind, {change.kind.member: change.name}
    if change.after is None:
        version = {"expectedVersion": change.found.version} if change.found and kind is PROFILE else {}
        home.call(f"delete_{kind.noun}", **named, **version)
        return ""
    if change.found is None:
        given = {name: value for name, value in change.after.items() if name != TARGETS}
        answer = home.call(f"create_{kind.noun}", **given)
        return str(answer["securityProfileArn" if kind is PROFILE else kind.arn])
    given = _update(change)
    if given:
        version = {"expectedVersion": change.found.version} if kind is PROFILE else {}
        home.call(f"update_{kind.noun}", **named, **given, **version)
    return change.found.arn


def _update(change: Change) -> dict[str, Any]:
    """What an update has to say for the resource to be as it shall be; nothing where it is."""
    before, after = _bare(change.before), _bare(change.after)
    if before == after:
        return {}
    if change.kind is METRIC:
        return {"displayName": after.get("displayName", "")}
    if change.kind is DIMENSION:
        return {"stringValues": after["stringValues"]}
    given: dict[str, Any] = {name: value for name, value in after.items() if name != PROFILE.member}
    gone = before.keys() - after.keys()
    if "securityProfileDescription" in gone:
        given["securityProfileDescription"] = ""
    if not gone.isdisjoint(_RETAINED):  # one flag removes both lists, and allows neither to be given
        if after.keys().isdisjoint(_RETAINED):
            given["deleteAdditionalMetricsToRetain"] = True
        else:
            given |= {name: [] for name in gone.intersection(_RETAINED)}
    flags = {"behaviors": "deleteBehaviors", "alertTargets": "deleteAlertTargets"}
    flags["metricsExportConfig"] = "deleteMetricsExportConfig"
    return given | {flag: True for member, flag in flags.items() if member in gone}


def _bare(body: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (body or {}).items() if name not in (TARGETS, TAGS)}


def _around(change: Change, arn: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls for targets and tags."""
    before, after = change.before or {}, change.after or {}
    there, wanted = ({full(target, arn) for target in body.get(TARGETS, ())} for body in (before, after))
    for operation, targets in (("attach", wanted - there), ("detach", there - wanted)):
        for target in sorted(targets):
            given = {PROFILE.member: change.name, "securityProfileTargetArn": target}
            yield f"{operation}_security_profile", given
    if change.action is Action.UPDATE:
        yield from _tags(before.get(TAGS, []), after.get(TAGS, []), arn)


def _tags(there: list[dict[str, str]], wanted: list[dict[str, str]], arn: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if new := [tag for tag in wanted if tag not in there]:
        yield "tag_resource", {"resourceArn": arn, "tags": new}
    if gone := sorted({tag["Key"] for tag in there} - {tag["Key"] for tag in wanted}):
        yield "untag_resource", {"resourceArn": arn, "tagKeys": gone}
