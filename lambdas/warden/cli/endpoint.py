"""The option `--endpoint`: a home by its address, in place of a stage's name."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from warden.clients.endpoint import check_url

F = TypeVar("F", bound=Callable[..., Any])

LOCAL = "http://127.0.0.1:8080"
"""Where `warden serve` serves."""


def endpoint_option(help: str) -> Callable[[F], F]:  # noqa: A002 (click's name)
    """The option, also WARDEN_ENDPOINT; what is no URL ends the command with 2."""
    return click.option("--endpoint", envvar="WARDEN_ENDPOINT", metavar="URL", callback=_url, help=help)


def not_both(stage: str | None, endpoint: str | None) -> None:
    """End the command with 2 where two homes are named, be it by a variable."""
    if stage and endpoint:
        raise click.UsageError(
            f"give one of --stage {stage} and --endpoint {endpoint}, not both (WARDEN_STAGE and WARDEN_ENDPOINT count)"
        )


def _url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    try:
        return check_url(value) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
