"""Counters' faults: what is not judged, and what a busy device must not hide behind."""

import pytest

from warden.domain.behaviors.spikes import JUMP, PLAUSIBLE, WRAPPED, implausible

GIB = 2**30


@pytest.mark.parametrize("silent", [True, False], ids=["after silence", "among reports"])
@pytest.mark.parametrize("code", PLAUSIBLE)
def test_a_delta_of_a_counter_that_went_back_is_never_judged(code: str, silent: bool) -> None:
    assert implausible({code: WRAPPED}, {code: WRAPPED}, silent=silent) == (code,)
    assert implausible({code: 2**64 - 1}, {}, silent=silent) == (code,)
    assert implausible({code: WRAPPED - 1}, {code: WRAPPED - 1}, silent=silent) == ()


@pytest.mark.parametrize(
    ("delta", "before", "flagged"),
    [
        pytest.param(4 * GIB, None, False, id="as much as a network carries, and nothing is known"),
        pytest.param(4 * GIB + 1, None, True, id="a whole counter on the first report"),
        pytest.param(4 * GIB + 1, 4 * GIB // JUMP + 1, False, id="a device that is always busy"),
        pytest.param(50 * GIB, 900, True, id="a whole counter after a quiet report"),
        pytest.param(50 * GIB, 0, True, id="a whole counter after an idle one"),
        pytest.param(100 * GIB, GIB, False, id="a hundred times as much"),
        pytest.param(100 * GIB + 1, GIB, True, id="more than a hundred times as much"),
    ],
)
def test_after_silence_a_jump_is_told_from_a_busy_device(delta: int, before: int | None, flagged: bool) -> None:
    points = {} if before is None else {"bo": before}
    assert implausible({"bo": delta, "bi": 7}, points, silent=True) == (("bo",) if flagged else ())
    assert implausible({"bo": delta}, points, silent=False) == ()


def test_only_traffic_counters_are_looked_at() -> None:
    assert implausible({"nt": 2**64 - 1, "tp": frozenset({22}), ".own": 1e300}, {}, silent=True) == ()
