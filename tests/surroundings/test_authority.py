"""The authority that a home begins with: kept over restarts, its owner's alone, and never replaced unasked."""

import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.surroundings import pki
from tests.surroundings.home import Home
from warden.embedded.surroundings.authority import AuthorityUnusable

KEY, CERTIFICATE = "ca.key", "ca.pem"


def made(directory: Path) -> None:
    with Home(directory):
        pass


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    made(tmp_path)
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600


def test_a_restart_keeps_the_authority_and_what_it_issued(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        first = home.client("iot").create_keys_and_certificate(setAsActive=True)
        shown = home.client("iot").describe_certificate(certificateId=first["certificateId"])
    files = [(tmp_path / name).read_bytes() for name in (KEY, CERTIFICATE)]
    with Home(tmp_path, port=home.port) as again:
        second = again.client("iot").create_keys_and_certificate(setAsActive=True)
        assert (
            again.client("iot").describe_certificate(certificateId=first["certificateId"])["certificateDescription"]
            == (shown["certificateDescription"])
        )
    assert [(tmp_path / name).read_bytes() for name in (KEY, CERTIFICATE)] == files
    for each in (first, second):
        assert pki.handshake(
            tmp_path, tmp_path / CERTIFICATE, each["certificatePem"], each["keyPair"]["PrivateKey"]
        ) == ("AWS IoT Certificate")


def test_each_home_is_an_authority_of_its_own(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made(tmp_path / name)
        keys.append(x509.load_pem_x509_certificate((tmp_path / name / CERTIFICATE).read_bytes()).public_key())
    assert keys[0] != keys[1]


def test_a_start_that_was_killed_before_the_certificate_was_written_is_made_up_for(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        issued = home.client("iot").create_keys_and_certificate()
    (tmp_path / CERTIFICATE).unlink()
    made(tmp_path)
    assert pki.handshake(
        tmp_path, tmp_path / CERTIFICATE, issued["certificatePem"], issued["keyPair"]["PrivateKey"]
    ) == ("AWS IoT Certificate")


AFRESH = "To begin with a new authority instead, move ca.key and ca.pem away"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (KEY, b"garbage", "ca.key: it is not a private key in PEM without a password; restore it from a backup"),
        (KEY, b"", "ca.key: it is not a private key in PEM"),
        (
            KEY,
            pki.key_text(rsa.generate_private_key(65537, 2048)).encode(),
            "ca.key: it is not an EC key, as this authority's is",
        ),
        (
            KEY,
            pki.key_text(ec.generate_private_key(ec.SECP256R1())).encode(),
            "ca.key: it is not the key of ca.pem; restore it from a backup",
        ),
        (KEY, None, "ca.key: it is missing, although ca.pem is there; restore it from a backup"),
        (CERTIFICATE, b"garbage", "ca.pem: it is not a certificate in PEM; restore it from a backup"),
    ],
    ids=["garbage", "an empty key", "an RSA key", "another authority's key", "no key", "a certificate of garbage"],
)
def test_files_that_are_not_what_they_were_stop_the_start_and_stay_as_they_are(
    tmp_path: Path, name: str, content: bytes | None, told: str
) -> None:
    made(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir() if each.name in (KEY, CERTIFICATE)}

    with pytest.raises(AuthorityUnusable) as refused:
        made(tmp_path)
    assert str(tmp_path / told.partition(":")[0]) in str(refused.value)
    assert told in str(refused.value)
    assert AFRESH in str(refused.value)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir() if each.name in (KEY, CERTIFICATE)} == before


def test_a_key_that_others_could_read_is_not_used_until_its_owner_says_so(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / KEY).chmod(0o640)
    with pytest.raises(AuthorityUnusable, match="other users may read or change it; if nobody did, chmod 600 it"):
        made(tmp_path)
    (tmp_path / KEY).chmod(0o600)
    made(tmp_path)


def test_a_key_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)  # the same to see as another owner, which only root can make
    with pytest.raises(AuthorityUnusable, match=rf"another user \(uid {owner}\); give it back to this user"):
        made(tmp_path)


def test_what_is_at_the_key_s_place_and_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / KEY).mkdir()
    with pytest.raises(AuthorityUnusable, match=r"ca\.key: it cannot be read \(Is a directory\)"):
        made(tmp_path)


def test_a_start_that_was_stopped_can_be_made_once_the_cause_is_gone(tmp_path: Path) -> None:
    (tmp_path / KEY).mkdir()
    with pytest.raises(AuthorityUnusable):
        made(tmp_path)
    (tmp_path / KEY).rmdir()
    made(tmp_path)
