"""`warden profiles`: what is looked for."""

from typing import Any

import click

from warden.cli.home import Home, Where, home_option, opened
from warden.cli.screen import screen
from warden.cli.shown import criteria_text, examples, say, say_json, show, when


@click.command(
    "profiles",
    epilog=examples(
        "warden profiles",
        "warden profiles cameras",
        "warden profiles --json | jq -r '.securityProfiles[].securityProfileName'",
    ),
)
@click.argument("name", required=False)
@home_option
@click.option("--json", "as_json", is_flag=True, help="Everything, as boto3 describes it.")
def command(where: Where, name: str | None, as_json: bool) -> None:
    """List the security profiles, or show the one called NAME.

    Exit codes: 0 done, 1 there is no such profile, 2 usage, 3 the home does not answer.
    """
    with opened(where) as home:
        names = [name] if name else [each["name"] for each in profile_names(home)]
        profiles = [described(home, each) for each in names]
    if as_json:
        say_json({"securityProfiles": profiles})
    elif name:
        _show_one(profiles[0])
    else:
        _show_all(profiles)


def profile_names(home: Home, **filters: Any) -> list[dict[str, Any]]:
    """Name and ARN of each profile."""
    return list(home.rows("list_security_profiles", "securityProfileIdentifiers", **filters))


def arn_prefix(arn: str) -> str:
    """What every ARN of a home begins with, `arn:aws:iot:REGION:ACCOUNT:`, by one of them."""
    return ":".join([*arn.split(":", 5)[:5], ""])


def target_arns(home: Home, profile: str) -> list[str]:
    """What a profile is attached to."""
    rows = home.rows("list_targets_for_security_profile", "securityProfileTargets", securityProfileName=profile)
    return sorted(row["arn"] for row in rows)


def described(home: Home, name: str) -> dict[str, Any]:
    """A profile as the API describes it, and `targets`: the ARNs that it is attached to."""
    return {**home.call("describe_security_profile", securityProfileName=name), "targets": target_arns(home, name)}


def retained(profile: dict[str, Any]) -> list[str]:
    """The metrics whose datapoints are kept on behalf of a profile as it is described, each once."""
    names = [behavior["metric"] for behavior in profile.get("behaviors", ()) if "metric" in behavior]
    names += profile.get("additionalMetricsToRetain", ())
    names += [kept["metric"] for kept in profile.get("additionalMetricsToRetainV2", ())]
    return list(dict.fromkeys(names))


def _show_all(profiles: list[dict[str, Any]]) -> None:
    rows = [
        (
            each["securityProfileName"],
            each["version"],
            len(each.get("behaviors", ())),
            len(each["targets"]),
            _topic(each),
            when(each["lastModifiedDate"]),
        )
        for each in profiles
    ]
    if not show(screen(), ["profile", ">version", ">behaviors", ">targets", "alerts to", "changed (UTC)"], rows):
        click.echo("No security profile. `warden apply FILE.yaml` makes one, `warden import` brings those of AWS.")


def _topic(profile: dict[str, Any]) -> str:
    target = profile.get("alertTargets", {}).get("SNS")
    return target["alertTargetArn"].rsplit(":", 1)[-1] if target else "nobody"


def _show_one(profile: dict[str, Any]) -> None:
    console = screen()
    target = profile.get("alertTargets", {}).get("SNS")
    export = profile.get("metricsExportConfig")
    kept = [
        name for name in retained(profile) if name not in {each.get("metric") for each in profile.get("behaviors", ())}
    ]
    facts = {
        "profile": profile["securityProfileName"],
        "description": profile.get("securityProfileDescription"),
        "version": f"{profile['version']}, of {when(profile['lastModifiedDate'])} UTC",
        "targets": ", ".join(arn.removeprefix(arn_prefix(arn)) for arn in profile["targets"]) or "none",
        "alerts": f"{target['alertTargetArn']}, as {target['roleArn']}" if target else "to nobody",
        "kept as well": ", ".join(kept),
        "exported": export and f"to {export['mqttTopic']}, as {export['roleArn']}",
    }
    for name, fact in facts.items():
        if fact:
            say(console, (f"{name:<14}", "bold"), fact)
    rows = [
        (each["name"], each.get("metric", ""), criteria_text(each), "no" if each.get("suppressAlerts") else "yes")
        for each in profile.get("behaviors", ())
    ]
    show(console, ["behavior", "metric", "normal is", "alerts"], rows)
