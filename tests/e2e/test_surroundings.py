"""The AWS surroundings of `warden serve` as a user meets them: a directory, a command and stock boto3."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.devices import EVERYTHING
from tests.home import ACCOUNT, PATIENCE, Home, running
from tests.surroundings import pki

ROLE = f"arn:aws:iam::{ACCOUNT}:role/logs"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with running(tmp_path / "data") as started:
        yield started


def test_devices_trust_ca_pem_and_are_given_certificates_that_outlive_a_restart(home: Home, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    csr = pki.text(pki.request(key, "pump-7"))
    made = home.client("iot").create_certificate_from_csr(certificateSigningRequest=csr, setAsActive=True)
    trusted = (home.data / "ca.pem").read_text()
    assert stat.S_IMODE(home.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((home.data / "ca.key").stat().st_mode) == 0o600

    assert home.stop() == 0
    home.start()
    assert (home.data / "ca.pem").read_text() == trusted
    assert pki.handshake(tmp_path, home.data / "ca.pem", made["certificatePem"], pki.key_text(key)) == "pump-7"
    shown = home.client("iot").describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
    assert (shown["status"], shown["certificatePem"]) == ("ACTIVE", made["certificatePem"])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda key: key.write_text("garbage"), "it is not a private key in PEM without a password; restore it"),
        (lambda key: key.chmod(0o644), "other users may read or change it; if nobody did, chmod 600 it"),
        (lambda key: key.unlink(), "it is missing, although ca.pem is there; restore it"),
    ],
    ids=["damaged", "open to others", "lost"],
)
def test_an_authority_that_cannot_be_used_stops_the_start_with_what_to_do(home: Home, spoil: Any, told: str) -> None:
    assert home.stop() == 0
    spoil(home.data / "ca.key")

    command = [
        sys.executable,
        "-m",
        "warden",
        "serve",
        "--data",
        str(home.data),
        "--port",
        "0",
        "--mqtt-port",
        "0",
        "--mqtts-port",
        "0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {home.data}/ca.key: {told}")
    assert "move ca.key and ca.pem away" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_moto_lacks_is_there_and_outlives_a_restart(home: Home) -> None:
    iot = home.client("iot")
    group = iot.create_thing_group(thingGroupName="plant")
    assert iot.create_thing_group(thingGroupName="plant")["thingGroupId"] == group["thingGroupId"]
    iot.create_thing(thingName="pump")
    iot.add_thing_to_thing_group(thingName="pump", thingGroupName="plant")
    iot.create_policy(policyName="p", policyDocument=EVERYTHING)
    iot.attach_policy(policyName="p", target=group["thingGroupArn"])
    authority = pki.text(pki.certificate(ec.generate_private_key(ec.SECP256R1())))
    ca = iot.register_ca_certificate(caCertificate=authority, setAsActive=True)["certificateId"]
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="INFO")
    iot.set_v2_logging_level(logTarget={"targetType": "THING_GROUP", "targetName": "plant"}, logLevel="DEBUG")

    assert home.stop() == 0
    home.start()
    iot = home.client("iot")
    effective = iot.get_effective_policies(thingName="pump")["effectivePolicies"]
    assert [each["policyName"] for each in effective] == ["p"]
    assert [each["certificateId"] for each in iot.list_ca_certificates()["certificates"]] == [ca]
    assert iot.get_v2_logging_options()["roleArn"] == ROLE
    targets = iot.list_v2_logging_levels(targetType="THING_GROUP")["logTargetConfigurations"]
    assert targets == [{"logTarget": {"targetType": "THING_GROUP", "targetName": "plant"}, "logLevel": "DEBUG"}]
