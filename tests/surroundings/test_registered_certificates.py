"""Certificates that users bring, of devices and of authorities; and how certificates are changed and deleted."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.surroundings import pki
from tests.surroundings.home import ACCOUNT, REGION, Home, ask
from tests.surroundings.pki import an_ec_key

DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}]}'


def test_a_registered_certificate_is_described_with_its_own_validity(home: Home) -> None:
    iot, key = home.client("iot"), an_ec_key()
    begins = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    pem = pki.text(pki.certificate(key, begins=begins, lasts=timedelta(days=3)))
    for register in (iot.register_certificate, iot.register_certificate_without_ca):
        certificate = register(certificatePem=pem)["certificateId"]
        shown = iot.describe_certificate(certificateId=certificate)["certificateDescription"]
        assert shown["validity"] == {"notBefore": begins, "notAfter": begins + timedelta(days=3)}
        assert (shown["status"], shown["certificateMode"]) == ("INACTIVE", "SNI_ONLY")
        iot.delete_certificate(certificateId=certificate)


def test_a_certificate_of_a_registered_authority_names_it(home: Home) -> None:
    iot, ca_key, key = home.client("iot"), an_ec_key(), an_ec_key()
    authority = pki.certificate(ca_key, common_name="plant CA", lasts=timedelta(days=700))
    begins = authority.not_valid_before_utc
    ca = iot.register_ca_certificate(caCertificate=pki.text(authority), setAsActive=True)["certificateId"]
    pem = pki.text(pki.certificate(key, issuer=(authority, ca_key)))
    certificate = iot.register_certificate(certificatePem=pem, status="ACTIVE")["certificateId"]

    shown = iot.describe_certificate(certificateId=certificate)["certificateDescription"]
    assert (shown["caCertificateId"], shown["certificateMode"], shown["status"]) == (ca, "DEFAULT", "ACTIVE")
    listed = iot.list_certificates_by_ca(caCertificateId=ca)["certificates"]
    assert [each["certificateId"] for each in listed] == [certificate]
    described = iot.describe_ca_certificate(certificateId=ca)["certificateDescription"]
    assert described["validity"] == {"notBefore": begins, "notAfter": begins + timedelta(days=700)}
    assert (described["certificateMode"], described["status"]) == ("DEFAULT", "ACTIVE")


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("register_certificate", "certificatePem"),
        ("register_certificate_without_ca", "certificatePem"),
        ("register_ca_certificate", "caCertificate"),
    ],
)
def test_a_certificate_that_cannot_be_read_is_refused_by_name(home: Home, operation: str, member: str) -> None:
    iot = home.client("iot")
    with pytest.raises(iot.exceptions.CertificateValidationException, match=f"{member}: expected an X.509"):
        getattr(iot, operation)(**{member: "garbage"})


def test_a_certificate_is_not_taken_for_an_authority_s_that_did_not_sign_it(home: Home) -> None:
    iot = home.client("iot")
    authority, other = (pki.certificate(an_ec_key(), common_name="CA") for _ in range(2))
    with pytest.raises(iot.exceptions.CertificateValidationException, match="caCertificatePem signed"):
        iot.register_certificate(certificatePem=pki.text(other), caCertificatePem=pki.text(authority))


def test_an_authority_cannot_have_its_devices_registered_when_they_connect(home: Home) -> None:
    iot, pem = home.client("iot"), pki.text(pki.certificate(an_ec_key()))
    told = "with automatic registration is not part of this home; register each device's certificate"
    with pytest.raises(ClientError, match=f"iot RegisterCACertificate {told}") as error:
        iot.register_ca_certificate(caCertificate=pem, setAsActive=True, allowAutoRegistration=True)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert iot.list_ca_certificates()["certificates"] == []
    ca = iot.register_ca_certificate(caCertificate=pem, setAsActive=True, allowAutoRegistration=False)["certificateId"]
    with pytest.raises(ClientError, match=f"iot UpdateCACertificate {told}"):
        iot.update_ca_certificate(certificateId=ca, newAutoRegistrationStatus="ENABLE")
    iot.update_ca_certificate(certificateId=ca, newStatus="INACTIVE", newAutoRegistrationStatus="DISABLE")
    shown = iot.describe_ca_certificate(certificateId=ca)["certificateDescription"]
    assert (shown["status"], shown["autoRegistrationStatus"]) == ("INACTIVE", "DISABLE")


def test_authorities_are_listed_by_pages_in_the_order_of_their_creation(home: Home) -> None:
    iot = home.client("iot")
    made = [
        iot.register_ca_certificate(caCertificate=pki.text(pki.certificate(an_ec_key())), setAsActive=bool(number % 2))[
            "certificateId"
        ]
        for number in range(5)
    ]
    for ascending, expected in ((True, made), (False, made[::-1])):
        pages, marker = [], {}
        while True:
            answer = iot.list_ca_certificates(pageSize=2, ascendingOrder=ascending, **marker)
            pages.append([each["certificateId"] for each in answer["certificates"]])
            if "nextMarker" not in answer:
                break
            marker = {"marker": answer["nextMarker"]}
        assert pages == [expected[:2], expected[2:4], expected[4:]]
    paginated = iot.get_paginator("list_ca_certificates").paginate(PaginationConfig={"PageSize": 3})
    listed = [each for page in paginated for each in page["certificates"]]
    assert [each["certificateId"] for each in listed] == made[::-1]
    assert {each["certificateId"]: each["status"] for each in listed}[made[1]] == "ACTIVE"
    assert listed[0]["certificateArn"] == f"arn:aws:iot:{REGION}:{ACCOUNT}:cacert/{made[-1]}"


def test_a_page_goes_on_behind_its_place_although_the_marked_authority_is_gone(home: Home) -> None:
    iot = home.client("iot")
    made = [
        iot.register_ca_certificate(caCertificate=pki.text(pki.certificate(an_ec_key())))["certificateId"]
        for _ in range(3)
    ]
    first = iot.list_ca_certificates(pageSize=2, ascendingOrder=True)
    iot.delete_ca_certificate(certificateId=made[1])
    rest = iot.list_ca_certificates(pageSize=2, ascendingOrder=True, marker=first["nextMarker"])
    assert [each["certificateId"] for each in rest["certificates"]] == [made[2]]


def test_only_authorities_that_provision_by_a_template_are_listed_for_it(home: Home) -> None:
    iot = home.client("iot")
    by_template = iot.register_ca_certificate(
        caCertificate=pki.text(pki.certificate(an_ec_key())), registrationConfig={"templateName": "pumps"}
    )["certificateId"]
    iot.register_ca_certificate(caCertificate=pki.text(pki.certificate(an_ec_key())))
    listed = iot.list_ca_certificates(templateName="pumps")["certificates"]
    assert [each["certificateId"] for each in listed] == [by_template]


@pytest.mark.parametrize(
    "query", ["marker=%2A", "marker=AAA", "marker=/w==", "pageSize=0", "pageSize=251", "pageSize=x"]
)
def test_a_page_that_cannot_be_is_refused(home: Home, query: str) -> None:
    status, headers, _ = ask(home, "GET", f"/cacertificates?{query}")
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestException")


def test_a_status_that_is_nobody_s_to_set_is_refused_and_a_change_is_dated(home: Home) -> None:
    iot = home.client("iot")
    certificate = iot.create_keys_and_certificate()["certificateId"]
    before = iot.describe_certificate(certificateId=certificate)["certificateDescription"]
    for status in ("PENDING_TRANSFER", "ON"):
        with pytest.raises(iot.exceptions.InvalidRequestException, match="ACTIVE, INACTIVE, REVOKED"):
            iot.update_certificate(certificateId=certificate, newStatus=status)
    iot.update_certificate(certificateId=certificate, newStatus="REVOKED")
    after = iot.describe_certificate(certificateId=certificate)["certificateDescription"]
    assert after["status"] == "REVOKED"
    assert after["lastModifiedDate"] >= before["lastModifiedDate"] == before["creationDate"]


def test_certificates_can_be_deleted_while_thing_groups_have_policies(home: Home) -> None:
    iot = home.client("iot")
    group = iot.create_thing_group(thingGroupName="plant")["thingGroupArn"]
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)
    iot.attach_policy(policyName="p", target=group)
    first, second = (iot.create_keys_and_certificate() for _ in range(2))
    iot.attach_policy(policyName="p", target=first["certificateArn"])

    with pytest.raises(iot.exceptions.DeleteConflictException):
        iot.delete_certificate(certificateId=first["certificateId"])
    iot.delete_certificate(certificateId=first["certificateId"], forceDelete=True)
    iot.delete_certificate(certificateId=second["certificateId"])
    assert iot.list_targets_for_policy(policyName="p")["targets"] == [group]


def test_an_attached_or_active_certificate_is_not_deleted_by_force(home: Home) -> None:
    iot = home.client("iot")
    made = iot.create_keys_and_certificate(setAsActive=True)
    with pytest.raises(iot.exceptions.CertificateStateException):
        iot.delete_certificate(certificateId=made["certificateId"], forceDelete=True)
    iot.update_certificate(certificateId=made["certificateId"], newStatus="INACTIVE")
    iot.create_thing(thingName="pump")
    iot.attach_thing_principal(thingName="pump", principal=made["certificateArn"])
    with pytest.raises(iot.exceptions.DeleteConflictException, match="Things must be detached"):
        iot.delete_certificate(certificateId=made["certificateId"], forceDelete=True)


def test_a_certificate_that_is_not_there_is_not_found(home: Home) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        home.client("iot").describe_certificate(certificateId="a" * 64)
