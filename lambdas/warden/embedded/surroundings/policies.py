"""Which policies decide what a device may do."""

from collections.abc import Iterator

from moto.iot.exceptions import InvalidRequestException, ResourceNotFoundException
from moto.iot.models import FakePolicy, FakeThingGroup, IoTBackend


def effective(registry: IoTBackend, principal: str | None, thing: str | None) -> list[FakePolicy]:
    """The policies that act on a connection, each once.

    They are those of its certificate, and those of the groups, and of their parents, that the thing is in to which
    the certificate is attached. A thing alone stands for all of its certificates; a thing group, as principal, for
    itself and its parents.

    Args:
        registry: Things, groups, certificates and policies.
        principal: ARN of a certificate or of a thing group.
        thing: Its name.

    Raises: InvalidRequestException, ResourceNotFoundException.
    Source: AWS IoT API, GetEffectivePolicies; AWS IoT Developer Guide, Thing groups.
    """
    if principal is None and thing is None:
        raise InvalidRequestException("expected principal, thingName or both, got neither")
    found = {policy.name: policy for target in _targets(registry, principal, thing) for policy in target}
    return list(found.values())


def _targets(registry: IoTBackend, principal: str | None, thing: str | None) -> Iterator[list[FakePolicy]]:
    own = registry.list_thing_principals(thing) if thing is not None else []
    if principal is None:
        yield from (registry.list_attached_policies(each) for each in own)
    elif principal in registry.thing_groups:
        yield from _of_lineage(registry, registry.thing_groups[principal])
    elif _is_certificate(registry, principal):
        yield registry.list_attached_policies(principal)
    else:
        raise ResourceNotFoundException(f"principal: no certificate and no thing group is {principal[:200]}")
    if thing is not None and (principal is None or principal in own):
        for group in registry.list_thing_groups_for_thing(thing):
            yield from _of_lineage(registry, registry.thing_groups[group["groupArn"]])


def _is_certificate(registry: IoTBackend, arn: str) -> bool:
    found = registry.certificates.get(arn.rpartition("/")[2])
    return found is not None and bool(found.arn == arn)


def _of_lineage(registry: IoTBackend, group: FakeThingGroup) -> Iterator[list[FakePolicy]]:
    yield registry.list_attached_policies(group.arn)
    for parent in group.metadata.get("rootToParentThingGroups", ()):
        yield registry.list_attached_policies(parent["groupArn"])
