"""The first filling of the projection, which a new stack waits for."""

import pytest
from botocore.stub import Stubber

from tests.aws.conftest import BEGINNING, REGION, Clock, Context, Nap
from tests.aws.custom_resources.cloudformation import CloudFormation, start
from tests.aws.invocations import Invocations
from warden.domain.errors import Unavailable
from warden.handlers.parts import Clients, Parts
from warden.handlers.reconcile import DEPLOYMENT_WAITS_MS, ENOUGH_MS, Reconcile
from warden.settings import Settings

FUNCTION_NAME = "thingwarden-test-reconcile"


def test_a_new_stack_waits_until_its_projection_is_filled(
    cloudformation: CloudFormation, lambda_: Invocations, aws: Clients, settings: Settings, context: Context
) -> None:
    aws("iot").create_thing(thingName="pump-1")
    context.remaining_ms = 15 * 60 * 1000

    cloudformation.send("Seed", "Create", FunctionName=FUNCTION_NAME)

    assert cloudformation.answers == [], "the stack waits"
    ((function, event),) = lambda_.events
    assert function == FUNCTION_NAME
    parts = Parts(settings, region=REGION, clients=aws, clock=lambda: BEGINNING)
    Reconcile(parts, opener=cloudformation.open)(event, context)
    facts = parts.thing_log.load("pump-1").facts
    assert facts
    assert facts.registered
    (answer,) = cloudformation.answers
    assert (answer["Status"], answer["RequestId"], answer["PhysicalResourceId"]) == ("SUCCESS", "request-1", "seed")


def test_a_deployment_does_not_fail_for_a_registry_that_cannot_be_read(
    aws: Clients, lambda_: Invocations, stubbed: Stubber, settings: Settings, context: Context
) -> None:
    others = {"iot": stubbed.client, "lambda": lambda_.client}
    refusing = start(lambda name: others.get(name) or aws(name), settings)
    context.remaining_ms = 15 * 60 * 1000
    refusing.send("Seed", "Create", FunctionName=FUNCTION_NAME)
    ((_, event),) = lambda_.events
    stubbed.add_client_error("list_things", "UnauthorizedException", http_status_code=403)

    with pytest.raises(Unavailable):
        Reconcile(refusing.setup._parts, opener=refusing.open)(event, context)

    assert [answer["Status"] for answer in refusing.answers] == ["SUCCESS"]


def test_a_deployment_waits_no_longer_than_cloudformation_does(
    cloudformation: CloudFormation, lambda_: Invocations, aws: Clients, settings: Settings, context: Context
) -> None:
    for n in range(30):
        aws("iot").create_thing(thingName=f"pump-{n}")
    clock = Clock(BEGINNING)
    clients = cloudformation.setup._parts.client
    reconcile = Reconcile(
        Parts(settings, region=REGION, clients=clients, clock=clock),
        Nap(clock),
        cloudformation.open,
    )
    cloudformation.send("Seed", "Create", FunctionName=FUNCTION_NAME)
    _, event = lambda_.events.pop()
    context.remaining_ms = ENOUGH_MS + 1000
    clock.now += DEPLOYMENT_WAITS_MS + 1

    reconcile(event, context)

    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]
    ((_, going_on),) = lambda_.events
    assert set(going_on) == {"groups", "resume"}, "the pass goes on, with nobody waiting"


def test_an_updated_stack_is_not_seeded_again(cloudformation: CloudFormation, lambda_: Invocations) -> None:
    for request_type in ("Update", "Delete"):
        answer = cloudformation.ask("Seed", request_type, "seed", FunctionName=FUNCTION_NAME)
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "seed")
    assert lambda_.events == []
