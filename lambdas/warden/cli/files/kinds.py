"""The kinds of documents: what a home has that files can say, and by which operations of boto3's `iot`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, ServiceModel, Shape, ShapeResolver, StructureShape

TARGETS, TAGS = "targets", "tags"
"""Members of a document that are no part of the resource: where they are left out, nothing is said of them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document.

    Attributes:
        name: As documents say it in `kind`; the operation that creates one is Create and this.
        noun: What the client's methods have behind `create_`, `update_`, `describe_`, `delete_`.
        member: That names one.
        arn: Member of what describes one, that holds its ARN.
        rows: Member of the list operation's answer.
        exported: Member of an account's exported JSON.
        fixed: Members that an update cannot change.
    """

    name: str
    noun: str
    member: str
    arn: str
    rows: str
    exported: str
    fixed: tuple[str, ...] = ()


PROFILE = Kind(
    "SecurityProfile",
    "security_profile",
    "securityProfileName",
    "securityProfileArn",
    "securityProfileIdentifiers",
    "securityProfiles",
)
METRIC = Kind(
    "CustomMetric", "custom_metric", "metricName", "metricArn", "metricNames", "customMetrics", ("metricType",)
)
DIMENSION = Kind("Dimension", "dimension", "name", "arn", "dimensionNames", "dimensions", ("type",))

KINDS = {kind.name: kind for kind in (METRIC, DIMENSION, PROFILE)}
"""In the order in which they have to be made: a profile names metrics and dimensions."""


_SHAPES: dict[str, Any] = {"Targets": {"type": "list", "member": {"shape": "Target"}}, "Target": {"type": "string"}}
_TARGETS = ShapeResolver(_SHAPES).get_shape_by_name("Targets")


def shape_of(kind: Kind, model: ServiceModel) -> StructureShape:
    """What creates one: its members are those of a document."""
    shape = model.operation_model(f"Create{kind.name}").input_shape
    assert shape
    return shape


def members_of(kind: Kind, model: ServiceModel) -> dict[str, Shape]:
    """Members of a document, less `kind`. The token of a call is the call's."""
    shapes = shape_of(kind, model).members
    found = {name: shape for name, shape in shapes.items() if not shape.metadata.get("idempotencyToken")}
    return found | ({TARGETS: _TARGETS} if kind is PROFILE else {})


def canonical(kind: Kind, body: Mapping[str, Any], model: ServiceModel) -> dict[str, Any]:
    """A document in the one form in which it is compared and shown.

    Members are in the model's order; one that is empty is left out, as the API does, but for `targets`; tags and
    targets are sorted; a double that is whole is an integer.
    """
    shapes = members_of(kind, model)
    found = {name: _ordered(body[name], shape) for name, shape in shapes.items() if name in body}
    if TAGS in found:
        found[TAGS] = sorted(found[TAGS], key=lambda tag: str(tag["Key"]))
    if TARGETS in found:
        found[TARGETS] = sorted(set(found[TARGETS]))
    return {name: value for name, value in found.items() if name == TARGETS or value not in ("", [], {}, None)}


def _ordered(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {name: _ordered(value[name], member) for name, member in shape.members.items() if name in value}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_ordered(each, shape.member) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _ordered(value[name], shape.value) for name in sorted(value)}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
