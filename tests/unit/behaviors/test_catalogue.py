"""Which behaviors apply to a thing."""

from tests.unit.behaviors.given import behavior, live
from warden.domain.behaviors.catalogue import MEMBERSHIPS_REMEMBERED, Catalogue, LiveProfile
from warden.domain.behaviors.profile import Behavior, MetricToRetain, SecurityProfile
from warden.domain.behaviors.target import Target, ThingFacts

PUMP = ThingFacts("id-1", ("Pumps",))
FAN = ThingFacts("id-2", ("Fans",))
STRANGER = ThingFacts("")


def profile(name: str, *resources: str, metric: str = "aws:listening-tcp-ports", **members: object) -> LiveProfile:
    says = behavior(metric, "not-in-port-set", [23], name=f"{name}-telnet")
    return LiveProfile(
        SecurityProfile(security_profile_name=name, behaviors=(says,), **members),  # type: ignore[arg-type]
        (live(says),),
        tuple(Target.parse(f"arn:aws:iot:eu-west-1:123456789012:{resource}") for resource in resources),
    )


PUMPS = profile("pumps", "thinggroup/Pumps")
EVERYONE = profile("everyone", "all/things")
BOTH_WAYS = profile("both", "thinggroup/Pumps", "all/registered-things")
NOWHERE = profile("nowhere")
ALL = Catalogue(7, [PUMPS, EVERYONE, BOTH_WAYS, NOWHERE])


def applying(thing: ThingFacts) -> list[str]:
    return [each.uid for each in ALL.plan_for(thing).behaviors]


def test_a_thing_is_judged_by_the_profiles_that_cover_it() -> None:
    assert applying(PUMP) == ["pumps-telnet", "everyone-telnet", "both-telnet"]
    assert applying(FAN) == ["everyone-telnet", "both-telnet"]
    assert applying(STRANGER) == ["everyone-telnet"]


def test_a_registered_thing_without_groups_is_told_from_a_stranger() -> None:
    assert applying(ThingFacts("id-3")) == ["everyone-telnet", "both-telnet"]
    assert applying(STRANGER) == ["everyone-telnet"]
    assert applying(ThingFacts("id-3")) == ["everyone-telnet", "both-telnet"]


def test_a_profile_that_covers_a_thing_twice_judges_it_once() -> None:
    assert applying(PUMP).count("both-telnet") == 1


def test_a_profile_that_is_attached_to_nothing_lives_and_covers_nothing() -> None:
    assert "nowhere-telnet" in ALL.behaviors
    assert ALL.covers("nowhere-telnet", PUMP) is False


def test_a_behavior_that_does_not_live_is_told_from_one_that_does_not_cover() -> None:
    assert ALL.covers("gone", PUMP) is None
    assert ALL.covers("pumps-telnet", PUMP) is True
    assert ALL.covers("pumps-telnet", FAN) is False


def test_things_of_the_same_profiles_share_one_plan_whatever_their_groups() -> None:
    other = ThingFacts("id-3", ("Fans", "Roof"))
    assert ALL.plan_for(FAN) is ALL.plan_for(other)
    assert ALL.plan_for(FAN) is not ALL.plan_for(PUMP)


def test_a_fleet_of_more_kinds_than_are_remembered_is_judged_all_the_same() -> None:
    catalogue = Catalogue(7, [PUMPS, EVERYONE])
    for number in range(MEMBERSHIPS_REMEMBERED + 2):
        assert len(catalogue.plan_for(ThingFacts("id", (f"Group{number}",))).behaviors) == 1
    assert len(catalogue.plan_for(PUMP).behaviors) == 2
    assert len(catalogue._plan_of) <= MEMBERSHIPS_REMEMBERED, "what is remembered of a fleet is bounded"


def test_metrics_are_kept_for_the_behaviors_and_wishes_of_the_profiles_that_cover_a_thing() -> None:
    wishes = profile(
        "wishes",
        "thinggroup/Pumps",
        additional_metrics_to_retain=("aws:all-bytes-in",),
        additional_metrics_to_retain_v2=(MetricToRetain(metric="aws:all-bytes-out"),),
    )
    catalogue = Catalogue(7, [wishes, EVERYONE])
    assert catalogue.plan_for(PUMP).retained == {"bi", "bo", "tp"}
    assert catalogue.plan_for(FAN).retained == {"tp"}


def test_a_metric_of_a_behavior_without_criteria_is_kept_and_not_judged() -> None:
    watched = Behavior(name="Watch", metric="aws:all-packets-in")
    says = SecurityProfile(security_profile_name="watch", behaviors=(watched,))
    everything = Target.parse("arn:aws:iot:eu-west-1:123456789012:all/things")
    plan = Catalogue(7, [LiveProfile(says, (live(watched),), (everything,))]).plan_for(PUMP)
    assert plan.behaviors == ()
    assert plan.retained == {"pi"}


def test_wishes_for_metrics_that_no_device_reports_are_let_be() -> None:
    kept = ("aws:num-messages-sent", "battery_pct")
    catalogue = Catalogue(7, [profile("cloud", "all/things", additional_metrics_to_retain=kept)])
    assert catalogue.plan_for(PUMP).retained == {"tp"}
