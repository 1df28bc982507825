"""What is there: a home's profiles, custom metrics and dimensions, as documents have them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from warden.cli.detect.profiles import arn_prefix, target_arns
from warden.cli.files.kinds import PROFILE, TAGS, TARGETS, Kind, canonical
from warden.cli.home import Home


@dataclass(frozen=True, slots=True)
class Found:
    """One that is there.

    Attributes:
        body: Its members, canonical, with all its `targets` and `tags`; targets are short where they are this home's.
        arn: Its ARN.
        version: Of a profile.
    """

    body: dict[str, Any]
    arn: str
    version: int | None = None


def names(home: Home, kind: Kind) -> list[str]:
    """The names of all of a kind."""
    plural = f"{kind.noun}s"
    rows = home.rows(f"list_{plural}", kind.rows)
    return [row["name"] if kind is PROFILE else row for row in rows]


def described(home: Home, kind: Kind, name: str) -> dict[str, Any] | None:
    """One as the API describes it, with the ARNs of its targets as `targets` and its tags, where it has some, as
    `tags`; None where there is none."""
    try:
        answer = home.call(f"describe_{kind.noun}", **{kind.member: name})
        if kind is PROFILE:
            answer[TARGETS] = target_arns(home, name)
        tags = list(_tags(home, answer[kind.arn]))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    return answer | ({TAGS: tags} if tags else {})


def find(home: Home, kind: Kind, name: str) -> Found | None:
    """One by its name; None where there is none."""
    answer = described(home, kind, name)
    if answer is None:
        return None
    arn = answer[kind.arn]
    if kind is PROFILE:
        answer[TARGETS] = [short(target, arn) for target in answer[TARGETS]]
    return Found(canonical(kind, answer, home.iot.meta.service_model), arn, answer.get("version"))


def short(target: str, arn: str) -> str:
    """A target's ARN without what it has in common with another ARN of the same home, where it does."""
    return target.removeprefix(arn_prefix(arn))


def full(target: str, arn: str) -> str:
    """The ARN of a target that may be short."""
    return target if target.startswith("arn:") else arn_prefix(arn) + target


def _tags(home: Home, arn: str) -> Iterator[dict[str, str]]:
    token: dict[str, str] = {}
    while True:
        answer = home.call("list_tags_for_resource", resourceArn=arn, **token)
        yield from answer.get("tags", [])
        if not answer.get("nextToken"):
            return
        token = {"nextToken": answer["nextToken"]}
