"""Which MQTT topics metrics may be exported to: those that AWS IoT lets publish to, and none that it would evaluate."""

import pytest

from warden.domain.exports.topic import topic_problem


@pytest.mark.parametrize(
    "topic",
    [
        "exports",
        "a/b/c/d/e/f/g/h",
        "b" * 256,
        "$aws/rules/Archive",
        f"$aws/rules/{'r' * 128}/{'b' * 256}",
        "$aws/rules/Archive/a/b/c/d/e/f/g/h",
        "{braces}/$",
    ],
)
def test_what_one_may_publish_to_will_do(topic: str) -> None:
    assert topic_problem(topic) is None


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("", "begins with"),
        ("/exports", "begins with"),
        ("exports/+", "wildcards"),
        ("exports/#", "wildcards"),
        ("exports\0", "wildcards"),
        ("exports/${topic()}", "expression"),
        ("${get_secret('s', 'SecretString', 'arn')}", "expression"),
        ("$aws/rules/", "a rule's name"),
        ("$aws/rules//exports", "a rule's name"),
        ("$aws/rules/fleet-1/exports", "a rule's name"),
        (f"$aws/rules/{'r' * 129}", "a rule's name"),
        ("a/b/c/d/e/f/g/h/i", "7 slashes"),
        ("b" * 257, "256 bytes"),
        ("\u00fc" * 129, "256 bytes"),
        (f"$aws/rules/Archive/{'b' * 257}", "256 bytes"),
        ("$aws/rules/Archive/a/b/c/d/e/f/g/h/i", "7 slashes"),
    ],
)
def test_what_is_wrong_is_said(topic: str, expected: str) -> None:
    assert expected in (topic_problem(topic) or "")
