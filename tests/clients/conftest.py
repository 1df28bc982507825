"""A deployed control API, and credentials that it takes."""

from collections.abc import Iterator

import boto3
import pytest

from tests.aws.conftest import REGION, aws, clients, clock, parts, settings
from tests.clients.gateway import KEY, SECRET, Gateway, serving
from warden.handlers.control_api import ControlApi
from warden.handlers.parts import Parts

__all__ = ["aws", "clients", "clock", "gateway", "parts", "session", "settings"]


@pytest.fixture
def gateway(parts: Parts) -> Iterator[Gateway]:
    server = Gateway(ControlApi(parts))
    with serving(server):
        yield server


@pytest.fixture
def session() -> boto3.Session:
    """The user's: what the gateway takes."""
    return boto3.Session(KEY, SECRET, region_name=REGION)
