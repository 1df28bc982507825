from datetime import UTC, datetime

import pytest

from warden.control_api.validation import MOST_PROBLEMS, Enough, Problem, Problems, invalid, quote


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ((), "body"),
        (("behaviors", 0, "criteria", "value", "ports", 1), "behaviors[0].criteria.value.ports[1]"),
        (("alertTargets", "SNS", "roleArn"), "alertTargets.SNS.roleArn"),
        (("attributes", "two words"), 'attributes["two words"]'),
        (("attributes", "\n\u202e"), 'attributes["\\n\\u202e"]'),
        (("attributes", "x" * 200), f'attributes["{"x" * 100}"... (200 characters)]'),
    ],
)
def test_a_path_is_what_a_user_would_write(where: tuple[str | int, ...], path: str) -> None:
    assert Problem(where, "nothing", "a string").path == path


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ('say "é"\n', '"say \\"\\u00e9\\"\\n"'),
        ("x" * 101, f'"{"x" * 100}"... (101 characters)'),
        (70000, "70000"),
        (-(10**5000), "an integer of 16610 bits"),
        (1.5, "1.5"),
        (float("inf"), "Infinity"),
        (True, "true"),
        (None, "null"),
        ([1, 2], "a list of 2"),
        ({"a": 1}, "an object"),
        (datetime(2026, 1, 1, tzinfo=UTC), "a time"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_quoted_on_one_line_and_cut(value: object, quoted: str) -> None:
    assert quote(value) == quoted


def test_an_error_tells_of_ten_problems_and_counts_the_rest() -> None:
    problems = [Problem(("behaviors", n), "1", "an object") for n in range(12)]
    told = str(invalid(problems)).split("; ")
    assert told[:2] == [f"behaviors[{n}]: expected an object, got 1" for n in (0, 1)]
    assert told[10:] == ["and 2 more"]


def test_an_error_of_ten_problems_tells_them_all() -> None:
    problems = [Problem(("behaviors", n), "1", "an object") for n in range(10)]
    assert len(str(invalid(problems)).split("; ")) == 10


def test_collecting_ends_after_the_most_problems() -> None:
    problems = Problems()
    for n in range(MOST_PROBLEMS - 1):
        problems.add(("x", n), "a", "b")
    with pytest.raises(Enough):
        problems.add(("x", MOST_PROBLEMS), "a", "b")
    assert len(problems) == len(list(problems)) == MOST_PROBLEMS
