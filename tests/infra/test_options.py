"""What a deployer writes into cdk.json is taken, or refused with the key, the value and what is allowed."""

import pytest

from infra.options import Capacity, InvalidOptions, read


def test_without_options_it_is_the_stage_prod_on_the_usual_topics() -> None:
    options = read(None)
    assert (options.stage, options.metrics_prefix, options.reserved_topic) == ("prod", "warden", True)


def test_another_stage_has_topics_of_its_own_and_leaves_awss_to_prod() -> None:
    options = read({"stage": "beta"})
    assert (options.metrics_prefix, options.reserved_topic) == ("warden-beta", False)


def test_what_is_said_wins_over_what_follows_from_the_stage() -> None:
    options = read({"stage": "beta", "metrics_prefix": "fleet", "reserved_topic": True})
    assert (options.metrics_prefix, options.reserved_topic) == ("fleet", True)


def test_the_command_lines_json_is_taken_as_well() -> None:
    assert read('{"stage": "beta", "log_capacity": {"minimum": 5, "maximum": 50}}').log_capacity == Capacity(5, 50)


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"min_report_intervall": 60}, "no such option; the nearest one is min_report_interval_seconds"),
        ({"Stage": "prod"}, "no such option; the nearest one is stage"),
        ({"stage": "Prod"}, r"thingwarden.stage: Expected `str` matching regex '\^\[a-z\].*got 'Prod'"),
        ({"replies": "none"}, r"thingwarden.replies: .*got 'none'"),
        ({"datapoint_days": 1}, r"thingwarden.datapoint_days: Expected `int` >= 2, got 1"),
        ({"alert_emails": ["nobody"]}, r"thingwarden.alert_emails\[0\]: .*got \['nobody'\]"),
        ({"alert_phones": ["555 0100"]}, r"thingwarden.alert_phones\[0\]"),
        ({"log_capacity": {"minimum": 5}}, r"thingwarden.log_capacity: .*missing required field `maximum`"),
        ({"metrics_prefix": "a/b"}, r"thingwarden.metrics_prefix: .*got 'a/b'"),
        ({"kms_key_arn": "alias/mine"}, r"thingwarden.kms_key_arn: .*got 'alias/mine'"),
        ({"log_capacity": {"minimum": 50, "maximum": 5}}, "log_capacity: expected a minimum of at most 5, got 50"),
        ({"alert_emails": ["a@b.example", "a@b.example"]}, "alert_emails: expected each only once"),
        ({"permissions_boundary": "junk"}, "permissions_boundary: .*got 'junk'"),
        ({"role_arns": [""]}, r"role_arns\[0\]: "),
        ({"tags": {"aws:x": "1"}}, r"thingwarden: .*key` in .*tags"),
        ({"zzz": 1}, "zzz: no such option; there are stage, "),
        ({"heartbeat_minutes": 3}, r"heartbeat_minutes: expected 0, or at least .* \(300 s\), got 3"),
        ({"budget_usd": 9.5}, "budget_usd: expected alert_emails"),
        ([], r"thingwarden: expected an object, got \[\]"),
        ("{", "thingwarden: expected an object as JSON, got '{'"),
    ],
)
def test_what_is_wrong_is_named(context: object, message: str) -> None:
    with pytest.raises(InvalidOptions, match=message):
        read(context)
