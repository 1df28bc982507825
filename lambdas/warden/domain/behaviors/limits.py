"""How much of everything there may be, and whether a security profile keeps to it.

Source: AWS General Reference, AWS IoT Device Defender endpoints and quotas. What AWS does not adjust is a number here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from warden.domain.behaviors.criteria import metric_problem, problems
from warden.domain.behaviors.metrics import Metric
from warden.domain.behaviors.profile import Behavior, SecurityProfile

Limit = Annotated[int, Meta(ge=1, le=10_000)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much there may be; AWS's quotas where nothing else is said.

    Attributes:
        behaviors_per_profile: Of a security profile.
        value_elements_per_profile: Ports, CIDRs, numbers and texts that a profile's behaviors compare with, in all.
        profiles_per_target: Of a thing group, or of all things.
        custom_metrics: In all.
        dimensions: In all.
    """

    behaviors_per_profile: Limit = 100
    value_elements_per_profile: Limit = 1000
    profiles_per_target: Limit = 5
    custom_metrics: Limit = 100
    dimensions: Limit = 10


AWS_QUOTAS = Limits()


def profile_problems(profile: SecurityProfile, custom: Mapping[str, Metric], limits: Limits) -> Iterator[str]:
    """What is wrong with a security profile, each with the member's path; nothing where it can be evaluated.

    Args:
        profile: The profile.
        custom: The custom metrics, by name.
        limits: How much there may be.
    """
    yield from behavior_problems(list(enumerate(profile.behaviors)), custom, limits)
    for position, name in enumerate(profile.additional_metrics_to_retain):
        if problem := metric_problem(name, custom):
            yield f"additionalMetricsToRetain[{position}]: {problem}"
    for position, kept in enumerate(profile.additional_metrics_to_retain_v2):
        if problem := metric_problem(kept.metric, custom):
            yield f"additionalMetricsToRetainV2[{position}].metric: {problem}"


def behavior_problems(
    behaviors: Sequence[tuple[int, Behavior]], custom: Mapping[str, Metric], limits: Limits
) -> Iterator[str]:
    """What is wrong with a profile's behaviors, by their positions, each with the member's path."""
    if len(behaviors) > limits.behaviors_per_profile:
        yield f"behaviors: a profile has at most {limits.behaviors_per_profile}, got {len(behaviors)}"
    elements = sum(_elements(behavior for _, behavior in behaviors))
    if elements > limits.value_elements_per_profile:
        most = limits.value_elements_per_profile
        yield f"behaviors: their values have at most {most} elements in all, got {elements}"
    for name, times in Counter(behavior.name for _, behavior in behaviors).items():
        if times > 1:
            yield f"behaviors: a name is used once, got {name!r} {times} times"
    for position, behavior in behaviors:
        yield from (f"behaviors[{position}].{problem}" for problem in problems(behavior, custom))


def _elements(behaviors: Iterable[Behavior]) -> Iterator[int]:
    for behavior in behaviors:
        if behavior.criteria and behavior.criteria.value:
            values = behavior.criteria.value.members().values()
            yield from (len(value) if isinstance(value, tuple) else 1 for value in values)
