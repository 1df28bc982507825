"""Lines of one kind, of which strangers cause as many as they like."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from warden.embedded.calm import AT_ONCE, KINDS, Calm


class Lines:
    """What is left of what is logged."""

    def __init__(self) -> None:
        self.at = 0
        self.calm = Calm(lambda: self.at)

    def log(self, text: str, *arguments: object, level: int = logging.INFO, name: str = "plane") -> str:
        """The line, empty where it is held back."""
        record = logging.LogRecord(name, level, __file__, 1, text, arguments, None)
        return record.getMessage() if self.calm.filter(record) else ""


def test_lines_of_one_kind_come_one_a_second_after_the_first_hundred_and_none_is_uncounted() -> None:
    lines = Lines()
    told = [lines.log("%s left", number) for number in range(AT_ONCE + 7)]
    assert told == [*(f"{number} left" for number in range(AT_ONCE)), *[""] * 7]
    lines.at += 1_000
    assert lines.log("%s left", "100% one") == "100% one left (and 7 like it, not shown)"
    assert lines.log("%s left", 8) == ""
    lines.at += 2_000
    assert lines.log("%s left", 9) == "9 left (and 1 like it, not shown)"
    assert lines.log("%s left", 10) == "10 left"


@pytest.mark.parametrize(
    "another",
    [{"text": "%s came"}, {"name": "another plane"}, {"level": logging.DEBUG}],
    ids=["text", "logger", "debug"],
)
def test_lines_of_another_kind_are_not_held_back(another: dict[str, object]) -> None:
    lines = Lines()
    while lines.log("%s left", 1):
        pass
    assert lines.log(*[another.pop("text", "%s left"), 1], **another)  # type: ignore[arg-type]


def test_no_more_kinds_are_remembered_than_there_is_room_for() -> None:
    lines = Lines()
    for number in range(KINDS + 5):
        assert lines.log(f"kind {number}")
    assert len(lines.calm._kinds) == KINDS


def test_threads_that_log_at_once_lose_no_count() -> None:
    lines = Lines()
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda number: lines.log(f"kind {number % (2 * KINDS)}"), range(8 * KINDS)))
        told += threads.map(lambda _: lines.log("%s left", 1), range(AT_ONCE + 50))
    assert all(told[: 8 * KINDS])
    assert sum(bool(line) for line in told[8 * KINDS :]) == AT_ONCE
    lines.at += 1_000
    assert lines.log("%s left", 1).endswith("(and 50 like it, not shown)")
