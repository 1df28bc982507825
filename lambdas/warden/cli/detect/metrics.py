"""`warden metrics`: what a thing reported, as far as it is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from botocore.exceptions import ClientError

from warden.cli.detect.profiles import arn_prefix, profile_names, retained
from warden.cli.home import Home, Where, home_option, opened
from warden.cli.screen import screen
from warden.cli.shown import Span, examples, safe, say_json, show, value_text, when

LONGEST = timedelta(days=366)
MOST_PARENTS = 100


@click.command(
    "metrics",
    epilog=examples(
        "warden metrics camera",
        "warden metrics camera aws:listening-tcp-ports --since 14d",
        "warden metrics camera --json | jq '.metrics[\"aws:all-bytes-out\"][].value.count'",
    ),
)
@click.argument("thing")
@click.argument("metric", required=False)
@home_option
@click.option("--since", type=Span(), default="24h", show_default=True, help="How far to look back: 30m, 24h, 14d.")
@click.option("--json", "as_json", is_flag=True, help="Every datapoint as JSON.")
def command(where: Where, thing: str, metric: str | None, since: timedelta, as_json: bool) -> None:
    """List THING's datapoints of METRIC, or sum up every metric that the profiles that cover THING keep.

    Exit codes: 0 done, also where there is none, 1 refused, 2 usage, 3 the home does not answer.
    """
    end = datetime.now(UTC)
    span = {"startTime": end - min(since, LONGEST), "endTime": end + timedelta(days=1)}
    with opened(where) as home:
        names = [metric] if metric else kept_metrics(home, thing)
        found = {
            name: list(home.rows("list_metric_values", "metricDatumList", thingName=thing, metricName=name, **span))
            for name in names
        }
    if as_json:
        say_json({"thingName": thing, "metrics": found})
    elif not names:
        click.echo(f"No profile that covers {safe(thing)} keeps a metric: warden profiles")
    elif metric:
        _show_one(found[metric])
    else:
        show(screen(), ["metric", ">datapoints", "lowest", "highest", "latest", "at (UTC)"], _sums(found))


def kept_metrics(home: Home, thing: str) -> list[str]:
    """The metrics that the profiles that cover a thing keep, each once."""
    kept: dict[str, None] = {}
    for name in dict.fromkeys(name for target in _targets(home, thing) for name in _attached(home, target)):
        profile = home.call("describe_security_profile", securityProfileName=name)
        kept.update(dict.fromkeys(retained(profile)))
    return sorted(kept)


def _attached(home: Home, target: str) -> Iterator[str]:
    rows = home.rows(
        "list_security_profiles_for_target", "securityProfileTargetMappings", securityProfileTargetArn=target
    )
    return (row["securityProfileIdentifier"]["name"] for row in rows)


def _targets(home: Home, thing: str) -> list[str]:
    """ARNs of the targets that a thing belongs to; none where there is no profile."""
    profiles = profile_names(home)
    if not profiles:
        return []
    prefix = arn_prefix(profiles[0]["arn"])
    try:
        home.call("describe_thing", thingName=thing)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return [f"{prefix}all/things", f"{prefix}all/unregistered-things"]
    groups = [row["groupName"] for row in home.rows("list_thing_groups_for_thing", "thingGroups", thingName=thing)]
    names = dict.fromkeys([*groups, *(parent for group in groups for parent in _parents(home, group))])
    return [f"{prefix}{each}" for each in ("all/things", "all/registered-things", *map("thinggroup/{}".format, names))]


def _parents(home: Home, group: str) -> list[str]:
    described = home.call("describe_thing_group", thingGroupName=group)
    above = described.get("thingGroupMetadata", {}).get("rootToParentThingGroups", ())
    return [parent["groupName"] for parent in above[:MOST_PARENTS]]


def _show_one(datapoints: list[dict[str, Any]]) -> None:
    rows = [(when(each["timestamp"]), value_text(each["value"])) for each in datapoints]
    if not show(screen(), ["time (UTC)", "value"], rows):
        click.echo("No datapoint in this time; --since looks further back.")


def _sums(found: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[object, ...]]:
    for name, datapoints in found.items():
        if not datapoints:
            yield name, 0, "", "", "", ""
            continue
        latest = max(reversed(datapoints), key=lambda each: each["timestamp"])
        ordered = sorted((each["value"] for each in datapoints if _is_number(each["value"])), key=_number)
        ends = [value_text(ordered[end]) if ordered else "" for end in (0, -1)]
        yield name, len(datapoints), *ends, value_text(latest["value"]), when(latest["timestamp"])


def _is_number(value: dict[str, Any]) -> bool:
    return not any(isinstance(each, list) for each in value.values())


def _number(value: dict[str, Any]) -> float:
    return float(max(value.values()))
