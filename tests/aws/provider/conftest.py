"""A user's stack, in an account with two groups and an alert role."""

import pytest

from tests.aws.alert_account import ALERT_ROLE, TOPIC, make_role, trusting, with_queues
from tests.aws.conftest import REGION, Clock
from tests.aws.user_stack import UserStack
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings


@pytest.fixture
def parts(aws: Clients, settings: Settings, clock: Clock) -> Parts:
    """An account with two groups and an alert role."""
    for name in ("one", "two"):
        aws("iot").create_thing_group(thingGroupName=name)
    make_role(aws, ALERT_ROLE, trust=trusting(), action="sns:Publish", resource=TOPIC)
    return Parts(with_queues(settings), region=REGION, clients=aws, clock=clock)


@pytest.fixture
def stack(parts: Parts) -> UserStack:
    return UserStack(parts)
