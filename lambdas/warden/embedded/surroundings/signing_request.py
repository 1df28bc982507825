"""A device's certificate signing request (PKCS #10): a stranger's text to a subject and a key that are fit to sign."""

from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from moto.iot.exceptions import InvalidRequestException

from warden.embedded.surroundings.authority import DeviceKey

DEVICE = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "AWS IoT Certificate")])
"""The subject where a device names none; it is also that of the certificates whose keys AWS IoT makes."""

KEYS = "an RSA key of 2048 bits or more, or an EC key on P-256, P-384 or P-521"
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_SHORTEST_RSA_BITS = 2048


class SigningRequest(NamedTuple):
    """What is taken from a request: no extension of it is."""

    subject: x509.Name
    key: DeviceKey


def read(pem: str) -> SigningRequest:
    """A request in PEM.

    Raises: InvalidRequestException, where it is none, is not signed with its own key, or has a key of another kind.
    Source: AWS IoT API, CreateCertificateFromCsr.
    """
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        subject = request.subject
    except ValueError:  # also of text that is not Unicode
        raise _refused("a PKCS #10 request in PEM", "something else") from None
    key = _key(request)
    if not _is_signed(request):
        raise _refused("a request signed with the key in it", "another signature")
    return SigningRequest(subject if list(subject) else DEVICE, key)


def _key(request: x509.CertificateSigningRequest) -> DeviceKey:
    try:
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise _refused(KEYS, "a key of an unknown kind") from None
    match key:
        case rsa.RSAPublicKey() if key.key_size >= _SHORTEST_RSA_BITS:
            return key
        case rsa.RSAPublicKey():
            raise _refused(KEYS, f"an RSA key of {key.key_size} bits")
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, _CURVES):
            return key
        case ec.EllipticCurvePublicKey():
            raise _refused(KEYS, f"an EC key on {key.curve.name}")
    raise _refused(KEYS, f"a key of another kind ({type(key).__name__})")


def _is_signed(request: x509.CertificateSigningRequest) -> bool:
    try:
        return request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def _refused(expected: str, got: str) -> InvalidRequestException:
    return InvalidRequestException(f"certificateSigningRequest: expected {expected}, got {got}")
