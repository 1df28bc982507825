"""`warden outbox`: the e-mails and SMS of a local home's topics, which are kept there and sent to nobody."""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import click

from warden.cli.endpoint import LOCAL, endpoint_option
from warden.cli.screen import screen
from warden.cli.shown import examples, safe, say, say_json, show, when
from warden.cli.stage import Unreachable

POLL_SECONDS = 1.0
TIMEOUT_SECONDS = 30
SHOWN = 60
"""Characters of a letter, in a list."""

PAGE = 500
"""Letters that the home lists at once, at most."""

_WITHOUT_PROXY = build_opener(ProxyHandler({}))

Ask = Callable[..., list[dict[str, Any]]]
"""The home's list of letters, for parameters of the path `/thingwarden/outbox`."""


@click.command(
    "outbox",
    epilog=examples(
        "warden outbox",
        "warden outbox 7",
        "warden outbox --protocol sms --follow",
        "warden outbox --to me@example.org --json",
    ),
)
@click.argument("letter", metavar="[ID]", type=click.IntRange(1, 10**18 - 1), required=False)
@endpoint_option(f"The local home; also WARDEN_ENDPOINT; without it {LOCAL}.")
@click.option("--protocol", type=click.Choice(["email", "email-json", "sms"]), help="Only those of one protocol.")
@click.option("--to", metavar="ADDRESS", help="Only those to an e-mail address or telephone number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most.")
@click.option("--follow", is_flag=True, help="Go on, and print each as it comes, oldest first; Ctrl-C ends it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; with --follow one a line.")
def command(  # noqa: PLR0917 (click passes by name)
    letter: int | None,
    endpoint: str | None,
    protocol: str | None,
    to: str | None,
    limit: int,
    follow: bool,
    as_json: bool,
) -> None:
    """List the e-mails and SMS of a local home's SNS topics, newest first; with an ID, show that one whole.

    A local home sends none: it keeps them for 30 days, and of more than 10,000 the newest. The e-mail that asks for
    the confirmation of a subscription is among them, with the link that confirms. What a stage on AWS sends is with
    those who got it.

    Exit codes: 0 done, 1 refused, or no such letter, 2 usage, 3 the home does not answer.
    """
    if not endpoint and (stage := os.environ.get("WARDEN_STAGE")):
        raise click.UsageError(f"stage {stage} (WARDEN_STAGE) sends what it has to; name a local home by --endpoint")
    home = endpoint or LOCAL
    if letter is not None:
        if follow or protocol or to:
            raise click.UsageError("with an ID, --follow, --protocol and --to say nothing: leave them out")
        _show_one(_asked(f"{home}/thingwarden/outbox/{letter}"), as_json=as_json)
        return
    wanted = {name: value for name, value in (("protocol", protocol), ("endpoint", to)) if value}

    def ask(**more: int) -> list[dict[str, Any]]:
        query = urlencode({**wanted, **more})
        found: list[dict[str, Any]] = _asked(f"{home}/thingwarden/outbox?{query}")["letters"]
        return found

    if follow:
        _follow(ask, limit, as_json=as_json)
    elif as_json:
        say_json({"letters": [_timed(each) for each in newest(ask, limit)]})
    else:
        _show(newest(ask, limit))


def newest(ask: Ask, limit: int) -> list[dict[str, Any]]:
    """The newest letters, page after page, newest first."""
    found: list[dict[str, Any]] = []
    while len(found) < limit:
        before = {"before": found[-1]["id"]} if found else {}
        page = ask(limit=min(PAGE, limit - len(found)), **before)
        if not page:
            break
        found += page
    return found


def followed(ask: Ask, limit: int) -> Iterator[list[dict[str, Any]]]:
    """The newest letters, and then those that come, each once, look after look, oldest first."""
    seen = newest(ask, limit)[::-1]
    last = seen[-1]["id"] if seen else 0
    while True:
        yield seen
        seen = ask(after=last)
        last = seen[-1]["id"] if seen else last


def _follow(ask: Ask, limit: int, *, as_json: bool) -> None:
    console = screen()
    try:
        for letters in followed(ask, limit):
            for each in letters:
                if as_json:
                    say_json(_timed(each))
                else:
                    about = f"{each['protocol']:<10}  {each['endpoint']}: {_about(each)}  ({each['id']})"
                    say(console, f"{when(_moment(each))}  {about}")
            if len(letters) < PAGE:
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return


def _about(letter: dict[str, Any]) -> str:
    """What tells a letter from others: its subject, or how its text begins."""
    text = letter["subject"] or letter.get("body", "").partition("\n")[0] or letter["kind"]
    return f"{text[:SHOWN]}…" if len(text) > SHOWN else text


def _show(letters: list[dict[str, Any]]) -> None:
    rows = [
        (
            each["id"],
            when(_moment(each)),
            each["protocol"],
            each["endpoint"],
            each["topicArn"].rpartition(":")[2],
            _about(each),
        )
        for each in letters
    ]
    if not show(screen(), ["id", "time (UTC)", "protocol", "to", "topic", "about"], rows):
        click.echo("The outbox has no such letter.")


def _show_one(letter: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(_timed(letter))
        return
    facts = {
        "time": f"{when(_moment(letter))} UTC",
        "to": f"{letter['endpoint']} ({letter['protocol']})",
        "topic": letter["topicArn"] or "none: published to the number",
        "kind": letter["kind"],
        "message id": letter["messageId"],
        "subject": letter["subject"],
    }
    for name, fact in facts.items():
        if fact:
            click.echo(f"{name:<12}{safe(fact)}")
    click.echo()
    for line in letter["body"].split("\n"):
        click.echo(safe(line))


def _moment(letter: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(letter["at"] / 1000, UTC)


def _timed(letter: dict[str, Any]) -> dict[str, Any]:
    return {**letter, "at": _moment(letter)}


def _asked(url: str) -> Any:
    try:
        with _WITHOUT_PROXY.open(url, timeout=TIMEOUT_SECONDS) as answer:
            return json.loads(answer.read())
    except HTTPError as error:
        raise click.ClickException(_said(error)) from error
    except (OSError, ValueError) as error:
        url = url.partition("/thingwarden")[0]
        raise Unreachable(f"{url} does not answer ({error}). Start it: warden serve") from error


def _said(error: HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code}: it is no local home, or one without an outbox"
