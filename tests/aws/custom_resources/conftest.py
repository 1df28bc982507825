"""A CloudFormation in front of the function, with moto's AWS IoT behind it or one that answers as the test says."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from botocore.stub import Stubber

from tests.aws.custom_resources.cloudformation import CloudFormation, start
from tests.aws.invocations import Invocations, new_client
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings
from warden.storage.setup_results import SetupResults


@pytest.fixture
def stubbed() -> Iterator[Stubber]:
    """AWS IoT, giving the answers that the test puts into it."""
    with closing(new_client("iot")) as client:
        stub = Stubber(client)
        stub.activate()
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def cloudformation(aws: Clients, settings: Settings, lambda_: Invocations) -> CloudFormation:
    return start(lambda name: lambda_.client if name == "lambda" else aws(name), settings)


@pytest.fixture
def refusing(aws: Clients, settings: Settings, stubbed: Stubber) -> CloudFormation:
    """With an AWS IoT that answers as the test says."""
    return start(lambda name: stubbed.client if name == "iot" else aws(name), settings)


@pytest.fixture
def results(parts: Parts) -> SetupResults:
    return SetupResults(parts.control_table)
