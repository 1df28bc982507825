"""The embedded certificate authority: what devices trust, and what issues their certificates.

It is two files in the data directory: `ca.pem`, its certificate, which devices are given, and `ca.key`, which is its
owner's alone. Both are made at the first start.
"""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from warden.domain.errors import Unavailable
from warden.embedded.surroundings.checkpoint import replace

DeviceKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

KEY_FILE, CERTIFICATE_FILE = "ca.key", "ca.pem"
LONGEST_COMMON_NAME = 64  # X.520
BEGINS_EARLIER = timedelta(minutes=2)
"""A certificate is valid from so long before it was issued, as AWS IoT's are: a device's clock may be slow."""

ENDS = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
"""When the authority and all that it issues expire: when the certificates expire that AWS IoT issues."""

NAME = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Thingwarden"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Thingwarden embedded CA"),
    ]
)


class AuthorityUnusable(Unavailable):
    """The authority's files are not what they were; nothing was changed.

    Args:
        path: Which file.
        reason: What is wrong with it.
        remedy: What mends it, where that is more than a backup.
    """

    def __init__(self, path: Path, reason: str, remedy: str = "restore it from a backup") -> None:
        super().__init__(
            f"{path}: {reason}; {remedy}. To begin with a new authority instead, move {KEY_FILE} and"
            f" {CERTIFICATE_FILE} away: devices then need the new {CERTIFICATE_FILE}, and new certificates"
        )


class Authority:
    """Issues certificates to devices.

    Args:
        certificate: Its own.
        key: Signs.
        clock: Epoch milliseconds.
    """

    def __init__(
        self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, clock: Callable[[], int]
    ) -> None:
        self._certificate = certificate
        self._key = key
        self._clock = clock

    @classmethod
    def open(cls, directory: Path, clock: Callable[[], int]) -> Self:
        """The authority of a data directory, made where there is none. Raises: AuthorityUnusable; OSError."""
        key_path, path = directory / KEY_FILE, directory / CERTIFICATE_FILE
        key, certificate = _read_key(key_path), _read_certificate(path)
        if key is None:
            if certificate is not None:
                raise AuthorityUnusable(key_path, f"it is missing, although {CERTIFICATE_FILE} is there")
            key = ec.generate_private_key(ec.SECP256R1())
            replace(key_path, _pem_of(key))
        if certificate is None:  # made again, where a crash or a user left the key alone: what it issued stays valid
            certificate = _self_signed(key, _moment(clock))
            replace(path, certificate.public_bytes(serialization.Encoding.PEM))
        if certificate.public_key() != key.public_key():
            raise AuthorityUnusable(key_path, f"it is not the key of {CERTIFICATE_FILE}")
        return cls(certificate, key, clock)

    def issue(self, subject: x509.Name, key: DeviceKey) -> str:
        """A certificate for a device's key.

        It is good for a TLS client and for nothing else: a device that chose its subject well could otherwise pass
        for this home's server.

        Returns: PEM.

        Raises: ValueError, where the subject cannot be in a certificate.
        """
        builder = _builder(subject, self._certificate.subject, key, self._key.public_key(), _moment(self._clock))
        return (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
            .decode()
        )

    def issue_server(self, names: Iterable[str]) -> tuple[str, str]:
        """A certificate for a TLS server and nothing else, and its key, which is made here.

        Args:
            names: Host names and IP addresses; the first is its common name.

        Returns: Certificate and key, both in PEM, the key without a password.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        common, *_ = names = list(names)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:LONGEST_COMMON_NAME])])
        builder = _builder(
            subject, self._certificate.subject, key.public_key(), self._key.public_key(), _moment(self._clock)
        )
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(map(_general_name, names)), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), _pem_of(key).decode()

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate is one of this authority's."""
        return is_issuer(self._certificate, certificate)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def is_issuer(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether the one certificate's key signed the other one."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):  # another name, an odd key, or a lie
        return False
    return True


def _self_signed(key: ec.EllipticCurvePrivateKey, at: datetime) -> x509.Certificate:
    return (
        _builder(NAME, NAME, key.public_key(), key.public_key(), at)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: DeviceKey, issuer_key: ec.EllipticCurvePublicKey, at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - BEGINS_EARLIER)
        .not_valid_after(ENDS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _moment(clock: Callable[[], int]) -> datetime:
    return datetime.fromtimestamp(clock() // 1000, UTC)


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            pem = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuthorityUnusable(path, f"it cannot be read ({error.strerror})", "give it back to this user") from error
    if about.st_uid != os.geteuid():
        raise AuthorityUnusable(path, f"it belongs to another user (uid {about.st_uid})", "give it back to this user")
    if about.st_mode & 0o077:
        raise AuthorityUnusable(path, "other users may read or change it", "if nobody did, chmod 600 it")
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:  # TypeError: it is encrypted
        raise AuthorityUnusable(path, "it is not a private key in PEM without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AuthorityUnusable(path, "it is not an EC key, as this authority's is")
    return key


def _read_certificate(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuthorityUnusable(path, f"it cannot be read ({error.strerror})", "give it back to this user") from error
    except ValueError as error:
        raise AuthorityUnusable(path, "it is not a certificate in PEM") from error
