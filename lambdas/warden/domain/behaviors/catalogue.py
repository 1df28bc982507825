"""All security profiles in force at one epoch, with what they refer to, and which behaviors that means for a thing."""

from collections.abc import Iterable

import msgspec

from warden.domain.behaviors.custom import CustomMetrics
from warden.domain.behaviors.export import Export
from warden.domain.behaviors.metrics import DEVICE_METRICS
from warden.domain.behaviors.plan import LiveBehavior, Plan
from warden.domain.behaviors.profile import SecurityProfile
from warden.domain.behaviors.target import Target, ThingFacts

MEMBERSHIPS_REMEMBERED = 4096
"""Combinations of thing groups whose plan is found at once: as many as a fleet has kinds of devices, many times."""


NO_CUSTOM_METRICS = CustomMetrics({})


class LiveProfile(msgspec.Struct, frozen=True):
    """A profile in force: what it says, its behaviors with their uids, its targets."""

    profile: SecurityProfile
    behaviors: tuple[LiveBehavior, ...]
    targets: tuple[Target, ...]

    def covers(self, thing: ThingFacts) -> bool:
        """Whether the profile applies to a thing."""
        return any(target.covers(thing) for target in self.targets)


class Catalogue:
    """The profiles of one epoch.

    Args:
        epoch: What they are labelled with: the content is that of this epoch or newer, never older.
        profiles: All that are not deleted.
        custom: Every custom metric.

    Attributes:
        custom: As given.
        behaviors: Every behavior that lives, by uid, whether it applies to anything or not.
        exports: What is exported, by profile.
    """

    def __init__(self, epoch: int, profiles: Iterable[LiveProfile], custom: CustomMetrics = NO_CUSTOM_METRICS) -> None:
        self.epoch = epoch
        self.custom = custom
        self._metrics = {**DEVICE_METRICS, **custom.metrics}
        self._profiles = tuple(profiles)
        self.behaviors = {live.uid: live for profile in self._profiles for live in profile.behaviors}
        self._profile_of = {live.uid: profile for profile in self._profiles for live in profile.behaviors}
        self.exports = {
            profile.security_profile_name: export
            for profile in self.profiles
            if (export := Export.of(profile, self._metrics))
        }
        self._plans: dict[tuple[int, ...], Plan] = {}
        self._plan_of: dict[tuple[bool, tuple[str, ...], tuple[str, ...]], Plan] = {}

    @property
    def profiles(self) -> tuple[SecurityProfile, ...]:
        """What the profiles say."""
        return tuple(live.profile for live in self._profiles)

    def covers(self, uid: str, thing: ThingFacts) -> bool | None:
        """Whether a behavior applies to a thing; None where there is no such behavior."""
        profile = self._profile_of.get(uid)
        return None if profile is None else profile.covers(thing)

    def plan_for(self, thing: ThingFacts) -> Plan:
        """The behaviors that apply to a thing, compiled; things of the same groups share theirs."""
        membership = (thing.registered, thing.groups, thing.above)
        plan = self._plan_of.get(membership)
        if plan is None:
            if len(self._plan_of) >= MEMBERSHIPS_REMEMBERED:
                self._plan_of.clear()
                self._plans.clear()
            covering = tuple(n for n, profile in enumerate(self._profiles) if profile.covers(thing))
            plan = self._plan_of[membership] = self._plans.get(covering) or self._compile(covering)
        return plan

    def _compile(self, covering: tuple[int, ...]) -> Plan:
        profiles = [self._profiles[n] for n in covering]
        names = [profile.profile.security_profile_name for profile in profiles]
        plan = self._plans[covering] = Plan(
            (live for profile in profiles for live in profile.behaviors),
            (metric for profile in profiles for metric in profile.profile.retained_metrics()),
            self._metrics,
            {name: self.exports[name] for name in names if name in self.exports},
        )
        return plan
