"""Keys, signing requests and certificates as users bring them, made by `cryptography` and by nothing of ours."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey
PEM = serialization.Encoding.PEM


def an_ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def request(key: PrivateKey, common_name: str = "pump") -> x509.CertificateSigningRequest:
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return x509.CertificateSigningRequestBuilder().subject_name(name(common_name)).sign(key, digest)


def text(what: x509.CertificateSigningRequest | x509.Certificate) -> str:
    return what.public_bytes(PEM).decode()


def key_text(key: PrivateKey) -> str:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def certificate(
    key: ec.EllipticCurvePrivateKey,
    *,
    common_name: str = "a device",
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
    begins: datetime | None = None,
    lasts: timedelta = timedelta(days=90),
) -> x509.Certificate:
    begins = begins or datetime.now(UTC).replace(microsecond=0)
    issued_by, signed_by = (issuer[0].subject, issuer[1]) if issuer else (name(common_name), key)
    return (
        x509.CertificateBuilder()
        .subject_name(name(common_name))
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + lasts)
        .sign(signed_by, hashes.SHA256())
    )


def handshake(directory: Path, trusted: Path, certificate_pem: str, key_pem: str) -> str:
    """Show a certificate to a server that insists on one that `trusted` issued, as strictly as Python can.

    Returns: The certificate's common name, as the server saw it. Raises: ssl.SSLError.
    """
    chain = directory / "shown.pem"
    chain.write_text(certificate_pem + key_pem)
    key = ec.generate_private_key(ec.SECP256R1())
    (directory / "server.pem").write_text(text(certificate(key, common_name="server")) + key_text(key))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "server.pem")
    server.load_verify_locations(trusted)
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags |= ssl.VERIFY_X509_STRICT
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE  # whom the server shows is not what is asked here
    client.load_cert_chain(chain)
    near, far = socket.socketpair()
    thread = threading.Thread(target=_greet, args=(client, near))
    thread.start()
    try:
        with server.wrap_socket(far, server_side=True) as accepted:
            shown = accepted.getpeercert() or {}
            accepted.sendall(b"welcome")
    finally:
        far.close()
        thread.join()
    subject = {key: value for pairs in shown["subject"] for key, value in pairs}  # type: ignore[union-attr, misc]
    return str(subject["commonName"])


def _greet(client: ssl.SSLContext, near: socket.socket) -> None:
    try:
        with client.wrap_socket(near) as connected:
            connected.recv(16)
    except OSError:  # the server's to tell
        pass
    finally:
        near.close()
