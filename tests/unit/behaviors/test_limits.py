"""How much a security profile may hold. Source: AWS General Reference, AWS IoT Device Defender quotas."""

from tests.unit.behaviors.given import behavior
from warden.domain.behaviors.limits import AWS_QUOTAS, profile_problems
from warden.domain.behaviors.profile import Behavior, SecurityProfile


def problems(*behaviors: Behavior) -> list[str]:
    return list(profile_problems(SecurityProfile(security_profile_name="factory", behaviors=behaviors), {}, AWS_QUOTAS))


def ports(name: str, count: int) -> Behavior:
    return behavior("aws:listening-tcp-ports", "in-port-set", range(1, count + 1), name=name)


def test_a_profile_without_behaviors_is_fine() -> None:
    assert problems() == []


def test_a_hundred_behaviors_are_fine() -> None:
    assert problems(*(ports(f"B{n}", 1) for n in range(100))) == []


def test_a_hundred_and_one_behaviors_are_too_many() -> None:
    found = problems(*(ports(f"B{n}", 1) for n in range(101)))
    assert found == ["behaviors: a profile has at most 100, got 101"]


def test_a_thousand_elements_of_values_are_fine_wherever_they_are() -> None:
    assert (
        problems(ports("A", 998), behavior("aws:num-established-tcp-connections", "less-than", 5), ports("C", 1)) == []
    )


def test_one_element_more_is_too_much_and_a_count_is_an_element() -> None:
    found = problems(ports("A", 999), behavior("aws:num-established-tcp-connections", "less-than", 5), ports("C", 1))
    assert found == ["behaviors: their values have at most 1000 elements in all, got 1001"]


def test_a_name_that_is_used_again_is_named_once() -> None:
    found = problems(ports("A", 1), ports("B", 1), ports("A", 2), ports("C", 3), ports("C", 1), ports("C", 1))
    assert found == [
        "behaviors: a name is used once, got 'A' 2 times",
        "behaviors: a name is used once, got 'C' 3 times",
    ]


def test_names_differ_by_case() -> None:
    assert problems(ports("a", 1), ports("A", 1)) == []


def test_a_behaviors_own_problem_is_said_with_its_position() -> None:
    found = problems(ports("A", 1), Behavior(name="B", metric="aws:all-bytes-out", criteria=ports("x", 1).criteria))
    assert [line.partition(":")[0] for line in found] == [
        "behaviors[1].criteria.comparisonOperator",
        "behaviors[1].criteria.value",
        "behaviors[1].criteria.durationSeconds",
    ]
