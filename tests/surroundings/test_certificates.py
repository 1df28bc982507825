"""Certificates that a device can really use: issued by the home's own authority, described as they are."""

import hashlib
import json
import ssl
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.verification import PolicyBuilder, Store

from tests.surroundings import pki
from tests.surroundings.home import ACCOUNT, REGION, Home, ask
from tests.surroundings.pki import an_ec_key


def parsed(answer: dict[str, str]) -> x509.Certificate:
    return x509.load_pem_x509_certificate(answer["certificatePem"].encode())


def test_the_certificate_that_a_home_makes_keys_for_opens_a_strict_tls_connection(home: Home, tmp_path: Path) -> None:
    made = home.client("iot").create_keys_and_certificate(setAsActive=True)
    keys = made["keyPair"]

    assert pki.handshake(tmp_path, tmp_path / "ca.pem", made["certificatePem"], keys["PrivateKey"]) == (
        "AWS IoT Certificate"
    )
    public = parsed(made).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    assert serialization.load_pem_public_key(keys["PublicKey"].encode()) == public


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(rsa.generate_private_key(65537, 2048), id="RSA of 2048 bits"),
        pytest.param(rsa.generate_private_key(65537, 3072), id="RSA of 3072 bits"),
        pytest.param(ec.generate_private_key(ec.SECP256R1()), id="P-256"),
        pytest.param(ec.generate_private_key(ec.SECP384R1()), id="P-384"),
        pytest.param(ec.generate_private_key(ec.SECP521R1()), id="P-521"),
    ],
)
def test_a_device_that_keeps_its_key_gets_a_certificate_for_just_this_key_and_its_own_subject(
    home: Home, tmp_path: Path, key: pki.PrivateKey
) -> None:
    csr = pki.text(pki.request(key, "pump-7"))
    made = home.client("iot").create_certificate_from_csr(certificateSigningRequest=csr, setAsActive=True)

    assert parsed(made).public_key() == key.public_key()
    assert pki.handshake(tmp_path, tmp_path / "ca.pem", made["certificatePem"], pki.key_text(key)) == "pump-7"


def test_a_chain_verifies_and_its_extensions_are_what_strict_clients_insist_on(home: Home, tmp_path: Path) -> None:
    csr = pki.text(pki.request(an_ec_key()))
    leaf = parsed(home.client("iot").create_certificate_from_csr(certificateSigningRequest=csr))
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())

    leaf.verify_directly_issued_by(authority)
    for certificate, is_ca in ((authority, True), (leaf, False)):
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert (constraints.critical, constraints.value.ca) == (True, is_ca)
        assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (True, is_ca, not is_ca)
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        assert own == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
        issuers = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert issuers == x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())  # type: ignore[arg-type]


def test_a_device_s_certificate_cannot_pass_for_the_home_s_server(home: Home, tmp_path: Path) -> None:
    csr = pki.text(pki.request(an_ec_key(), "127.0.0.1"))
    leaf = parsed(home.client("iot").create_certificate_from_csr(certificateSigningRequest=csr))
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())

    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    verifier = PolicyBuilder().store(Store([authority])).build_server_verifier(x509.DNSName("localhost"))
    with pytest.raises(x509.verification.VerificationError):
        verifier.verify(leaf, [])


def test_nobody_else_s_certificate_passes_for_one_of_the_home_s(home: Home, tmp_path: Path) -> None:
    key = an_ec_key()
    stranger = pki.text(pki.certificate(key, common_name="Thingwarden embedded CA"))

    assert home.client("iot").list_certificates()["certificates"] == []
    with pytest.raises(ssl.SSLCertVerificationError):
        pki.handshake(tmp_path, tmp_path / "ca.pem", stranger, pki.key_text(key))


def test_a_certificate_s_id_and_arn_are_made_of_its_bytes_as_on_aws(home: Home) -> None:
    iot = home.client("iot")
    csr = pki.text(pki.request(an_ec_key()))
    for made in (iot.create_keys_and_certificate(), iot.create_certificate_from_csr(certificateSigningRequest=csr)):
        der = parsed(made).public_bytes(serialization.Encoding.DER)
        assert made["certificateId"] == hashlib.sha256(der).hexdigest()
        assert made["certificateArn"] == f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{made['certificateId']}"


@pytest.mark.parametrize(
    ("given", "status"),
    [({}, "INACTIVE"), ({"setAsActive": False}, "INACTIVE"), ({"setAsActive": True}, "ACTIVE")],
    ids=["nothing said", "said not to", "said to"],
)
def test_a_certificate_is_active_where_that_was_asked_for(home: Home, given: dict[str, bool], status: str) -> None:
    iot = home.client("iot")
    csr = pki.text(pki.request(an_ec_key()))
    made = (
        iot.create_keys_and_certificate(**given),
        iot.create_certificate_from_csr(certificateSigningRequest=csr, **given),
    )
    shown = [iot.describe_certificate(certificateId=each["certificateId"]) for each in made]
    assert [each["certificateDescription"]["status"] for each in shown] == [status, status]


def tampered() -> str:
    der = bytearray(pki.request(an_ec_key(), "pump").public_bytes(serialization.Encoding.DER))
    at = der.index(b"pump")
    der[at : at + 4] = b"fake"
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{b64encode(der).decode()}\n-----END CERTIFICATE REQUEST-----\n"


SHORT = pki.text(pki.request(rsa.generate_private_key(65537, 1024)))  # noqa: S505 (to be refused)
KEYS = "an RSA key of 2048 bits or more, or an EC key on P-256, P-384 or P-521"


@pytest.mark.parametrize(
    ("csr", "told"),
    [
        ("garbage", "expected a PKCS #10 request in PEM"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "PKCS #10 request in PEM"),
        (pki.text(pki.certificate(an_ec_key())), "PKCS #10 request in PEM"),
        ("\ud800", "expected a string of 1 to 4096 characters"),
        (tampered(), "expected a request signed with the key in it"),
        (SHORT, f"{KEYS}, got an RSA key of 1024 bits"),
        (pki.text(pki.request(ec.generate_private_key(ec.SECP256K1()))), f"{KEYS}, got an EC key on secp256k1"),
        (pki.text(pki.request(ed25519.Ed25519PrivateKey.generate())), f"{KEYS}, got a key of another kind"),
        (pki.text(pki.request(dsa.generate_private_key(2048))), f"{KEYS}, got a key of another kind"),
        ("x" * 4097, "expected a string of 1 to 4096 characters"),
        (None, "certificateSigningRequest: expected a string of 1 to 4096 characters"),
    ],
    ids=[
        "no PEM",
        "no request in it",
        "a certificate",
        "no Unicode",
        "another subject than was signed",
        "a short RSA key",
        "another curve",
        "Ed25519",
        "DSA",
        "over 4096 characters",
        "none",
    ],
)
def test_a_signing_request_that_aws_would_not_take_is_refused_with_what_was_expected(
    home: Home, csr: str | None, told: str
) -> None:
    body = json.dumps({} if csr is None else {"certificateSigningRequest": csr}).encode()
    status, headers, answer = ask(home, "POST", "/certificates?setAsActive=true", None, body)

    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestException")
    assert told in json.loads(answer)["message"]
    assert home.client("iot").list_certificates()["certificates"] == []


def test_a_refused_signing_request_reaches_boto3_as_aws_s_exception(home: Home) -> None:
    iot = home.client("iot")
    with pytest.raises(iot.exceptions.InvalidRequestException, match="certificateSigningRequest"):
        iot.create_certificate_from_csr(certificateSigningRequest="garbage")


def test_a_request_that_names_nobody_gets_aws_s_subject(home: Home) -> None:
    csr = pki.text(pki.request(an_ec_key(), ""))
    made = home.client("iot").create_certificate_from_csr(certificateSigningRequest=csr)
    assert parsed(made).subject.rfc4514_string() == "CN=AWS IoT Certificate"


def test_what_is_issued_is_described_as_aws_describes_its_own(home: Home) -> None:
    iot = home.client("iot")
    made = iot.create_keys_and_certificate(setAsActive=True)
    shown = iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]

    assert (shown["ownedBy"], shown["status"], shown["certificateMode"]) == (ACCOUNT, "ACTIVE", "DEFAULT")
    assert shown["certificatePem"] == made["certificatePem"]
    assert shown["validity"]["notBefore"] == parsed(made).not_valid_before_utc < datetime.now(UTC)
    assert shown["validity"]["notAfter"] == datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert "caCertificateId" not in shown
