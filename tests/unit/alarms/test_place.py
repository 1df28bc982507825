"""Where a report belongs: duplicate, then late, then too soon, then next."""

import pytest

from tests.unit.alarms.given import AT, arrival
from warden.domain.alarms.arrival import Place, place
from warden.domain.alarms.entry import State
from warden.domain.behaviors.target import ThingFacts

FIVE_MINUTES = 300_000
STATE = State(report_at=AT, recent=((7, b"abcd"), (6, b"6666")))


@pytest.mark.parametrize(
    ("at", "report_id", "digest", "id_since", "expected"),
    [
        pytest.param(AT + FIVE_MINUTES, 8, b"8888", 0, Place.NEXT, id="a new report in time"),
        pytest.param(AT + FIVE_MINUTES, 7, b"abcd", 0, Place.DUPLICATE, id="the same report again"),
        pytest.param(AT + FIVE_MINUTES, 6, b"6666", 0, Place.DUPLICATE, id="an older report again"),
        pytest.param(AT + 1, 7, b"abcd", 0, Place.DUPLICATE, id="the same again at once is a duplicate, not too soon"),
        pytest.param(AT - 1, 7, b"abcd", AT, Place.DUPLICATE, id="the same again and late is a duplicate"),
        pytest.param(
            AT + FIVE_MINUTES, 7, b"other", 0, Place.NEXT, id="another payload of the same id is another report"
        ),
        pytest.param(
            AT + FIVE_MINUTES, 1, b"abcd", 0, Place.NEXT, id="another id of the same payload is another report"
        ),
        pytest.param(AT - 1, 8, b"8888", 0, Place.LATE, id="older than the newest"),
        pytest.param(AT, 8, b"8888", 0, Place.TOO_SOON, id="of the newest's moment, which is not late but too soon"),
        pytest.param(
            AT + FIVE_MINUTES, 8, b"8888", AT + FIVE_MINUTES + 1, Place.LATE, id="from before this thing was it"
        ),
        pytest.param(
            AT + FIVE_MINUTES, 8, b"8888", AT + FIVE_MINUTES, Place.NEXT, id="of the moment when the thing became it"
        ),
        pytest.param(AT + 269_999, 8, b"8888", 0, Place.TOO_SOON, id="more than half a minute early"),
        pytest.param(AT + 270_000, 8, b"8888", 0, Place.NEXT, id="half a minute early, as clocks may run"),
    ],
)
def test_a_report_belongs(at: int, report_id: int, digest: bytes, id_since: int, expected: Place) -> None:
    came = arrival({}, at, report_id=report_id, digest=digest)
    facts = ThingFacts("id-1", id_since=id_since)
    assert place(came, STATE, facts, min_interval=FIVE_MINUTES) is expected


@pytest.mark.parametrize("at", [AT, AT + 1])
def test_without_a_minimum_nothing_is_too_soon(at: int) -> None:
    assert place(arrival({}, at, report_id=8), STATE, ThingFacts("id-1"), min_interval=0) is Place.NEXT


def test_a_short_minimum_is_kept_to_a_tenth() -> None:
    def at(after: int) -> Place:
        return place(arrival({}, AT + after, report_id=8), STATE, ThingFacts("id-1"), min_interval=10_000)

    assert (at(8_999), at(9_000)) == (Place.TOO_SOON, Place.NEXT)


def test_the_first_report_of_a_thing_is_never_too_soon() -> None:
    assert place(arrival({}, 5), State(), ThingFacts("id-1"), min_interval=FIVE_MINUTES) is Place.NEXT
