"""A security profile starts, or stops, to apply to the things of a target."""

from collections.abc import Callable

from warden.domain.alarms.entry import Reason
from warden.domain.behaviors.limits import AWS_QUOTAS, Limits
from warden.domain.behaviors.target import Target
from warden.domain.errors import InvalidRequest, LimitExceeded, ResourceNotFound
from warden.ports import Write
from warden.storage.catalogue import CatalogueStore
from warden.storage.jobs import Job, Jobs
from warden.use_cases.update_security_profile import current


def parse_target(arn: str, *, region: str, account: str) -> Target:
    """A target of this account and Region. Raises InvalidRequest."""
    try:
        target = Target.parse(arn)
    except ValueError as error:
        raise InvalidRequest(f"securityProfileTargetArn: {error}") from error
    if (target.region, target.account) != (region, account):
        raise InvalidRequest(
            f"securityProfileTargetArn: expected a target in {region} of account {account}, got {arn!r}"
        )
    return target


def attach_security_profile(
    catalogue: CatalogueStore,
    name: str,
    target: Target,
    *,
    has_group: Callable[[str], bool],
    now: int,
    limits: Limits = AWS_QUOTAS,
) -> None:
    """Attach a profile to a target; done again, it changes nothing.

    Args:
        catalogue: Where profiles are kept.
        name: The profile's.
        target: What it shall apply to.
        has_group: Whether the registry has a thing group of some name.
        now: Epoch ms.
        limits: How many a target may have.

    Raises: ResourceNotFound for a profile or a group that does not exist, LimitExceeded.
    """
    if target.group and not has_group(target.group):
        raise ResourceNotFound(f"securityProfileTargetArn: there is no thing group {target.group!r}")

    def writes(_: int) -> list[Write]:
        head = current(catalogue, name).head.record
        attached = catalogue.attached_to(target.arn)
        if any(other.name == name for other in attached):
            return []
        if len(attached) >= limits.profiles_per_target:
            raise LimitExceeded(
                f"securityProfileTargetArn: a target has at most {limits.profiles_per_target} security profiles, "
                f"and {target.arn} has {len(attached)}"
            )
        return catalogue.attach(head, target.arn)

    catalogue.change(now, writes)


def detach_security_profile(catalogue: CatalogueStore, jobs: Jobs, name: str, target: Target, *, now: int) -> None:
    """Detach a profile from a target, and retire the violations of things that it then does not cover any more.

    Args:
        catalogue: Where profiles are kept.
        jobs: Where the retirement is queued, together with the detachment.
        name: The profile's.
        target: What it shall not apply to any more; one that it does not apply to is no error.
        now: Epoch ms.

    Raises: ResourceNotFound for a profile that does not exist.
    """

    def writes(epoch: int) -> list[Write]:
        head = current(catalogue, name).head.record
        if all(attachment.arn != target.arn for attachment in catalogue.targets(head)):
            return []
        job = Job(profile=name, reason=Reason.PROFILE_DETACHED)
        return [*catalogue.detach(name, target.arn), jobs.queue(epoch, job, now=now)]

    catalogue.change(now, writes)
