"""What a security profile can be attached to, and which things that covers."""

import pytest

from warden.domain.behaviors.target import Target, ThingFacts

HERE = "arn:aws:iot:eu-west-1:123456789012:"


@pytest.mark.parametrize(
    ("arn", "region", "account", "resource", "group"),
    [
        (f"{HERE}all/things", "eu-west-1", "123456789012", "all/things", None),
        (f"{HERE}all/registered-things", "eu-west-1", "123456789012", "all/registered-things", None),
        (f"{HERE}all/unregistered-things", "eu-west-1", "123456789012", "all/unregistered-things", None),
        (f"{HERE}thinggroup/Pumps", "eu-west-1", "123456789012", "thinggroup/Pumps", "Pumps"),
        (f"{HERE}thinggroup/a:b_c-9", "eu-west-1", "123456789012", "thinggroup/a:b_c-9", "a:b_c-9"),
        (f"{HERE}thinggroup/{'g' * 128}", "eu-west-1", "123456789012", f"thinggroup/{'g' * 128}", "g" * 128),
        ("arn:aws-cn:iot:cn-north-1:123456789012:all/things", "cn-north-1", "123456789012", "all/things", None),
    ],
)
def test_an_arn_of_a_target_is_taken_apart(
    arn: str, region: str, account: str, resource: str, group: str | None
) -> None:
    target = Target.parse(arn)
    assert (target.arn, target.region, target.account, target.resource, target.group) == (
        arn,
        region,
        account,
        resource,
        group,
    )


@pytest.mark.parametrize(
    "arn",
    [
        pytest.param("", id="nothing"),
        pytest.param("all/things", id="no ARN"),
        pytest.param(f"{HERE}thing/pump-7", id="a single thing"),
        pytest.param(f"{HERE}thinggroup/", id="a group without a name"),
        pytest.param(f"{HERE}thinggroup/{'g' * 129}", id="a group's name that is too long"),
        pytest.param(f"{HERE}thinggroup/a b", id="a group's name with a space"),
        pytest.param(f"{HERE}thinggroup/a/b", id="a path of groups"),
        pytest.param(f"{HERE}all/thing", id="something else of all"),
        pytest.param(f"{HERE}all/things\n", id="a line break at the end"),
        pytest.param(f" {HERE}all/things", id="a space before it"),
        pytest.param("arn:aws:iot:eu-west-1:12345678901:all/things", id="an account of 11 digits"),
        pytest.param("arn:aws:iot:eu-west-1:١٢٣٤٥٦٧٨٩٠١٢:all/things", id="digits of another script"),
        pytest.param("arn:aws:iot::123456789012:all/things", id="no Region"),
        pytest.param("arn:aws:sns:eu-west-1:123456789012:all/things", id="another service"),
    ],
)
def test_what_is_no_target_is_named_with_what_is_expected(arn: str) -> None:
    with pytest.raises(ValueError, match="thinggroup/NAME, all/things, all/registered-things or") as refusal:
        Target.parse(arn)
    assert str(refusal.value).endswith(f"got {arn!r}")


PUMP = ThingFacts("id-1", ("Coolers", "Pumps"))
LONE = ThingFacts("id-2")
STRANGER = ThingFacts("")


@pytest.mark.parametrize(
    ("resource", "covered"),
    [
        ("all/things", [PUMP, LONE, STRANGER]),
        ("all/registered-things", [PUMP, LONE]),
        ("all/unregistered-things", [STRANGER]),
        ("thinggroup/Pumps", [PUMP]),
        ("thinggroup/pumps", []),
        ("thinggroup/Pump", []),
        ("thinggroup/things", []),
    ],
)
def test_a_target_covers(resource: str, covered: list[ThingFacts]) -> None:
    target = Target.parse(HERE + resource)
    assert [thing for thing in (PUMP, LONE, STRANGER) if target.covers(thing)] == covered


def test_a_later_answer_of_the_registry_replaces_what_is_known_whole() -> None:
    known = ThingFacts("id-1", ("A",), id_since=5, answered_at=10)
    answer = ThingFacts("id-1", ("B", "C"), answered_at=20)
    assert known.superseded_by(answer) == ThingFacts("id-1", ("B", "C"), id_since=5, answered_at=20)


@pytest.mark.parametrize("answered_at", [9, 10], ids=["an older", "one of the same moment"])
def test_an_answer_that_is_not_later_changes_nothing(answered_at: int) -> None:
    known = ThingFacts("id-1", ("A",), answered_at=10)
    assert known.superseded_by(ThingFacts("id-9", (), answered_at=answered_at)) is known


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("id-1", "id-2", id="deleted and created again"),
        pytest.param("id-1", "", id="deleted"),
        pytest.param("", "id-1", id="registered"),
    ],
)
def test_another_id_counts_from_the_answer_that_brought_it(before: str, after: str) -> None:
    known = ThingFacts(before, id_since=3, answered_at=10)
    assert known.superseded_by(ThingFacts(after, answered_at=20)).id_since == 20
