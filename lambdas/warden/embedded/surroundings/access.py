"""What the registry says of who may do what, and whose part of it changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from moto.iot.exceptions import IoTClientError
from moto.iot.models import FakeCaCertificate, FakeCertificate, FakePolicy, FakePolicyVersion

from warden.domain.access.document import problems
from warden.embedded.surroundings.certificates import Certificates
from warden.storage.access import Anchor, Certificate, Group, Kind, Policy, Record, Subject, Thing

GROUP_ARN = ":thinggroup/"


class MalformedPolicyException(IoTClientError):
    """A policy document is none that AWS IoT would take."""

    def __init__(self, wrong: Iterable[str]) -> None:
        super().__init__("MalformedPolicyException", "; ".join(wrong))


class Access(Certificates):
    """The part of the registry that notes whose access to the broker is another now.

    Attributes:
        access_touched: Subjects of `storage.access` that changed since `take_access`.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.access_touched: set[Subject] = set()

    def take_access(self) -> frozenset[Subject]:
        """The subjects that were touched since the last time."""
        touched, self.access_touched = frozenset(self.access_touched), set()
        return touched

    def access_of(self, subjects: Iterable[Subject]) -> dict[Subject, Record | None]:
        """What subjects say now."""
        indexes = _Indexes(self)
        return {subject: indexes.record(subject) for subject in subjects}

    def all_access(self) -> dict[Subject, Record]:
        """What every subject says."""
        found = self.access_of(self._subjects())
        return {subject: record for subject, record in found.items() if record is not None}

    def arn(self, resource: str) -> str:
        """A resource of AWS IoT here."""
        return f"arn:{self.partition}:iot:{self.region_name}:{self.account_id}:{resource}"

    def _subjects(self) -> Iterable[Subject]:
        yield from (Subject(Kind.CERTIFICATE, each) for each in self.certificates)
        yield from (Subject(Kind.ANCHOR, each) for each in (*self.certificates, *self.ca_certificates))
        yield from (Subject(Kind.POLICY, each) for each in self.policies)
        yield from (Subject(Kind.THING, each.thing_name) for each in self.things.values())
        yield from (Subject(Kind.GROUP, each.thing_group_name) for each in self.thing_groups.values())

    def _touch(self, kind: Kind, name: str) -> None:
        self.access_touched.add(Subject(kind, name))

    def _touch_target(self, arn: str) -> None:
        """A certificate or a thing group, by its ARN; others are nobody that connects here."""
        kind = Kind.GROUP if GROUP_ARN in arn else Kind.CERTIFICATE
        self._touch(kind, arn.rpartition("/")[2])

    def _touch_certificate(self, certificate_id: str) -> None:
        self._touch(Kind.CERTIFICATE, certificate_id)
        self._touch(Kind.ANCHOR, certificate_id)

    # Certificates

    def register_certificate(
        self, certificate_pem: str, ca_certificate_pem: str | None, set_as_active: bool, status: str | None
    ) -> FakeCertificate:
        """See `Certificates`."""
        made = super().register_certificate(certificate_pem, ca_certificate_pem, set_as_active, status)
        self._touch_certificate(made.certificate_id)
        return made

    def register_certificate_without_ca(self, certificate_pem: str, status: str | None) -> FakeCertificate:
        """See `Certificates`."""
        made = super().register_certificate_without_ca(certificate_pem, status)
        self._touch_certificate(made.certificate_id)
        return made

    def update_certificate(self, certificate_id: str, new_status: str) -> None:
        """See `Certificates`."""
        super().update_certificate(certificate_id, new_status)
        self._touch_certificate(certificate_id)

    def delete_certificate(self, certificate_id: str, force_delete: bool) -> None:
        """See `Certificates`."""
        super().delete_certificate(certificate_id, force_delete)
        self._touch_certificate(certificate_id)

    def register_ca_certificate(
        self, ca_certificate: str, set_as_active: bool, registration_config: dict[str, str] | None
    ) -> FakeCaCertificate:
        """See `Certificates`."""
        made = super().register_ca_certificate(ca_certificate, set_as_active, registration_config)
        self._touch(Kind.ANCHOR, made.certificate_id)
        return made

    def update_ca_certificate(self, certificate_id: str, new_status: str | None, config: dict[str, str] | None) -> None:
        """Set an authority's status, or how it registers devices."""
        super().update_ca_certificate(certificate_id, new_status, config)
        self._touch(Kind.ANCHOR, certificate_id)

    def delete_ca_certificate(self, certificate_id: str) -> None:
        """Delete an authority's certificate."""
        super().delete_ca_certificate(certificate_id)
        self._touch(Kind.ANCHOR, certificate_id)

    # Policies

    def forget_policies_of(self, target: str) -> None:
        """See `Certificates`."""
        super().forget_policies_of(target)
        self._touch_target(target)

    def attach_policy(self, policy_name: str, target: str) -> None:
        """Attach a policy to a certificate or a thing group, by its ARN."""
        super().attach_policy(policy_name, target)
        self._touch_target(target)

    def detach_policy(self, policy_name: str, target: str) -> None:
        """Detach a policy from a certificate or a thing group, by its ARN."""
        super().detach_policy(policy_name, target)
        self._touch_target(target)

    def attach_principal_policy(self, policy_name: str, principal_arn: str) -> None:
        """Attach a policy to a certificate, by its ARN."""
        super().attach_principal_policy(policy_name, principal_arn)
        self._touch_target(principal_arn)

    def detach_principal_policy(self, policy_name: str, principal_arn: str) -> None:
        """Detach a policy from a certificate, by its ARN."""
        super().detach_principal_policy(policy_name, principal_arn)
        self._touch_target(principal_arn)

    def create_policy(self, policy_name: str, policy_document: Any) -> FakePolicy:
        """Create a policy. Raises: MalformedPolicyException."""
        _check_document(policy_document)
        made = super().create_policy(policy_name, policy_document)
        self._touch(Kind.POLICY, policy_name)
        return made

    def delete_policy(self, policy_name: str) -> None:
        """Delete a policy that is attached to nothing."""
        super().delete_policy(policy_name)
        self._touch(Kind.POLICY, policy_name)

    def create_policy_version(self, policy_name: str, policy_document: Any, set_as_default: bool) -> FakePolicyVersion:
        """Create a version of a policy. Raises: MalformedPolicyException."""
        _check_document(policy_document)
        made = super().create_policy_version(policy_name, policy_document, set_as_default)
        self._touch(Kind.POLICY, policy_name)
        return made

    def set_default_policy_version(self, policy_name: str, version_id: str) -> None:
        """Choose the version that counts."""
        super().set_default_policy_version(policy_name, version_id)
        self._touch(Kind.POLICY, policy_name)

    # Things

    def attach_thing_principal(self, thing_name: str, principal_arn: str) -> None:
        """Attach a certificate, by its ARN, to a thing."""
        super().attach_thing_principal(thing_name, principal_arn)
        self._touch_target(principal_arn)

    def detach_thing_principal(self, thing_name: str, principal_arn: str) -> None:
        """Detach a certificate, by its ARN, from a thing."""
        super().detach_thing_principal(thing_name, principal_arn)
        self._touch_target(principal_arn)

    def update_thing(
        self,
        thing_name: str,
        thing_type_name: str,
        attribute_payload: dict[str, Any] | None,
        remove_thing_type: bool,
    ) -> None:
        """Change a thing's type or attributes."""
        super().update_thing(thing_name, thing_type_name, attribute_payload, remove_thing_type)
        self._touch(Kind.THING, thing_name)


class _Indexes:
    """What is attached to what, looked up in one pass: moto reads all attachments for each question."""

    def __init__(self, registry: Access) -> None:
        self._registry = registry
        self._policies: Mapping[str, list[str]] = defaultdict(list)
        for target, name in registry.principal_policies:
            self._policies[target].append(name)
        self._things: Mapping[str, list[str]] = defaultdict(list)
        for principal, name in registry.principal_things:
            self._things[principal].append(name)

    def record(self, subject: Subject) -> Record | None:
        """What the registry says of a subject; None where it has none."""
        kind, name = subject
        match kind:
            case Kind.CERTIFICATE:
                return self._certificate(name)
            case Kind.POLICY:
                policy = self._registry.policies.get(name)
                return Policy(document=str(policy.document)) if policy else None
            case Kind.THING:
                return self._thing(name)
            case Kind.GROUP:
                policies = self._policies.get(self._registry.arn(f"thinggroup/{name}"))
                return Group(policies=tuple(policies)) if policies else None
            case Kind.ANCHOR:
                return self._anchor(name)

    def _certificate(self, certificate_id: str) -> Certificate | None:
        found = self._registry.certificates.get(certificate_id)
        if found is None:
            return None
        policies, things = self._policies.get(found.arn, ()), self._things.get(found.arn, ())
        return Certificate(status=found.status, policies=tuple(policies), things=tuple(things))

    def _thing(self, name: str) -> Thing | None:
        thing = self._registry.things.get(self._registry.arn(f"thing/{name}"))
        if thing is None:
            return None
        groups: dict[str, None] = {}
        for each in self._registry.list_thing_groups_for_thing(name):
            group = self._registry.thing_groups[each["groupArn"]]
            groups[group.thing_group_name] = None
            groups |= {above["groupName"]: None for above in group.metadata.get("rootToParentThingGroups", ())}
        kind = thing.thing_type.thing_type_name if thing.thing_type else ""
        attributes = {str(key): str(value) for key, value in thing.attributes.items()}
        return Thing(type_name=kind, attributes=attributes, groups=tuple(groups))

    def _anchor(self, certificate_id: str) -> Anchor | None:
        authority = self._registry.ca_certificates.get(certificate_id)
        if authority is not None:
            return Anchor(pem=authority.certificate_pem) if authority.status == "ACTIVE" else None
        device = self._registry.certificates.get(certificate_id)
        if device is None or self._registry.is_issued_here(device):
            return None
        return Anchor(pem=device.certificate_pem)


def _check_document(text: Any) -> None:
    if found := problems(text):
        raise MalformedPolicyException(found)
