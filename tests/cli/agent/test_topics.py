"""Where `warden agent` reports, and where it listens."""

import pytest

from tests.cli.running import warden
from warden.cli.agent.topics import Topics

BASIC_INGEST = "$aws/rules/thingwarden_prod_metrics/warden/things/{thing}/defender/metrics/{format}"


@pytest.mark.parametrize(
    ("where", "fmt", "report", "replies"),
    [
        ("reserved", "json", "$aws/things/pump/defender/metrics/json", "$aws/things/pump/defender/metrics/json"),
        ("own", "cbor", "p/things/pump/defender/metrics/cbor", "p/things/pump/defender/metrics/cbor"),
        (
            BASIC_INGEST,
            "json",
            "$aws/rules/thingwarden_prod_metrics/warden/things/pump/defender/metrics/json",
            "warden/things/pump/defender/metrics/json",
        ),
    ],
)
def test_replies_are_below_the_topic_of_the_report_without_the_rule(
    where: str, fmt: str, report: str, replies: str
) -> None:
    topics = Topics.of(where, prefix="p", thing="pump", fmt=fmt)
    assert topics == (report, (f"{replies}/accepted", f"{replies}/rejected"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--thing", "a/b"), "without / + #, got 'a/b'"),
        (("--thing", "a+"), "without / + #, got 'a+'"),
        (("--thing", "x" * 129), "expected 1 to 128 bytes of UTF-8, got 129"),
        (("--thing", "a", "--topic", "reports"), "expected reserved, own, or a template that ends in"),
        (("--thing", "a", "--topic", "+/{thing}/defender/metrics/{format}"), "expected no wildcards"),
        (("--thing", "a", "--topic", "x" * 240 + "/{thing}/defender/metrics/{format}"), "at most 256 bytes"),
        (("--thing", "a", "--endpoint", "192.0.2.1"), "192.0.2.1 is another machine: give --cert and --key"),
        (("--thing", "a", "--endpoint", "broker.example"), "broker.example is another machine"),
        (("--thing", "a", "--interval", "0"), "0 is not in the range"),
        ((), "Missing option '--thing'"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_was_expected(options: tuple[str, ...], said: str) -> None:
    done = warden("agent", *options)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_certificate_without_its_key_is_wrong_usage() -> None:
    done = warden("agent", "--thing", "a", "--cert", __file__)
    assert done.exit_code == 2
    assert "--cert and --key come together" in done.stderr


def test_options_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDEN_AGENT_THING", "a/b")
    assert "got 'a/b'" in warden("agent", "--dry-run").stderr


def test_its_help_has_examples_and_exit_codes() -> None:
    output = warden("agent", "--help").output
    assert "Examples:\n    warden agent --thing" in output
    assert "Exit codes: 0 ended" in output
