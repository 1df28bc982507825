"""A deployed control API, and credentials that it takes."""

from collections.abc import Iterator

import boto3
import pytest

from tests.aws.conftest import REGION, aws, clients, clock, parts, settings
from tests.clients.gateway import KEY, SECRET, Gateway
from tests.clients.running_proxy import Running, start
from tests.loopback import serving
from tests.sessions import new_session
from warden.handlers.control_api import ControlApi
from warden.handlers.parts import Parts

__all__ = ["aws", "clients", "clock", "gateway", "parts", "proxy", "session", "settings"]


@pytest.fixture
def gateway(parts: Parts) -> Iterator[Gateway]:
    server = Gateway(ControlApi(parts))
    with serving(server):
        yield server


@pytest.fixture
def session() -> boto3.Session:
    """The user's: what the gateway takes."""
    return new_session(KEY, SECRET, region=REGION)


@pytest.fixture
def proxy(gateway: Gateway, session: boto3.Session) -> Iterator[Running]:
    server, running = start(gateway, session)
    with serving(server):
        yield running
