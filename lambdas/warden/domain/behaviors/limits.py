"""How much of everything there may be, and whether a security profile keeps to it.

Source: AWS General Reference, AWS IoT Device Defender endpoints and quotas. What AWS does not adjust is a number here.
"""

from collections import Counter
from collections.abc import Iterator

from warden.domain.behaviors.criteria import problems
from warden.domain.behaviors.profile import SecurityProfile

BEHAVIORS_PER_PROFILE = 100
VALUE_ELEMENTS_PER_PROFILE = 1000
PROFILES_PER_TARGET = 5


def profile_problems(profile: SecurityProfile) -> Iterator[str]:
    """What is wrong with a security profile, each with the member's path; nothing where it can be evaluated."""
    if len(profile.behaviors) > BEHAVIORS_PER_PROFILE:
        yield f"behaviors: a profile has at most {BEHAVIORS_PER_PROFILE}, got {len(profile.behaviors)}"
    elements = sum(_elements(profile))
    if elements > VALUE_ELEMENTS_PER_PROFILE:
        yield f"behaviors: their values have at most {VALUE_ELEMENTS_PER_PROFILE} elements in all, got {elements}"
    for name, times in Counter(behavior.name for behavior in profile.behaviors).items():
        if times > 1:
            yield f"behaviors: a name is used once, got {name!r} {times} times"
    for position, behavior in enumerate(profile.behaviors):
        yield from (f"behaviors[{position}].{problem}" for problem in problems(behavior))


def _elements(profile: SecurityProfile) -> Iterator[int]:
    for behavior in profile.behaviors:
        if behavior.criteria and behavior.criteria.value:
            values = behavior.criteria.value.members().values()
            yield from (len(value) if isinstance(value, tuple) else 1 for value in values)
