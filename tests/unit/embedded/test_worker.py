"""The control plane's threads: they outlive what goes wrong, and complain only of what lasts."""

import logging
import threading

import pytest

from warden.domain.errors import Unavailable
from warden.embedded.dispatcher import WAITS_UNTOLD, Worker


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING)
    return caplog


def turns(outcomes: list[Exception | None], *, once: bool = False) -> tuple[Worker, list[bool]]:
    """A worker whose work ends as told, time after time, and whether each time went well."""
    left = iter(outcomes)

    def work() -> None:
        if error := next(left):
            raise error

    worker = Worker("a worker", work, once=once)
    return worker, [worker._turn() for _ in outcomes]


def test_what_is_away_for_a_moment_is_not_worth_a_line(log: pytest.LogCaptureFixture) -> None:
    away: list[Exception | None] = [Unavailable("away")] * (WAITS_UNTOLD - 1)

    _, well = turns([*away, None, *away, None])

    assert well == [*([False] * len(away)), True] * 2
    assert log.records == []


def test_what_stays_away_is_named_once_each_time(log: pytest.LogCaptureFixture) -> None:
    away: list[Exception | None] = [Unavailable("away")] * (3 * WAITS_UNTOLD)

    turns([*away, None, *away])

    assert [record.getMessage() for record in log.records] == ["a worker waits: away"] * 2


def test_a_mistake_is_logged_with_its_traceback_and_not_the_end(log: pytest.LogCaptureFixture) -> None:
    _, well = turns([RuntimeError("ours"), None])

    assert well == [False, True]
    assert "RuntimeError: ours" in log.text


def test_one_that_works_once_works_until_that_went_well() -> None:
    tried: list[int] = []
    done = threading.Event()

    def work() -> None:
        tried.append(1)
        done.set()

    worker = Worker("once", work, once=True)
    worker.start()
    assert done.wait(10)
    worker.join(10)
    assert tried == [1]


def test_one_that_pauses_can_be_woken_and_ended() -> None:
    worked = threading.Semaphore(0)
    worker = Worker("sweep", worked.release, pause_seconds=3600)
    worker.start()
    assert worked.acquire(timeout=10)

    worker.wake()
    assert worked.acquire(timeout=10)

    worker.end()
    worker.join(10)
    assert not worked.acquire(blocking=False)
