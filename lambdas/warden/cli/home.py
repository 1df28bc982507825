"""The home that a command talks to, whichever it is: boto3's `iot` of a stage, or of an address."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own)
    EndpointConnectionError,
    HTTPClientError,
    ParamValidationError,
)
from botocore.session import Session as BotocoreSession

from warden.cli.endpoint import LOCAL, endpoint_option, not_both
from warden.cli.screen import Progress
from warden.cli.shown import safe
from warden.cli.stage import CONFIG, Unreachable, aws_client, aws_session, reaching_aws, stage_option
from warden.clients.client import client
from warden.clients.endpoint import API_GATEWAY, NoSuchStage
from warden.clients.endpoint import LOCAL as LOOPBACK

REGION = "us-east-1"
"""Signed for where nobody checks signatures."""

PAGE = 250
"""Rows that a list operation gives at once, at most."""

_HERE = CONFIG.merge(Config(proxies={}))
"""On this machine: a proxy's loopback is not ours."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which home the user named.

    Attributes:
        stage: Of the AWS home; None for one at an address.
        endpoint: The address, without a slash at its end.
    """

    stage: str | None
    endpoint: str

    def __str__(self) -> str:
        return f"stage {self.stage}" if self.stage else self.endpoint

    @property
    def on_aws(self) -> bool:
        """Whether it asks for AWS credentials."""
        return bool(self.stage or API_GATEWAY.match(self.endpoint))


@dataclass(frozen=True, slots=True)
class Home:
    """A home that can be asked.

    Attributes:
        iot: A boto3 client of `iot`.
        progress: Says on a terminal what is being done, where it takes long.
        page: Rows that are asked for at once.
    """

    iot: Any
    progress: Callable[[str], None]
    page: int = PAGE

    def rows(self, operation: str, member: str, **given: Any) -> Iterator[Any]:
        """What a list operation gives, page after page.

        Args:
            operation: As the client's method is called.
            member: Of the answer, that holds the rows.
            **given: What the operation takes.
        """
        for answer in self.pages(operation, member, **given):
            yield from answer.get(member, [])

    def pages(self, operation: str, member: str, **given: Any) -> Iterator[dict[str, Any]]:
        """As `rows`, the answers themselves."""
        call, read = getattr(self.iot, operation), 0
        token: dict[str, str] = {}
        while True:
            self.progress(f"{operation}: {read} so far" if read else operation)
            answer = call(maxResults=self.page, **given, **token)
            yield answer
            if not answer.get("nextToken"):
                return
            token, read = {"nextToken": answer["nextToken"]}, read + len(answer.get(member, []))

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        """The answer of an operation, as the client's method is called."""
        self.progress(operation)
        answer: dict[str, Any] = getattr(self.iot, operation)(**given)
        answer.pop("ResponseMetadata", None)
        return answer


def home_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `--stage` and `--endpoint`, which give the command its argument `where`."""

    @stage_option
    @endpoint_option(f"The home's address; also WARDEN_ENDPOINT; without --stage {LOCAL}.")
    @wraps(command)
    def wrapped(*, stage: str | None, endpoint: str | None, **options: Any) -> Any:
        not_both(stage, endpoint)
        return command(where=Where(stage, endpoint or LOCAL), **options)

    return wrapped


@contextmanager
def opened(where: Where) -> Iterator[Home]:
    """The home, for the `with` block: what it refuses there ends the command with 1, what a parameter cannot be with
    2, and with 3 where it does not answer."""
    with _told(where), Progress() as progress:
        yield Home(_iot(where), progress)


@contextmanager
def _told(where: Where) -> Iterator[None]:
    try:
        with reaching_aws() if where.on_aws else _reaching(where.endpoint):
            yield
    except NoSuchStage as error:
        raise Unreachable(f"{error}. `make deploy` makes stage prod") from error
    except ParamValidationError as error:
        raise click.UsageError(safe(str(error).replace("\n", " "))) from error
    except BotoCoreError as error:
        raise click.ClickException(f"{where}: {safe(str(error))}") from error


@contextmanager
def _reaching(endpoint: str) -> Iterator[None]:
    try:
        yield
    except (ConnectionError, HTTPClientError) as error:
        why = "" if isinstance(error, EndpointConnectionError) else f" ({error})"
        raise Unreachable(f"{endpoint} does not answer{why}. Start it: warden serve") from error
    except ClientError as error:
        raise click.ClickException(refusal(error)) from error


def refusal(error: ClientError) -> str:
    """What a home refused, in one line: its own words, and the error's name."""
    told = error.response.get("Error", {})
    return f"{error.operation_name}: {safe(told.get('Message', ''))} ({safe(told.get('Code', 'unknown'))})"


def _iot(where: Where) -> Any:
    """A client of the home's `iot`. Only API Gateway is shown the user's credentials: nobody else asks for any."""
    if where.stage:
        return client(where.stage, aws_session(), config=CONFIG)
    if where.on_aws:
        return client(session=aws_session(), endpoint_url=where.endpoint, config=CONFIG)
    config = _HERE if LOOPBACK.fullmatch(where.endpoint) else CONFIG
    return aws_client(_nobody(), "iot", endpoint_url=where.endpoint, config=config)


@cache
def _nobody() -> boto3.Session:
    """A session of nobody's, for which AWS_PROFILE counts no more than credentials do. One for all: each reads
    botocore's models anew."""
    bare = BotocoreSession(session_vars={"profile": (None, None, None, None)})
    return boto3.Session("warden", "warden", region_name=REGION, botocore_session=bare)
