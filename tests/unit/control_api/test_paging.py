from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from warden.control_api.paging import LONGEST_TOKEN, Pager
from warden.domain.errors import InvalidRequest

PAGER = Pager(b"k" * 32)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
FILTERS: dict[str, Any] = {"thingName": "pump-1", "startTime": NOON, "listSuppressedAlerts": False}
POSITION = ["VIO#1", 5]
TOKEN = PAGER.token("ListViolationEvents", FILTERS, POSITION)


def refused(token: str, *, operation: str = "ListViolationEvents", filters: dict[str, Any] = FILTERS) -> str:
    with pytest.raises(InvalidRequest) as caught:
        PAGER.position(operation, filters, token)
    return str(caught.value)


def test_a_token_leads_back_to_its_position() -> None:
    assert PAGER.position("ListViolationEvents", FILTERS, TOKEN) == POSITION


def test_a_token_needs_no_escaping_in_a_query_but_its_padding() -> None:
    assert set(TOKEN.rstrip("=")) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def test_another_page_size_and_the_token_itself_do_not_matter() -> None:
    filters = FILTERS | {"maxResults": 7, "nextToken": TOKEN}
    assert PAGER.position("ListViolationEvents", filters, TOKEN) == POSITION


def test_the_order_of_filters_does_not_matter() -> None:
    filters = dict(reversed(FILTERS.items()))
    assert PAGER.position("ListViolationEvents", filters, TOKEN) == POSITION


@pytest.mark.parametrize(
    "filters",
    [
        FILTERS | {"thingName": "pump-2"},
        FILTERS | {"startTime": NOON + timedelta(milliseconds=1)},
        FILTERS | {"listSuppressedAlerts": True},
        FILTERS | {"verificationState": "UNKNOWN"},
        {},
    ],
    ids=["other value", "other time", "other flag", "one more", "none"],
)
def test_a_token_is_refused_with_other_filters(filters: dict[str, Any]) -> None:
    assert refused(TOKEN, filters=filters).startswith("nextToken: expected a token that this operation gave for the")


def test_a_token_is_refused_by_another_operation() -> None:
    assert "nextToken" in refused(TOKEN, operation="ListActiveViolations")


@pytest.mark.parametrize("place", range(0, len(TOKEN.rstrip("=")) - 1, 5))
def test_a_token_is_refused_with_any_character_changed(place: int) -> None:
    other = "A" if TOKEN[place] != "A" else "B"
    refused(TOKEN[:place] + other + TOKEN[place + 1 :])


@pytest.mark.parametrize("token", ["", "x", "é", "====", TOKEN + "!", TOKEN[:-8], TOKEN + "AAAA", "A" * 1_000_000])
def test_what_is_no_token_is_refused_in_few_words(token: str) -> None:
    assert len(refused(token)) < 300


def test_a_token_of_another_key_is_refused() -> None:
    refused(Pager(b"other key" * 4).token("ListViolationEvents", FILTERS, POSITION))


def test_a_position_too_long_for_a_url_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="position"):
        PAGER.token("ListX", {}, "x" * LONGEST_TOKEN)


def test_a_position_that_is_no_json_is_our_mistake() -> None:
    with pytest.raises(TypeError, match="no JSON for a bytes"):
        PAGER.token("ListX", {}, b"x")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Pager(b"short")
