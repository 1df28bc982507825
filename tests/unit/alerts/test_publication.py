"""What is published into an alert rule: AWS's message, and what people read, within the limits of AWS IoT and SNS."""

import json
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.alerts.given import event
from tests.unit.behaviors.given import behavior
from warden.domain.alarms.violation import Event, alert_message
from warden.domain.alerts.message import MOST_BYTES, MOST_DEFAULT_BYTES, publication, trial_publication
from warden.domain.behaviors.profile import MetricValue


def published(of: Event, attempt: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """All that is published, and AWS's message in it."""
    payload = publication(of, attempt)
    assert len(payload) <= MOST_BYTES
    whole = json.loads(payload)
    assert len(whole["default"].encode()) <= MOST_DEFAULT_BYTES
    return whole, json.loads(whole["default"])


def test_queues_and_functions_get_exactly_the_message_of_aws() -> None:
    whole, message = published(event())
    assert whole["default"] == alert_message(event())
    assert message["metricValue"] == {"ports": [443, 8888]}
    assert "metricValueTruncated" not in message


def test_the_attempt_comes_along_beside_the_protocols_texts() -> None:
    whole, _ = published(event(), attempt=7)
    assert set(whole) == {"default", "email", "sms", "attempt"}
    assert whole["attempt"] == 7


def test_what_is_too_long_is_cut_and_says_so_and_what_violates_comes_first() -> None:
    ports = tuple(range(1, 30_001))
    says = behavior("aws:listening-tcp-ports", "in-port-set", list(ports[: 1000 - 3]))
    seen = (*ports[: 1000 - 3], *range(60_000, 60_003), *range(30_001, 58_000))
    odd = set(seen) - set(ports[: 1000 - 3])
    _, message = published(event(says, MetricValue(ports=tuple(sorted(seen)))))
    kept = message["metricValue"]["ports"]
    assert message["metricValueTruncated"] is True
    assert 10_000 < len(kept) < len(seen)
    assert set(kept) <= odd


@pytest.mark.unmeasured
def test_as_much_as_fits_is_kept() -> None:
    addresses = tuple(str(IPv4Address(0x0A000000 + number)) for number in range(20_000))
    says = behavior("aws:destination-ip-addresses", "in-cidr-set", ["192.0.2.0/24"])
    of = event(says, MetricValue(cidrs=addresses))
    whole, message = published(of)
    kept = message["metricValue"]["cidrs"]
    assert kept == list(addresses[: len(kept)])
    more = len(addresses[len(kept)]) + 3
    assert len(whole["default"]) + more > MOST_DEFAULT_BYTES or len(publication(of, 1)) + more + 2 > MOST_BYTES


def test_a_behavior_as_large_as_a_profile_may_have_fits_with_its_value() -> None:
    networks = [str(IPv6Address(2**127 + number)) + "/128" for number in range(1000)]
    says = behavior("aws:destination-ip-addresses", "in-cidr-set", networks, name="\u00e9" * 128)
    addresses = tuple(str(IPv6Address(2**126 + number * 2**40 + 1)) for number in range(5000))
    _, message = published(event(says, MetricValue(cidrs=addresses), thing="\x01" * 128))
    assert message["metricValueTruncated"] is True
    assert message["metricValue"]["cidrs"]
    assert len(message["behavior"]["criteria"]["value"]["cidrs"]) == 1000


def test_what_grows_beyond_the_limit_of_aws_iot_by_being_escaped_is_cut() -> None:
    _, message = published(event(value=MetricValue(strings=("a",) * 25_000)))
    assert message["metricValueTruncated"] is True
    assert 20_000 < len(message["metricValue"]["strings"]) < 25_000


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(5_000, 40_000), thing=st.text(min_size=1, max_size=128), operator=st.sampled_from(["", "not-"])
)
def test_any_event_can_be_published(count: int, thing: str, operator: str) -> None:
    says = behavior("aws:listening-tcp-ports", f"{operator}in-port-set", [22, 8883])
    published(event(says, MetricValue(ports=tuple(range(1, count))), thing=thing))


@pytest.mark.parametrize("profile", ["cameras", "p" * 128])
def test_a_test_says_that_it_is_one_wherever_it_is_read(profile: str) -> None:
    whole = json.loads(trial_publication(profile, "0" * 32, at=1))
    message = json.loads(whole["default"])
    assert message["test"] is True
    assert message["violationId"] == "0" * 32
    assert whole["email"].startswith("TEST")
    assert whole["sms"].startswith("TEST")
    assert len(whole["sms"]) <= 140
