"""Where a stage's control API is."""

import re
from typing import Any
from urllib.parse import urlsplit

LOCAL = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?")
API_GATEWAY = re.compile(r"https://[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.")
ANY = re.compile(r"https?://([\w-]{1,63}(\.[\w-]{1,63})*|\[[0-9A-Fa-f:.]+\])(:\d+)?(/[!-~]*)?", re.ASCII)
URL = re.compile(r"https://[A-Za-z0-9.-]{1,253}(:\d{1,5})?(/[A-Za-z0-9._~-]+)*")


class NoSuchStage(LookupError):
    """Nothing is deployed under a stage's name, or not in this account and Region."""


def find_endpoint(ssm: Any, stage: str) -> str:
    """The URL of a stage's control API, which its deployment wrote into the parameter store.

    Args:
        ssm: A boto3 client of Systems Manager, of the stage's account and Region.
        stage: The stage's name.

    Raises:
        NoSuchStage: There is none.
        ClientError, BotoCoreError: It cannot be asked for.
    """
    name = f"/thingwarden/{stage}/endpoint"
    try:
        value: str = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except (ssm.exceptions.ParameterNotFound, ssm.exceptions.ParameterVersionNotFound):
        region = ssm.meta.region_name
        raise NoSuchStage(
            f"stage {stage!r} is not deployed in {region} of this account: there is no parameter {name}"
        ) from None
    return check_endpoint(value)


def check_url(url: str) -> str:
    """The URL of a home, on this machine or not, without a slash at its end.

    Raises:
        ValueError: It is none with http or https, a host, and a port of at most 65535 where it has one.
    """
    try:
        known = ANY.fullmatch(url) and urlsplit(url).port != 0
    except ValueError:  # a port over 65535, or an address that is none
        known = False
    if not known:
        raise ValueError(f"endpoint: expected https://HOST or http://HOST:PORT, got {url!r}")
    return url.rstrip("/")


def check_endpoint(url: str) -> str:
    """A control API's URL, without a slash at its end.

    Raises:
        ValueError: Requests signed with somebody's credentials would leave the machine in the clear, or it is no URL.
    """
    bare = check_url(url)
    if not (URL.fullmatch(bare) or LOCAL.fullmatch(bare)):
        raise ValueError(f"endpoint: expected https://HOST, or http:// on this machine, got {url!r}")
    return bare


def region_of(endpoint: str, default: str) -> str:
    """The Region that requests to an endpoint are signed for: the one in an API Gateway's host name."""
    match = API_GATEWAY.match(endpoint)
    return match[1] if match else default
