"""What an account's own Device Defender has: read from AWS, or from the JSON that was made of it."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import click
from botocore.config import Config

from warden.cli.files.kinds import KINDS, PROFILE, TAGS, TARGETS, Kind, members_of
from warden.cli.files.there import described, names, short
from warden.cli.home import Home
from warden.cli.shown import safe
from warden.cli.stage import aws_client

MOST_BYTES = 67_108_864
"""Of exported JSON."""

_PATIENT = Config(connect_timeout=5, read_timeout=60, retries={"mode": "adaptive", "total_max_attempts": 10})
"""AWS answers ten such calls a second."""

Exported = Mapping[str, list[dict[str, Any]]]
"""`securityProfiles`, `customMetrics`, `dimensions`: of each what Describe answers, and `targets` and `tags`."""


def source(session: boto3.Session, progress: Any) -> Home:
    """The account's own Device Defender."""
    return Home(aws_client(session, "iot", config=_PATIENT), progress)


def read_account(home: Home) -> Exported:
    """Everything that documents can say, of an account."""
    return {
        kind.exported: [found for name in names(home, kind) if (found := described(home, kind, name))]
        for kind in KINDS.values()
    }


def read_export(name: str, data: bytes) -> Exported:
    """What a file of exported JSON says. Raises ClickException where it is none."""
    expected = f'{{"{PROFILE.exported}": […], "customMetrics": […], "dimensions": […]}}'
    if len(data) > MOST_BYTES:
        raise click.ClickException(f"{safe(name)}: expected {MOST_BYTES} bytes at most")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{safe(name)}: this is no JSON: {safe(error)}") from error
    known = {kind.exported for kind in KINDS.values()}
    if not isinstance(found, dict) or not found.keys() & known:
        raise click.ClickException(f"{safe(name)}: expected {expected}")
    for member in known & found.keys():
        if not isinstance(found[member], list) or not all(isinstance(each, dict) for each in found[member]):
            raise click.ClickException(f"{safe(name)}: {member}: expected a list of objects")
    return found


def as_document(kind: Kind, exported: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """What a document says of something that was exported: what an account alone knows of it is left out, and its
    targets are those of any home."""
    known = {*members_of(kind, model), TARGETS, TAGS}
    body = {name: value for name, value in exported.items() if name in known}
    targets, arn = body.get(TARGETS), exported.get(kind.arn)
    if isinstance(targets, list) and isinstance(arn, str):
        body[TARGETS] = [short(target, arn) if isinstance(target, str) else target for target in targets]
    return {"kind": kind.name, **body}
