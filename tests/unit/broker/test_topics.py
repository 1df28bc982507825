"""Filters and what they match, AWS IoT's differences from the standard among it."""

import pytest

from warden.embedded.broker.packets import NO_LOCAL, RETAIN_AS_PUBLISHED
from warden.embedded.broker.topics import Subscriptions, is_filter, is_within_limits, may_subscribe

MATCHES = [
    ("a/b", "a/b", True),
    ("a/b", "a/c", False),
    ("a/b", "a/b/c", False),
    ("a/+", "a/b", True),
    ("a/+", "a", False),
    ("a/+", "a/", True),
    ("a/+", "a/b/c", False),
    ("+/+", "/a", True),
    ("+", "a", True),
    ("#", "a/b/c", True),
    ("a/#", "a/b/c", True),
    ("a/#", "a/", True),
    ("a/#", "a", False),
    ("a/+/#", "a/b", False),
    ("a/+/c/#", "a/b/c/d", True),
    ("#", "$aws/events/presence", False),
    ("+/events", "$aws/events", False),
    ("$aws/#", "$aws/events/presence", True),
    ("$aws/+/presence", "$aws/events/presence", True),
    ("a/$b/+", "a/$b/c", True),
    ("+/$b", "a/$b", True),
]


@pytest.mark.parametrize(("topic_filter", "topic", "matches"), MATCHES)
def test_a_filter_matches_as_in_aws_iot(topic_filter: str, topic: str, matches: bool) -> None:
    subscriptions: Subscriptions[str] = Subscriptions()
    subscriptions.add(topic_filter, "lamp", 1)
    assert subscriptions.match(topic) == ({"lamp": 1} if matches else {})


def test_a_subscriber_is_found_once_with_its_highest_qos() -> None:
    subscriptions: Subscriptions[str] = Subscriptions()
    for topic_filter, qos in (("a/b", 0), ("a/+", 1), ("#", 0)):
        subscriptions.add(topic_filter, "lamp", qos)
    subscriptions.add("a/b", "switch", 0)
    assert subscriptions.match("a/b") == {"lamp": 1, "switch": 0}


def test_a_matched_topic_leaves_the_subscriptions_as_they_were() -> None:
    subscriptions: Subscriptions[str] = Subscriptions()
    subscriptions.add("a/b", "lamp", 0)
    subscriptions.add("a/+", "switch", 1)
    assert subscriptions.match("a/b") == {"lamp": 0, "switch": 1}
    assert subscriptions.match("a/c") == {"switch": 1}
    subscriptions.remove("a/+", "switch")
    assert subscriptions.match("a/b") == {"lamp": 0}


def test_the_last_subscription_leaves_nothing_behind() -> None:
    subscriptions: Subscriptions[str] = Subscriptions()
    for topic_filter in ("a/b", "a/+/c", "a/#"):
        subscriptions.add(topic_filter, "lamp", 0)
    for topic_filter in ("a/b", "a/+/c", "a/#", "never/+", "a/+/never", "never"):
        subscriptions.remove(topic_filter, "lamp")
    assert (subscriptions._exact, subscriptions._wild.children) == ({}, {})


@pytest.mark.parametrize("text", ["a", "/", "a//b", "+", "#", "+/a/#", "$aws/+", "a b", "/#"])
def test_is_a_filter(text: str) -> None:
    assert is_filter(text)


@pytest.mark.parametrize("text", ["", "a+", "+a/b", "#/a", "a#", "##", "a/#/", "a/b#"])
def test_is_no_filter(text: str) -> None:
    assert not is_filter(text)


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        pytest.param("a" * 256, True, id="256 bytes"),
        pytest.param("a" * 257, False, id="257 bytes"),
        pytest.param("é" * 129, False, id="258 bytes in 129 characters"),
        pytest.param("/" * 7, True, id="7 slashes"),
        pytest.param("/" * 8, False, id="8 slashes"),
    ],
)
def test_a_topic_is_bounded(topic: str, allowed: bool) -> None:
    assert is_within_limits(topic) is allowed


@pytest.mark.parametrize(
    ("topic_filter", "allowed"),
    [
        ("$aws/things/lamp/defender/metrics/json", False),
        ("$aws/things/+/defender/metrics/+", False),
        ("$aws/things/lamp/defender/metrics/json/accepted", True),
        ("$aws/things/lamp/defender/metrics/json/+", True),
        ("$aws/things/lamp/defender/metrics/#", True),
        ("$aws/events/#", True),
        ("$share/group/a", False),
        ("a/b/c/d/e/f/g/h/i", False),
    ],
)
def test_a_subscription_is_allowed(topic_filter: str, allowed: bool) -> None:
    assert may_subscribe(topic_filter) is allowed


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        pytest.param(0, 1, 1, id="the higher QoS"),
        pytest.param(NO_LOCAL, 1, 1, id="no local only where both say so"),
        pytest.param(NO_LOCAL, NO_LOCAL | 1, NO_LOCAL | 1, id="no local where both say so"),
        pytest.param(RETAIN_AS_PUBLISHED, 0, RETAIN_AS_PUBLISHED, id="retain as published where one says so"),
    ],
)
def test_two_subscriptions_that_match_are_as_generous_as_either(one: int, other: int, both: int) -> None:
    for filters in (("a/b", "a/+"), ("a/+", "a/#"), ("+/b", "a/b")):
        subscriptions: Subscriptions[str] = Subscriptions()
        for topic_filter, options in zip(filters, (one, other), strict=True):
            subscriptions.add(topic_filter, "lamp", options)
        assert subscriptions.match("a/b") == {"lamp": both}
