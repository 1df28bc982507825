"""Certificates of devices and of authorities: moto's registry of them, with an authority that really issues."""

from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.core.utils import utcnow
from moto.iot.exceptions import (
    CertificateStateException,
    DeleteConflictException,
    InvalidRequestException,
    IoTClientError,
    ResourceNotFoundException,
)
from moto.iot.models import FakeCaCertificate, FakeCertificate, IoTBackend

from warden.embedded.surroundings import signing_request
from warden.embedded.surroundings.authority import Authority, DeviceKey, is_issuer

SETTABLE = ("ACTIVE", "INACTIVE", "REVOKED")
"""What UpdateCertificate may set: of the others AWS says that they are its own, or deprecated."""

DEVICE_KEY_BITS = 2048  # as AWS IoT makes them


class CertificateValidationException(IoTClientError):
    """The certificate is not valid."""

    def __init__(self, message: str) -> None:
        super().__init__("CertificateValidationException", message)


class Certificates(IoTBackend):
    """The part of moto's iot backend that holds certificates, which differs from AWS IoT in what matters here.

    Its own certificates were self-signed, by a key that the device did not have; every certificate was valid for a
    day around now; one that cannot be read was a failure of the service's; and nothing could be deleted any more
    once a policy was on a thing group, or its certificate was deleted by force.

    Attributes:
        authority: Issues certificates. Set by who owns this backend, also after it was read from a checkpoint.
    """

    authority: Authority

    def create_keys_and_certificate(self, set_as_active: bool) -> tuple[FakeCertificate, dict[str, str]]:
        """A certificate for a key that is made here, 2048 bits of RSA. Returns: It, and the keys in PEM."""
        key = rsa.generate_private_key(65537, DEVICE_KEY_BITS)
        public = key.public_key()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        keys = {"PublicKey": pem.decode(), "PrivateKey": private.decode()}
        return self._issue(signing_request.DEVICE, public, set_as_active=set_as_active), keys

    def create_certificate_from_csr(self, csr: str, set_as_active: bool) -> FakeCertificate:
        """A certificate for the subject and key of a signing request in PEM.

        Raises: InvalidRequestException, see `signing_request.read`.
        """
        request = signing_request.read(csr)
        return self._issue(request.subject, request.key, set_as_active=set_as_active)

    def register_certificate(
        self, certificate_pem: str, ca_certificate_pem: str | None, set_as_active: bool, status: str | None
    ) -> FakeCertificate:
        """Take a device's certificate; its authority is known where that is registered, and signed it.

        Raises: CertificateValidationException, where one cannot be read, or the named authority did not sign.
        """
        parsed = _parse("certificatePem", certificate_pem)
        if ca_certificate_pem and not is_issuer(_parse("caCertificatePem", ca_certificate_pem), parsed):
            raise CertificateValidationException("certificatePem: expected one that caCertificatePem signed")
        issuers = [each for each in self.ca_certificates.values() if is_issuer(_read(each), parsed)]
        certificate = super().register_certificate(certificate_pem, None, set_as_active, status or "INACTIVE")
        certificate.ca_certificate_id = issuers[0].certificate_id if issuers else None
        return certificate

    def register_certificate_without_ca(self, certificate_pem: str, status: str | None) -> FakeCertificate:
        """Take a device's certificate, whoever signed it. Raises: CertificateValidationException."""
        _parse("certificatePem", certificate_pem)
        return super().register_certificate_without_ca(certificate_pem, status or "INACTIVE")

    def register_ca_certificate(
        self, ca_certificate: str, set_as_active: bool, registration_config: dict[str, str] | None
    ) -> FakeCaCertificate:
        """Take an authority's certificate; its ARN differs from a device's. Raises: CertificateValidationException."""
        _parse("caCertificate", ca_certificate)
        certificate = super().register_ca_certificate(ca_certificate, set_as_active, registration_config or {})
        certificate.arn = certificate.arn.replace(":cert/", ":cacert/")
        return certificate

    def describe_certificate(self, certificate_id: str) -> FakeCertificate:
        """The certificate of an id."""
        try:
            return self.certificates[certificate_id]
        except KeyError:
            raise ResourceNotFoundException from None

    def update_certificate(self, certificate_id: str, new_status: str) -> None:
        """Set a certificate's status. Raises: InvalidRequestException, where nobody may set it."""
        if new_status not in SETTABLE:
            raise InvalidRequestException(f"newStatus: expected one of {', '.join(SETTABLE)}, got {new_status!r:.100}")
        super().update_certificate(certificate_id, new_status)
        self.describe_certificate(certificate_id).last_modified_date = utcnow()

    def delete_certificate(self, certificate_id: str, force_delete: bool) -> None:
        """Delete a certificate that is on no thing; with force, also one that has policies."""
        arn = self.describe_certificate(certificate_id).arn
        super().delete_certificate(certificate_id, force_delete)
        self.forget_policies_of(arn)

    def forget_policies_of(self, target: str) -> None:
        """Detach all policies from a certificate or a thing group, by its ARN."""
        for attachment in [each for each in self.principal_policies if each[0] == target]:
            del self.principal_policies[attachment]

    def list_ca_certificates(self, template_name: str | None) -> list[FakeCaCertificate]:
        """The registered authorities, in no order; with a template's name, those that provision by it."""
        return [
            each
            for each in self.ca_certificates.values()
            if template_name is None or (each.registration_config or {}).get("templateName") == template_name
        ]

    def description(self, certificate: FakeCertificate) -> Mapping[str, Any]:
        """A certificate, of a device or of an authority, as it is described."""
        parsed = _read(certificate)
        issuer_known = certificate.ca_certificate_id is not None or self.authority.issued(parsed)
        return certificate.to_description_dict() | {
            "caCertificateId": certificate.ca_certificate_id,
            "certificateMode": "DEFAULT" if issuer_known or _is_authority(certificate) else "SNI_ONLY",
            "validity": {"notBefore": parsed.not_valid_before_utc, "notAfter": parsed.not_valid_after_utc},
        }

    def _issue(self, subject: x509.Name, key: DeviceKey, *, set_as_active: bool) -> FakeCertificate:
        try:
            pem = self.authority.issue(subject, key)
        except ValueError as error:
            raise InvalidRequestException(f"certificateSigningRequest: its subject cannot be used: {error}") from None
        made = self.register_certificate_without_ca(pem, "ACTIVE" if set_as_active else "INACTIVE")
        made.issued_here = True  # type: ignore[attr-defined] # kept with it: to find it out takes a signature's time
        return made

    def is_issued_here(self, certificate: FakeCertificate) -> bool:
        """Whether a device's certificate is one of this home's authority."""
        known: bool | None = getattr(certificate, "issued_here", None)
        return self.authority.issued(_read(certificate)) if known is None else known

    def _validation_delete(self, cert: FakeCertificate, force_delete: bool = False) -> None:
        if cert.status == "ACTIVE":
            raise CertificateStateException(
                "Certificate must be deactivated (not ACTIVE) before deletion.", cert.certificate_id
            )
        if any(principal == cert.arn for principal, _ in self.principal_things):
            raise DeleteConflictException(f"Things must be detached before deletion (arn: {cert.arn})")
        if not force_delete and any(target == cert.arn for target, _ in self.principal_policies):
            raise DeleteConflictException(f"Certificate policies must be detached before deletion (arn: {cert.arn})")


def _is_authority(certificate: FakeCertificate) -> bool:
    return isinstance(certificate, FakeCaCertificate)


def _read(certificate: FakeCertificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.certificate_pem.encode())


def _parse(field: str, pem: str | None) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate((pem or "").encode())
    except ValueError:
        raise CertificateValidationException(f"{field}: expected an X.509 certificate in PEM") from None
