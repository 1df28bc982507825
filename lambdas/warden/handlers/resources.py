"""What stacks of the account declare of Device Defender, kept as they declare it, by the control API's operations.

As CloudFormation keeps `AWS::IoT::*`, a resource is compared with what is there, not with what an earlier template
said: tags and targets that others added go. Source: aws-cloudformation-resource-providers-iot, the update handlers.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from botocore.model import ServiceModel, StructureShape

from warden.control_api.in_process import EXISTS, NOT_FOUND, REFUSED, InProcess, Refused
from warden.control_api.properties import members
from warden.control_api.tags import given_tags
from warden.control_api.validation import Enough, Problems, Readers, invalid, quote
from warden.domain.errors import RequestRejected

TARGETS: Final = "TargetArns"
ONCE: Final = "clientRequestToken"
_NOTHING: Final[Mapping[str, Any]] = {"string": "", "list": [], "map": {}}

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource.

    Attributes:
        noun: What its operations are about.
        name: The member that names one.
        arn: The member that is its ARN.
        fixed: The member that no update changes, beside the name; empty where there is none.
    """

    noun: str
    name: str
    arn: str
    fixed: str = ""

    @property
    def attribute(self) -> str:
        """What Fn::GetAtt calls the ARN."""
        return _pascal(self.arn)

    def given_name(self, properties: Mapping[str, Any]) -> str:
        """The name that properties give; empty where they give none, or nothing that could be one."""
        given = properties.get(_pascal(self.name), "")
        return given if isinstance(given, str) else ""

    def given_fixed(self, properties: Mapping[str, Any]) -> Any:
        """What properties say that no update changes."""
        return properties.get(_pascal(self.fixed)) if self.fixed else None


PROFILE = Kind("SecurityProfile", "securityProfileName", "securityProfileArn")
KINDS: Final[Mapping[str, Kind]] = {
    "Custom::ThingwardenSecurityProfile": PROFILE,
    "Custom::ThingwardenCustomMetric": Kind("CustomMetric", "metricName", "metricArn", "metricType"),
    "Custom::ThingwardenDimension": Kind("Dimension", "name", "arn", "type"),
}
"""By CloudFormation's type."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A resource as it shall be.

    Attributes:
        members: Of its creation, less the tags.
        tags: Its tags.
        targets: ARNs that it is attached to.
    """

    members: Mapping[str, Any]
    tags: Tags
    targets: tuple[str, ...] = ()


class Resources:
    """The resources of one kind.

    Args:
        api: Performs the operations.
        kind: Theirs.
        service_model: botocore's, of service `iot`.
    """

    def __init__(self, api: InProcess, kind: Kind, service_model: ServiceModel) -> None:
        self._api = api
        self._kind = kind
        creation, update = (_input(service_model, f"{verb}{kind.noun}") for verb in ("Create", "Update"))
        self._creation = {name: shape for name, shape in creation.members.items() if name != ONCE}
        self._required = [name for name in creation.required_members if name != ONCE]
        self._takes_token = ONCE in creation.members
        self._update = {name: shape for name, shape in update.members.items() if name in creation.members}

    def read(self, properties: Mapping[str, Any], *, name: str, marks: Tags) -> Wanted:
        """What properties say.

        Args:
            properties: As CloudFormation sends them.
            name: The resource's.
            marks: Tags that it gets beside those of the properties.

        Raises: Refused, with all that the model rules out.
        """
        attached = self._kind is PROFILE
        told = {key: value for key, value in properties.items() if not (attached and key == TARGETS)}
        given = {self._kind.name: name, **members(told, self._creation)}
        problems = Problems()
        targets = properties.get(TARGETS, []) if attached else []
        with suppress(Enough):
            if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
                problems.add(("targetArns",), "a list of ARNs", quote(targets))
            Readers().of_members(self._creation, self._required).read(given, (), problems)
        if found := tuple(problems):
            raise Refused(REFUSED, str(invalid(found)))
        given["tags"] = [*given.get("tags", ()), *_listed(marks)]
        try:
            tags = given_tags(given)
        except RequestRejected as error:
            raise Refused(f"{type(error).__name__}Exception", str(error)) from None
        del given["tags"]
        return Wanted(given, tags, tuple(targets))

    def put(self, wanted: Wanted, mine: Callable[[Tags], bool], *, token: str) -> str:
        """Have a resource as it shall be; done again, it changes nothing.

        Args:
            wanted: The resource.
            mine: Whether one of the name that is there already, with such tags, is the same resource.
            token: Of the request: a creation that comes twice is one.

        Returns: Its ARN. Raises Refused, Unavailable; one that was made and refused in part is not there then.
        """
        name = wanted.members[self._kind.name]
        found = self._find(name)
        if found is None:
            once = {ONCE: token} if self._takes_token else {}
            made = self._call("Create", name, **{**wanted.members, **once}, tags=_listed(wanted.tags))
            try:
                self._attach(name, wanted.targets)
            except Refused:
                self._call("Delete", name)
                raise
            return str(made[self._kind.arn])
        if not mine(self._tags(found)):
            told = f"{self._kind.name}: {name!r} exists already, and this resource of this stack did not make it"
            raise Refused(EXISTS, told)
        self._change(name, found, wanted)
        return str(found[self._kind.arn])

    def remove(self, name: str, mine: Callable[[Tags], bool]) -> bool:
        """Delete a resource. Returns whether there is one of the name that is `mine`. Raises Refused, Unavailable."""
        found = self._find(name)
        if found is None or not mine(self._tags(found)):
            return False
        self._call("Delete", name)
        return True

    def _find(self, name: str) -> Mapping[str, Any] | None:
        try:
            return self._call("Describe", name)
        except Refused as refusal:
            if refusal.code in (NOT_FOUND, REFUSED):  # nothing has a name that is none
                return None
            raise

    def _change(self, name: str, found: Mapping[str, Any], wanted: Wanted) -> None:
        fixed = self._kind.fixed
        if fixed and found[fixed] != wanted.members[fixed]:
            raise Refused(
                REFUSED,
                f"{fixed}: {name!r} is of {found[fixed]!r}; to become one of {wanted.members[fixed]!r} it is replaced, "
                "and needs another name for that",
            )
        if edit := dict(self._edit(found, wanted.members)):
            self._call("Update", name, **edit)
        self._tag(found, wanted.tags)
        self._attach(name, wanted.targets)

    def _edit(self, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Members of an update."""
        for member, shape in self._update.items():
            if (found.get(member) or None) == (wanted.get(member) or None):
                continue
            if wanted.get(member):
                yield member, wanted[member]
            elif shape.type_name in _NOTHING:
                yield member, _NOTHING[shape.type_name]
            else:
                yield f"delete{_pascal(member)}", True

    def _tag(self, found: Mapping[str, Any], wanted: Tags) -> None:
        arn, there = found[self._kind.arn], self._tags(found)
        if gone := sorted(there.keys() - wanted.keys()):
            self._api("UntagResource", resourceArn=arn, tagKeys=gone)
        if new := {key: value for key, value in wanted.items() if there.get(key) != value}:
            self._api("TagResource", resourceArn=arn, tags=_listed(new))

    def _tags(self, found: Mapping[str, Any]) -> Tags:
        tags = self._api("ListTagsForResource", resourceArn=found[self._kind.arn])["tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}

    def _attach(self, name: str, wanted: tuple[str, ...]) -> None:
        """Attach first: things of both an old and a new target keep their alarms."""
        if self._kind is not PROFILE:
            return
        there = frozenset(self._targets(name))
        for arn in wanted:
            if arn not in there:
                self._api("AttachSecurityProfile", securityProfileName=name, securityProfileTargetArn=arn)
        for arn in sorted(there.difference(wanted)):
            self._api("DetachSecurityProfile", securityProfileName=name, securityProfileTargetArn=arn)

    def _targets(self, name: str) -> Iterator[str]:
        page: dict[str, Any] = {}
        while True:
            answer = self._api("ListTargetsForSecurityProfile", securityProfileName=name, **page)
            yield from (target["arn"] for target in answer["securityProfileTargets"])
            if not answer.get("nextToken"):
                return
            page = {"nextToken": answer["nextToken"]}

    def _call(self, verb: str, name: str, /, **given: Any) -> dict[str, Any]:
        return self._api(f"{verb}{self._kind.noun}", **{**given, self._kind.name: name})


def _input(service_model: ServiceModel, operation: str) -> StructureShape:
    shape = service_model.operation_model(operation).input_shape
    assert shape, "each of them takes something"
    return shape


def _listed(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _pascal(member: str) -> str:
    return member[:1].upper() + member[1:]
