"""`warden proxy`: the deployed control API for tools that sign for AWS IoT."""

import json
import signal
import sys
import time

import boto3
import click
from botocore.config import Config
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from warden.cli.endpoint import endpoint_option, not_both
from warden.cli.shown import examples
from warden.cli.stage import Unreachable, aws_client, aws_session, reaching_aws, required_stage, stage_option
from warden.clients.endpoint import NoSuchStage, check_endpoint, find_endpoint, region_of
from warden.clients.proxy import Proxy, one_time_key
from warden.clients.server import THREADS, LoopbackServer

TIMEOUT_SECONDS = 40
"""For an answer: the API itself gives up after 30 s."""


@click.command(
    "proxy",
    epilog=examples(
        "warden proxy --stage prod",
        "aws iot list-active-violations --endpoint-url http://127.0.0.1:8081",
    ),
)
@stage_option
@endpoint_option("The control API's URL, instead of looking it up by --stage; also WARDEN_ENDPOINT.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8081,
    show_default=True,
    help="Where it listens, on 127.0.0.1; 0 chooses one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what to set as one line of JSON.")
def command(stage: str | None, endpoint: str | None, port: int, as_json: bool) -> None:
    """Serve a deployed control API to tools that sign for AWS IoT: the AWS CLI, Terraform, any SDK.

    It prints what to set for such a tool: an endpoint, and a key pair that only this run of the proxy takes. What it
    forwards is signed with the AWS credentials that are found where it runs. Ctrl-C stops it.

    Exit codes: 1 it could not start, 2 usage, 3 AWS or the stage cannot be reached.
    """
    not_both(stage, endpoint)
    session = aws_session()
    try:
        with reaching_aws():
            url = check_endpoint(endpoint) if endpoint else _find(session, required_stage(stage))
            server, settings = _start(session, url, port)
    except NoSuchStage as error:
        raise Unreachable(str(error)) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}; choose another one by --port") from error
    _say(settings, as_json=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


def _find(session: boto3.Session, stage: str) -> str:
    return find_endpoint(aws_client(session, "ssm"), stage)


def _start(session: boto3.Session, url: str, port: int) -> tuple[LoopbackServer, dict[str, str]]:
    """A server that does not serve yet, and what its clients have to set."""
    if session.get_credentials() is None:
        raise NoCredentialsError
    own = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg]  # they may name a proxy
    iot = aws_client(session, "iot", config=own)
    region, key = region_of(url, iot.meta.region_name), one_time_key()
    proxy = Proxy(
        endpoint=url,
        region=region,
        key=key,
        session=session,
        service_model=iot.meta.service_model,
        aws_endpoint=iot.meta.endpoint_url,
        http=URLLib3Session(proxies=get_environ_proxies(url), timeout=TIMEOUT_SECONDS, max_pool_connections=THREADS),
        clock=time.time,
    )
    server = LoopbackServer(port, lambda request, at: proxy.handle(request, port=at))
    return server, {
        "AWS_ENDPOINT_URL_IOT": f"http://127.0.0.1:{server.port}",
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def _say(settings: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(settings))
    else:
        click.echo("# In the shell of the tool, which then reaches AWS IoT Device Defender's operations only:")
        click.echo("unset AWS_PROFILE AWS_SESSION_TOKEN")
        for name, value in settings.items():
            click.echo(f"export {name}={value}")
        click.echo("# Ctrl-C stops the proxy; its key is of no use then.")
    sys.stdout.flush()
