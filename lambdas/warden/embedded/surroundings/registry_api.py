"""The registry's operations over HTTP: moto's, and those that moto lacks or answers wrongly.

Requests of the latter are read as the control API reads its own: by botocore's model, strictly.
"""

from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, StructureShape
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import get_service_model, utcnow
from moto.iot.exceptions import InvalidRequestException
from moto.iot.models import FakeCaCertificate
from moto.iot.responses import IoTResponse

from warden.control_api.validation import Enough, Problems, Readers, invalid
from warden.control_api.wire import read_body, read_query
from warden.domain.errors import InvalidRequest
from warden.embedded.surroundings import policies
from warden.embedded.surroundings.answers import Refused
from warden.embedded.surroundings.pages import page
from warden.embedded.surroundings.registry import Registry
from warden.embedded.surroundings.registry_events import KINDS

_READERS = Readers()


def members(operation: OperationModel, query: str, body: bytes) -> dict[str, Any]:
    """What a request gives its operation, by the members' names; labels of the path are not looked at.

    Raises: InvalidRequest, which names what the model rules out.
    """
    shape = operation.input_shape
    assert shape is not None, f"{operation.name} takes nothing"
    given: dict[str, Any] = {}
    problems = Problems()
    for location in ("querystring", None):
        here = {name: each for name, each in shape.members.items() if each.serialization.get("location") == location}
        wire = {each.serialization.get("name", name): each for name, each in here.items()}
        sent = read_query(query, wire) if location else _read_body(shape, body) if here else {}
        try:
            given |= _READERS.of_members(here, shape.required_members).read(sent, (), problems)
        except Enough:
            break
    if problems:
        raise invalid(tuple(problems))
    return given


def _read_body(shape: StructureShape, body: bytes) -> dict[str, Any]:
    """A body is the members that travel in it, or is one of them."""
    whole = shape.serialization.get("payload")
    return {whole: read_body(body)} if whole else read_body(body)


class RegistryResponse(IoTResponse):
    """moto's iot actions, with ours."""

    def create_certificate_from_csr(self) -> ActionResult:
        """CreateCertificateFromCsr."""
        given = self._members()
        certificate = self._registry.create_certificate_from_csr(
            given["certificateSigningRequest"], given.get("setAsActive", False)
        )
        return ActionResult(
            {
                "certificateArn": certificate.arn,
                "certificateId": certificate.certificate_id,
                "certificatePem": certificate.certificate_pem,
            }
        )

    def describe_certificate(self) -> ActionResult:
        """DescribeCertificate."""
        certificate = self._registry.describe_certificate(self._get_param("certificateId"))
        return ActionResult({"certificateDescription": self._registry.description(certificate)})

    def register_ca_certificate(self) -> ActionResult:
        """RegisterCACertificate."""
        self._refuse_registration_by_itself(self._members().get("allowAutoRegistration", False))
        return super().register_ca_certificate()

    def update_ca_certificate(self) -> ActionResult:
        """UpdateCACertificate."""
        self._refuse_registration_by_itself(self._members().get("newAutoRegistrationStatus") == "ENABLE")
        return super().update_ca_certificate()

    def describe_ca_certificate(self) -> ActionResult:
        """DescribeCACertificate."""
        certificate = self._registry.describe_ca_certificate(self._get_param("caCertificateId"))
        return ActionResult(
            {
                "certificateDescription": {
                    **self._registry.description(certificate),
                    "autoRegistrationStatus": "DISABLE",
                },
                "registrationConfig": certificate.registration_config,
            }
        )

    def list_ca_certificates(self) -> ActionResult:
        """ListCACertificates, by creation; the newest first, unless asked otherwise."""
        given = self._members()
        found, marker = page(
            self._registry.list_ca_certificates(given.get("templateName")),
            _by_creation,
            marker=given.get("marker"),
            size=given.get("pageSize"),
            ascending=given.get("ascendingOrder", False),
        )
        return ActionResult({"certificates": [each.to_dict() for each in found], "nextMarker": marker})

    def get_effective_policies(self) -> ActionResult:
        """GetEffectivePolicies."""
        given = self._members()
        found = policies.effective(self._registry, given.get("principal"), given.get("thingName"))
        return ActionResult({"effectivePolicies": [each.to_get_dict() for each in found]})

    def update_event_configurations(self) -> ActionResult:
        """UpdateEventConfigurations: those that are not named stay as they are."""
        given = self._members().get("eventConfigurations", {})
        enabled = {kind: each["Enabled"] for kind, each in given.items() if "Enabled" in each}
        self._registry.configure_events(enabled, at=utcnow())
        return EmptyResult()

    def describe_event_configurations(self) -> ActionResult:
        """DescribeEventConfigurations."""
        told, configured_at = self._registry.told_kinds, self._registry.configured_at
        answer: dict[str, Any] = {"eventConfigurations": {kind: {"Enabled": kind in told} for kind in KINDS}}
        if configured_at is not None:
            answer |= dict(zip(("creationDate", "lastModifiedDate"), configured_at, strict=True))
        return ActionResult(answer)

    def set_logging_options(self) -> ActionResult:
        """SetLoggingOptions."""
        self._registry.logging.set_first(self._members()["loggingOptionsPayload"])
        return EmptyResult()

    def get_logging_options(self) -> ActionResult:
        """GetLoggingOptions."""
        return ActionResult(self._registry.logging.first)

    def set_v2_logging_options(self) -> ActionResult:
        """SetV2LoggingOptions."""
        self._registry.logging.set_second(self._members())
        return EmptyResult()

    def get_v2_logging_options(self) -> ActionResult:
        """GetV2LoggingOptions."""
        return ActionResult(self._registry.logging.show_second(verbose=self._members().get("verbose", False)))

    def set_v2_logging_level(self) -> ActionResult:
        """SetV2LoggingLevel."""
        given = self._members()
        self._registry.logging.set_level(given["logTarget"], given["logLevel"])
        return EmptyResult()

    def list_v2_logging_levels(self) -> ActionResult:
        """ListV2LoggingLevels, by type and name."""
        given = self._members()
        found, token = page(
            self._registry.logging.show_levels(given.get("targetType")),
            _by_target,
            marker=given.get("nextToken"),
            size=given.get("maxResults"),
        )
        return ActionResult({"logTargetConfigurations": found, "nextToken": token})

    def delete_v2_logging_level(self) -> ActionResult:
        """DeleteV2LoggingLevel."""
        given = self._members()
        self._registry.logging.delete_level(given["targetType"], given["targetName"])
        return EmptyResult()

    def _refuse_registration_by_itself(self, asked: bool) -> None:
        """The broker registers nobody: it would end the connections of those who count on it."""
        if asked:
            what = f"iot {self._get_action()} with automatic registration"
            remedy = "register each device's certificate (RegisterCertificate) before it connects"
            raise Refused(501, "NotImplementedException", f"{what} is not part of this home; {remedy}")

    def _members(self) -> dict[str, Any]:
        operation = get_service_model("iot").operation_model(self._get_action())
        try:
            return members(operation, self.parsed_url.query, self.raw_body)
        except InvalidRequest as error:
            raise InvalidRequestException(str(error)) from None

    @property
    def _registry(self) -> Registry:
        backend = self.iot_backend
        assert isinstance(backend, Registry)
        return backend


def _by_creation(certificate: FakeCaCertificate) -> str:
    return f"{certificate.creation_date.isoformat(timespec='microseconds')} {certificate.certificate_id}"


def _by_target(configuration: Mapping[str, Any]) -> str:
    target = configuration["logTarget"]
    return f"{target['targetType']} {target.get('targetName', '')}"
