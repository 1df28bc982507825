"""The table of access cases, each tried by a live client with a certificate whose fields are the table's.

Left out are cases that a live client cannot bring about: a certificate id of one's choice, a context other than that
of thing `d1` or of an unattached client id, topics that no policy gives to a client, and what follows on a connection
that the policies themselves refuse.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from paho.mqtt import publish

from tests.access_cases import CASES
from tests.access_cases.given import ALLOWED, CERTIFICATE, D1, HOME, Case, Try, unattached
from tests.devices import V5, Client, Identity, allow, document
from tests.home import Home, running
from tests.surroundings.pki import an_ec_key, key_text, text
from warden.domain.access.decision import Policies
from warden.domain.access.document import problems, read
from warden.domain.access.rights import Rights
from warden.embedded.broker.topics import is_within_limits

OIDS = {
    "CommonName": NameOID.COMMON_NAME,
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "Title": NameOID.TITLE,
}
NOT_AUTHORIZED = 0x87
BESIDE = (
    allow("iot:Connect", on="client/*"),
    allow("iot:Subscribe", on="topicfilter/marker"),
    allow("iot:Receive", on="topic/marker"),
)


def is_live(case: Case) -> bool:
    """Whether a live client can try it: as who it is, with such policies, on such a topic, and so far."""
    tried, context, topic = case.tried, case.tried.context, case.tried.on or ""
    if context not in (D1, unattached(context.client_id or "")) or (context.client_id or "$").startswith("$"):
        return False
    if any(CERTIFICATE.id in each for each in (*case.documents, topic)) or any(map(problems, case.documents)):
        return False
    if topic.startswith("$") or not is_within_limits(topic) or (tried.operation != "subscribe" and {*"+#"} & {*topic}):
        return False
    policies = Policies([read(each) for each in (*case.documents, document(*BESIDE))], context)
    rights = Rights(policies, HOME, context.client_id)
    if tried.operation == "receive":
        return all(each.is_allowed for each in (rights.may_connect(), rights.may_subscribe(topic)))
    return tried.operation == "connect" or rights.may_connect().is_allowed


LIVE = [case for case in CASES if is_live(case)]
SETS = {
    f"{number} {next(iter(cases)).name}": (documents, cases)
    for number, (documents, cases) in enumerate(
        (documents, list(cases)) for documents, cases in groupby(LIVE, key=lambda case: case.documents)
    )
}


def test_most_of_the_table_is_tried() -> None:
    assert len(LIVE) > 0.6 * len(CASES)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        started.thing("d1")
        attributes = dict(D1.thing.attributes) if D1.thing else {}
        iot = started.client("iot")
        iot.create_thing_type(thingTypeName="camera")
        iot.update_thing(thingName="d1", thingTypeName="camera", attributePayload={"attributes": attributes})
        yield started


@pytest.fixture(scope="module")
def identity(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """With the certificate of the table, registered without its authority."""
    directory = tmp_path_factory.mktemp("identity")
    made = Identity(home, directory, policy="")
    key, authority = an_ec_key(), an_ec_key()
    alternative = [x509.DNSName(each) for each in CERTIFICATE.subject["AlternativeName.DNSName"]]
    begins = datetime.now(UTC) - timedelta(minutes=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(CERTIFICATE.subject))
        .issuer_name(_name(CERTIFICATE.issuer))
        .public_key(key.public_key())
        .serial_number(int(CERTIFICATE.serial_number or "", 16))
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .sign(authority, hashes.SHA256())
    )
    made.files[0].write_text(text(certificate))
    made.files[1].write_text(key_text(key))
    told = made.iot.register_certificate_without_ca(certificatePem=text(certificate), status="ACTIVE")
    made.id, made.arn = told["certificateId"], told["certificateArn"]
    made.iot.attach_thing_principal(thingName="d1", principal=made.arn)
    return made


def _name(fields: object) -> x509.Name:
    assert isinstance(fields, dict)
    return x509.Name(
        [
            x509.NameAttribute(OIDS[field], value, _validate=False)
            for field, values in fields.items()
            if field in OIDS
            for value in values
        ]
    )


@pytest.fixture
def attached(identity: Identity, documents: tuple[str, ...]) -> Iterator[None]:
    """The documents are policies of the certificate, together with one to get in with."""
    names = [f"case-{number}" for number in range(len(documents) + 1)]
    for name, each in zip(names, (*documents, document(*BESIDE)), strict=True):
        identity.iot.create_policy(policyName=name, policyDocument=each)
        identity.iot.attach_policy(policyName=name, target=identity.arn)
    yield
    for name in names:
        identity.iot.detach_policy(policyName=name, target=identity.arn)
        identity.iot.delete_policy(policyName=name)


@pytest.mark.usefixtures("attached")
@pytest.mark.parametrize(("documents", "cases"), SETS.values(), ids=SETS)
def test_a_live_client_is_answered_as_the_table_says(
    home: Home, identity: Identity, documents: tuple[str, ...], cases: list[Case]
) -> None:
    beside = f"case-{len(documents)}"
    for case in cases:
        if case.tried.operation == "connect":
            identity.iot.detach_policy(policyName=beside, target=identity.arn)
        answered = _answered(home, identity, case.tried)
        assert answered == (0 if case.tried.expected is ALLOWED else NOT_AUTHORIZED), case
        if case.tried.operation == "connect":
            identity.iot.attach_policy(policyName=beside, target=identity.arn)


def _answered(home: Home, identity: Identity, tried: Try) -> int | None:
    """The reason code that a client is told; of what it is to receive, whether that comes."""
    topic = tried.on or ""
    connects = tried.operation == "connect"
    will = {"topic": topic, "payload": b"x", "retain": tried.retain} if connects and topic else {}
    client = Client(identity, tried.context.client_id or "", V5, **will)
    try:
        assert client.connected is not None
        if connects or client.connected.value:
            return int(client.connected.value)
        if tried.operation == "publish":
            return client.publish(topic, retain=tried.retain)
        if tried.operation == "subscribe":
            (code,) = client.subscribe(topic) or [None]
            return 0 if code == 1 else code
        assert client.subscribe(topic, "marker") == [1, 1]
        publish.multiple([(topic, b"x", 1, False), ("marker", b"x", 1, False)], port=home.mqtt_port)
        return 0 if client.heard()[0] == topic else NOT_AUTHORIZED
    finally:
        client.close()
