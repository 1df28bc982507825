"""A stage that the doctor looks at, and answers for what moto lacks."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.stub import Stubber

from warden.cli.doctor.finding import Finding, Patient, State

EVENTS = ("THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY")


@contextmanager
def stubbed(patient: Patient, service: str) -> Iterator[Stubber]:
    """Answers for a client of the patient's; whatever was not asked for at the end fails the test."""
    with Stubber(patient.client(service)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def states(found: list[Finding]) -> list[State]:
    return [each.state for each in found]
