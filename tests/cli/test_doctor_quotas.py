"""What `warden doctor` says of the account's quotas: the fleet that they carry, and what is asked of the registry."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.cli.doctors import states, stubbed
from warden.cli.doctor.finding import Finding, Patient, State
from warden.cli.doctor.quotas import CONCURRENCY, QUOTAS, REGISTRY_QUOTAS, Quota, quotas
from warden.handlers.parts import Clients

SETTINGS = {"Variables": {"WARDEN_REGISTRY_CALLS_PER_SECOND": "10.0"}}


def quota(value: float) -> dict[str, Any]:
    return {"Quota": {"Value": value}}


def examined(
    patient: Patient, answers: Mapping[Quota, float | None], environment: Mapping[str, Any] = SETTINGS
) -> list[Finding]:
    """What the doctor says of the quotas, each AWS's default where none is given, and of what it asks for them."""
    with stubbed(patient, "service-quotas") as quotas_of_aws, stubbed(patient, "lambda") as functions:
        registry = REGISTRY_QUOTAS if "Variables" in environment else ()
        for each in (*QUOTAS, *registry):
            asked = {"ServiceCode": each.service, "QuotaCode": each.code}
            value = answers.get(each, each.default)
            if value is None:
                quotas_of_aws.add_client_error("get_service_quota", "NoSuchResourceException")
                quotas_of_aws.add_client_error("get_aws_default_service_quota", "NoSuchResourceException")
            else:
                quotas_of_aws.add_response("get_service_quota", quota(value), asked)
        function = {"FunctionName": patient.stage.evaluate_function}
        functions.add_response("get_function_configuration", {"Environment": environment}, function)
        return list(quotas(patient))


@pytest.mark.parametrize(
    ("interval", "devices"), [(300, ["6,000,000", "3,000,000", "10,000,000", "1,200,000"]), (60, ["1,200,000"])]
)
def test_quotas_say_how_many_devices_they_carry(patient: Patient, interval: int, devices: list[str]) -> None:
    found = examined(replace(patient, interval=interval), {})
    assert set(states(found)) == {State.OK}
    for said, expected in zip(found, devices, strict=False):
        assert f"{expected} devices at {interval} s" in said.answer


def test_a_quota_below_awss_default_is_a_warning_with_the_request_for_more(patient: Patient) -> None:
    concurrency = examined(patient, {CONCURRENCY: 10})[2]
    assert concurrency.state is State.WARN
    assert "333 reports a second, 100,000 devices" in concurrency.answer
    assert "--quota-code L-B99A9384 --desired-value 1000" in concurrency.then


def test_a_quota_that_service_quotas_does_not_know_is_awss_documented_one(patient: Patient) -> None:
    evaluations, inbound, *_ = examined(patient, {QUOTAS[0]: None})
    assert evaluations.answer.startswith("Service Quotas has none; AWS documents Rule evaluations")
    assert inbound.answer.startswith("Inbound publish requests")


def test_a_quota_that_the_account_has_no_value_of_its_own_for_is_awss_default_in_force(patient: Patient) -> None:
    with stubbed(patient, "service-quotas") as stubber:
        stubber.add_client_error("get_service_quota", "NoSuchResourceException")
        stubber.add_response("get_aws_default_service_quota", quota(20_000))
        evaluations = next(quotas(patient))
    assert evaluations.answer.startswith("Rule evaluations per second per AWS account: 20,000")


def test_a_provisioned_table_carries_what_it_is_provisioned_for(patient: Patient, aws: Clients) -> None:
    aws("dynamodb").update_table(
        TableName=patient.stage.log_table,
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 20},
    )
    [table] = [each for each in examined(patient, {}) if each.about == "table log"]
    assert "provisioned, now 20 writes a second, one each: 20 reports a second, 6,000 devices" in table.answer


# The registry's quotas: the setting is one container's


def registry_quotas(
    patient: Patient, answers: Mapping[Quota, float | None], calls_per_second: str = "10.0"
) -> list[Finding]:
    found = examined(patient, answers, {"Variables": {"WARDEN_REGISTRY_CALLS_PER_SECOND": calls_per_second}})
    return [each for each in found if each.about == "registry quota"]


def test_what_all_containers_may_ask_of_the_registry_is_told_beside_its_quotas(patient: Patient) -> None:
    describe, groups = registry_quotas(patient, {})
    assert states([describe, groups]) == [State.OK, State.OK]
    assert groups.answer == (
        "ListThingGroupsForThing API TPS: 100, registry and reconcile use up to 20 (4 containers, "
        "registry_calls_per_second 10 in each, one in 2 of this call), evaluate 5 more in each container that asks "
        "about new things: 16 containers fit, 533 reports a second, 160,000 devices at 300 s; all 1,000 that Lambda "
        "allows make it 5,020"
    )
    assert "DescribeThing API TPS: 350, " in describe.answer
    assert "66 containers fit" in describe.answer


def test_where_all_that_lambda_allows_fit_no_number_of_containers_is_told(patient: Patient) -> None:
    _, groups = registry_quotas(patient, {CONCURRENCY: 16})
    assert groups.state is State.OK
    assert "fit" not in groups.answer
    assert groups.answer.endswith("in each container that asks about new things: all 16 that Lambda allows make it 100")


def test_one_more_container_than_fits_is_told(patient: Patient) -> None:
    _, groups = registry_quotas(patient, {CONCURRENCY: 17})
    assert "16 containers fit, " in groups.answer
    assert groups.answer.endswith("all 17 that Lambda allows make it 105")


def test_a_setting_that_uses_up_the_registrys_quota_without_any_report_is_a_warning(patient: Patient) -> None:
    describe, groups = registry_quotas(patient, {}, "60.0")
    assert states([describe, groups]) == [State.OK, State.WARN]
    assert "registry and reconcile use up to 120 (4 containers, registry_calls_per_second 60 in each" in groups.answer
    assert groups.then == (
        "in cdk.json, registry_calls_per_second of 50 at most, and: make deploy; or aws service-quotas "
        "request-service-quota-increase --service-code iotcore --quota-code L-75F129AD --desired-value 120"
    )


def test_a_setting_that_fills_the_registrys_quota_to_the_brim_leaves_nothing_to_reports(patient: Patient) -> None:
    _, groups = registry_quotas(patient, {}, "50.0")
    assert groups.state is State.OK
    assert "0 containers fit, 0 reports a second, 0 devices" in groups.answer


def test_a_registry_quota_that_is_not_known_is_awss_documented_one(patient: Patient) -> None:
    _, groups = registry_quotas(patient, {REGISTRY_QUOTAS[1]: None})
    assert groups.answer.startswith("ListThingGroupsForThing API TPS: 100, ")


def test_a_smaller_quota_than_awss_default_is_what_counts(patient: Patient) -> None:
    _, groups = registry_quotas(patient, {REGISTRY_QUOTAS[1]: 10})
    assert groups.state is State.WARN
    assert "registry_calls_per_second of 5 at most" in groups.then


def test_an_environment_that_may_not_be_decrypted_is_unknown_with_what_is_missing(patient: Patient) -> None:
    refused = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt"}}
    found = examined(patient, {}, refused)[-1]
    assert found.state is State.UNKNOWN
    assert "Lambda was unable to decrypt" in found.answer
    assert "kms:Decrypt" in found.then
