"""E-mail and SMS: all the facts, in words, and nothing that a device could have slipped in."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.alerts.given import ID, event
from tests.unit.behaviors.given import behavior
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason
from warden.domain.alerts.texts import email, sms
from warden.domain.behaviors.profile import Behavior, MetricValue

TRAFFIC = behavior("aws:all-bytes-out", "less-than", 9000, name="BytesOut", duration_seconds=600)


def test_an_email_says_what_happened_where_and_when() -> None:
    assert email(event()) == (
        'In alarm: "camera-3" violates "Listening TCP Ports".\n'
        "\n"
        "Thing:            camera-3\n"
        "Security profile: cameras\n"
        "Behavior:         Listening TCP Ports (aws:listening-tcp-ports)\n"
        "Seen:             443 among 2\n"
        "Normal:           only ports 8888\n"
        "Time:             2026-09-21 14:25:12.345 UTC\n"
        f"Violation:        {ID}\n"
        "Verification:     UNKNOWN\n"
    )


def test_an_sms_says_the_same_in_one_line() -> None:
    assert sms(event()) == (
        "ALARM camera-3: cameras/Listening TCP Ports seen 443 among 2 normal only ports 8888"
        " 2026-09-21 14:25:12 UTC id 9c0d5c6f"
    )


def test_an_alarm_that_is_cleared_shows_what_is_normal_again() -> None:
    cleared = event(TRAFFIC, MetricValue(count=8000), type=EventType.CLEARED)
    assert 'Alarm cleared: "camera-3" is back to "BytesOut".' in email(cleared)
    assert "Seen:             8,000\nNormal:           less than 9,000 in 600 s\n" in email(cleared)
    assert sms(cleared).startswith("CLEARED camera-3: cameras/BytesOut seen 8,000 normal less than 9,000 in 600 s ")


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (Reason.SILENT, "the thing has reported nothing of it for two days"),
        (Reason.THING_LEFT, "the security profile no longer applies to the thing"),
    ],
)
def test_an_alarm_that_is_invalidated_says_why(reason: Reason, why: str) -> None:
    invalidated = event(value=None, type=EventType.INVALIDATED, reason=reason)
    assert f"Why:              {why}\n" in email(invalidated)
    assert "Seen" not in email(invalidated)
    assert sms(invalidated).startswith("INVALIDATED camera-3:")


@pytest.mark.parametrize(
    ("says", "value", "seen", "normal"),
    [
        (
            behavior("aws:listening-tcp-ports", "not-in-port-set", [22, 23]),
            MetricValue(ports=(22, 80)),
            "22 among 2",
            "none of the ports 22, 23",
        ),
        (
            behavior("aws:destination-ip-addresses", "in-cidr-set", ["10.0.0.0/8"]),
            MetricValue(cidrs=("192.0.2.1", "2001:db8::1")),
            "192.0.2.1, 2001:db8::1",
            "only addresses 10.0.0.0/8",
        ),
        (
            behavior("aws:destination-ip-addresses", "not-in-cidr-set", ["192.0.2.0/24"]),
            MetricValue(cidrs=("10.1.1.1", "192.0.2.1")),
            "192.0.2.1 among 2",
            "none of the addresses 192.0.2.0/24",
        ),
        (
            behavior("aws:num-established-tcp-connections", "less-than-equals", 3),
            MetricValue(count=12),
            "12",
            "at most 3",
        ),
        (
            behavior("aws:listening-tcp-ports", "in-port-set", []),
            MetricValue(ports=tuple(range(1, 31))),
            f"{', '.join(map(str, range(1, 21)))} and 10 more",
            "only ports none",
        ),
    ],
    ids=["forbidden ports", "foreign addresses", "forbidden addresses", "a number", "a long list"],
)
def test_what_was_seen_stands_against_what_is_normal(
    says: Behavior, value: MetricValue, seen: str, normal: str
) -> None:
    assert f"Seen:             {seen}\nNormal:           {normal}\n" in email(event(says, value))


@pytest.mark.parametrize(
    ("thing", "shown"),
    [
        ("pump\r\nNormal: yes", "pump??Normal: yes"),
        ("pump\u2028x\u202eevil", "pump?x?evil"),
        ("http://evil.example/a", "http[:]//evil[.]example/a"),
        ("evil\u3002example", "evil[.]example"),
        ('a" is fine "b', "a' is fine 'b"),
        ("ab\udc80\x00", "ab??"),
    ],
    ids=["new lines", "separators and reversal", "a link", "a link by another dot", "quotes", "no text at all"],
)
def test_a_hostile_name_adds_no_line_and_no_link(thing: str, shown: str) -> None:
    text = email(event(thing=thing))
    assert f"Thing:            {shown}\n" in text
    assert text.startswith(f'In alarm: "{shown}" violates ')
    assert len(text.splitlines()) == len(email(event()).splitlines())


NAMES = st.text(st.characters(), min_size=1, max_size=128)


@given(thing=NAMES, name=NAMES, value=st.sampled_from([MetricValue(ports=(1, 2)), MetricValue(count=2**64 - 1), None]))
def test_an_sms_is_one_part_whatever_the_names(thing: str, name: str, value: MetricValue | None) -> None:
    says = behavior("aws:listening-tcp-ports", "in-port-set", [8888], name=name)
    text = sms(event(says, value, thing=thing))
    assert len(text) <= 140
    assert text.isascii()
    assert text.isprintable()
    assert text.endswith(" 2026-09-21 14:25:12 UTC id 9c0d5c6f")


@given(thing=NAMES, name=NAMES)
def test_an_email_has_its_own_lines_and_no_address_of_a_page(thing: str, name: str) -> None:
    says = behavior("aws:listening-tcp-ports", "in-port-set", [8888], name=name)
    text = email(event(says, thing=thing))
    assert len(text.splitlines()) == 10
    assert "://" not in text
    assert not re.search(r"[A-Za-z]\.[A-Za-z]", text)
