"""`warden targets`: what a profile is attached to."""

import click

from warden.cli.detect.profiles import arn_prefix, target_arns
from warden.cli.home import Where, home_option, opened
from warden.cli.screen import screen
from warden.cli.shown import examples, safe, say_json, show


@click.command(
    "targets",
    epilog=examples(
        "warden targets cameras",
    ),
)
@click.argument("profile")
@home_option
@click.option("--json", "as_json", is_flag=True, help="The targets as JSON.")
def command(where: Where, profile: str, as_json: bool) -> None:
    """List what PROFILE is attached to.

    Exit codes: 0 done, 1 there is no such profile, 2 usage, 3 the home does not answer.
    """
    with opened(where) as home:
        arns = target_arns(home, profile)
    if as_json:
        say_json({"securityProfileTargets": [{"arn": arn} for arn in arns]})
    elif not show(screen(), ["target", "arn"], [(arn.removeprefix(arn_prefix(arn)), arn) for arn in arns]):
        click.echo(f"{safe(profile)} is attached to nothing.")
