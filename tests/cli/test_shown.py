"""Values as people see them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.cli.shown import as_json, criteria_text, safe, value_text, when


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"count": 18446744073709551615}, "18446744073709551615"),
        ({"number": 60.512345}, "60.512345"),
        ({"number": 80.0}, "80"),
        ({"ports": [22, 443]}, "22, 443"),
        ({"ports": []}, "none"),
        ({"strings": list("abcdefgh")}, "a, b, c, d, e, f, … (8)"),
        ({"strings": ["\x1b[2J"]}, "\\x1b[2J"),
        (None, ""),
    ],
)
def test_a_value_is_shown_without_its_kind(value: dict[str, Any] | None, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        (None, "kept, not judged"),
        ({"comparisonOperator": "less-than", "value": {"count": 5}, "durationSeconds": 300}, "less-than 5 in 300 s"),
        ({"comparisonOperator": "in-cidr-set", "value": {"cidrs": ["10.0.0.0/8"]}}, "in-cidr-set 10.0.0.0/8"),
        (
            {"comparisonOperator": "less-than-equals", "statisticalThreshold": {"statistic": "p99"}},
            "less-than-equals p99",
        ),
        (
            {"mlDetectionConfig": {"confidenceLevel": "HIGH"}, "consecutiveDatapointsToClear": 3},
            "ML HIGH (clear after 3)",
        ),
    ],
)
def test_what_is_normal_is_said_in_awss_words(criteria: dict[str, Any] | None, text: str) -> None:
    assert criteria_text({"name": "x", **({"criteria": criteria} if criteria else {})}) == text


@given(st.text())
def test_no_text_can_act_on_a_terminal(text: str) -> None:
    assert safe(text).isprintable()
    assert as_json({text: text}).isascii()


def test_times_are_utc() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert (when(noon), when(None), as_json(noon)) == ("2026-11-23 12:00:00", "", '"2026-11-23T12:00:00.000Z"')
