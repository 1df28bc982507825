"""Metrics topics, and the thing names in them."""

import pytest

from warden.domain.reports.topics import MetricsTopic, name_problem


@pytest.mark.parametrize(
    ("topic", "thing", "fmt"),
    [
        ("$aws/things/pump-7/defender/metrics/json", "pump-7", "json"),
        ("$aws/things/a:b_c/defender/metrics/cbor", "a:b_c", "cbor"),
        ("$aws/things/pump-7/defender/metrics/xml", "pump-7", "xml"),
        ("warden/things/pump-7/defender/metrics/json", "pump-7", "json"),
    ],
)
def test_a_metrics_topic_names_thing_and_format(topic: str, thing: str, fmt: str) -> None:
    assert MetricsTopic.parse(topic, ("$aws", "warden")) == (topic, thing, fmt)


@pytest.mark.parametrize(
    "topic",
    [
        "$aws/things/pump-7/defender/metrics/json/accepted",
        "$aws/things/pump-7/Defender/metrics/json",
        "other/things/pump-7/defender/metrics/json",
        "$aws/things/pump-7/shadow/update",
        "",
    ],
)
def test_any_other_topic_is_none(topic: str) -> None:
    assert MetricsTopic.parse(topic, ("$aws", "warden")) is None


@pytest.mark.parametrize("thing", ["a", "pump-7", "a b", "\u00e4" * 64, "x" * 128, "\U0001f980"])
def test_a_thing_may_be_called(thing: str) -> None:
    assert name_problem(thing) is None


@pytest.mark.parametrize(
    ("thing", "problem"),
    [
        ("", "thing name: expected 1 to 128 bytes of UTF-8, got 0"),
        ("x" * 129, "thing name: expected 1 to 128 bytes of UTF-8, got 129"),
        ("\u00e4" * 65, "thing name: expected 1 to 128 bytes of UTF-8, got 130"),
        ("a\nb", "thing name: expected no control characters, got 'a\\nb'"),
        ("a\x7f", "thing name: expected no control characters, got 'a\\x7f'"),
        ("a\x85", "thing name: expected no control characters, got 'a\\x85'"),
        ("\ud800", "thing name: expected UTF-8"),
    ],
)
def test_a_thing_may_not_be_called(thing: str, problem: str) -> None:
    assert name_problem(thing) == problem
