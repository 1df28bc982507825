"""A security profile comes to be."""

from collections.abc import Iterator, Mapping, Sequence

from warden.domain.behaviors.limits import AWS_QUOTAS, Limits, profile_problems
from warden.domain.behaviors.profile import Behavior, SecurityProfile
from warden.domain.errors import InvalidRequest, ResourceAlreadyExists
from warden.ports import Write
from warden.storage.catalogue import CatalogueStore, Head, Uid


def check(profile: SecurityProfile, catalogue: CatalogueStore, limits: Limits) -> None:
    """Raises InvalidRequest with all that is wrong with a profile."""
    custom = catalogue.custom().metrics
    if found := [*profile_problems(profile, custom, limits), *_unknown_dimensions(profile, catalogue)]:
        raise InvalidRequest("; ".join(found[:20]))


def _unknown_dimensions(profile: SecurityProfile, catalogue: CatalogueStore) -> Iterator[str]:
    for position, kept in enumerate(profile.additional_metrics_to_retain_v2):
        name = kept.metric_dimension.dimension_name if kept.metric_dimension else None
        if name is not None and catalogue.dimensions.get(name) is None:
            where = f"additionalMetricsToRetainV2[{position}].metricDimension.dimensionName"
            yield f"{where}: expected a dimension that there is, got {name!r}"


def identify(
    behaviors: Sequence[Behavior], *, epoch: int, version: int, now: int, kept: Mapping[str, Uid]
) -> dict[str, Uid]:
    """Every behavior's identity, by name: the one in `kept`, or one that was never used before and never will be."""
    return {
        behavior.name: kept.get(behavior.name) or Uid(f"{epoch:x}.{position}", version, now)
        for position, behavior in enumerate(behaviors)
    }


def create_security_profile(
    catalogue: CatalogueStore,
    profile: SecurityProfile,
    tags: Mapping[str, str],
    *,
    arn: str,
    now: int,
    limits: Limits = AWS_QUOTAS,
) -> Head:
    """Create a profile, attached to nothing.

    Args:
        catalogue: Where profiles are kept.
        profile: What it says.
        tags: Its tags.
        arn: Its ARN, for the error where the name is in use.
        now: Epoch ms.
        limits: How much there may be.

    Returns: Its head.

    Raises: InvalidRequest, ResourceAlreadyExists.
    """
    name = profile.security_profile_name
    created: list[Head] = []

    def writes(epoch: int) -> list[Write]:
        check(profile, catalogue, limits)
        stored = catalogue.head(name)
        if stored and not stored.record.deleted:
            raise ResourceAlreadyExists(
                f"securityProfileName: a security profile {name!r} exists already", resource_id=name, resource_arn=arn
            )
        live = identify(profile.behaviors, epoch=epoch, version=1, now=now, kept={})
        head = Head(
            name=name, incarnation=epoch, version=1, created_at=now, modified_at=now, live=live, tags=dict(tags)
        )
        created[:] = [head]
        return [catalogue.put_head(head, stored), catalogue.put_version(head, profile)]

    catalogue.change(now, writes)
    return created[0]
