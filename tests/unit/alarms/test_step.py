"""One alarm and one datapoint. Source: AWS IoT API, `BehaviorCriteria`."""

import pytest

from warden.domain.alarms.alarm import step


@pytest.mark.parametrize(
    ("alarm", "violated", "counts", "expected"),
    [
        pytest.param((False, 0), True, (1, 1), (True, 0), id="one violation rings where one is enough"),
        pytest.param((False, 0), False, (1, 1), (False, 0), id="a conforming datapoint changes nothing at rest"),
        pytest.param((False, 0), True, (2, 1), (False, 1), id="the first of two violations only counts"),
        pytest.param((False, 1), True, (2, 1), (True, 0), id="the second of two violations rings"),
        pytest.param(
            (False, 1), False, (2, 1), (False, 0), id="a conforming datapoint between them starts the count again"
        ),
        pytest.param((False, 9), True, (10, 1), (True, 0), id="the tenth of ten violations rings"),
        pytest.param((True, 0), True, (1, 1), (True, 0), id="a violation changes nothing while it rings"),
        pytest.param((True, 0), False, (1, 1), (False, 0), id="one conforming datapoint clears where one is enough"),
        pytest.param((True, 0), False, (5, 3), (True, 1), id="the first of three conforming ones only counts"),
        pytest.param((True, 2), False, (5, 3), (False, 0), id="the third of three clears"),
        pytest.param((True, 2), True, (5, 3), (True, 0), id="a violation between them starts the count again"),
        pytest.param((False, 7), True, (3, 1), (True, 0), id="a count that is beyond a lowered limit rings"),
    ],
)
def test_a_datapoint_moves_an_alarm(
    alarm: tuple[bool, int], violated: bool, counts: tuple[int, int], expected: tuple[bool, int]
) -> None:
    (ringing, streak), (to_alarm, to_clear) = alarm, counts
    stepped = step(ringing=ringing, streak=streak, violated=violated, to_alarm=to_alarm, to_clear=to_clear)
    assert stepped == expected
