"""Every check in turn; what AWS does not let one see is said, and the others go on."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from warden.cli.doctor.alarms import alarms
from warden.cli.doctor.alert_roles import alert_roles
from warden.cli.doctor.dead_letters import dead_letters, stream_failures
from warden.cli.doctor.finding import Check, Finding, Patient
from warden.cli.doctor.policies import policies
from warden.cli.doctor.quotas import quotas
from warden.cli.doctor.refusals import guarded
from warden.cli.doctor.registry import last_reconcile, registry_events
from warden.cli.doctor.reserved_topic import reserved_topic

CHECKS: Final[Mapping[str, Check]] = {
    "metrics topics": reserved_topic,
    "quotas": quotas,
    "alert roles": alert_roles,
    "device policies": policies,
    "dead letters": dead_letters,
    "stream failures": stream_failures,
    "registry events": registry_events,
    "reconcile": last_reconcile,
    "alarms": alarms,
}


def examine(checks: Mapping[str, Check], patient: Patient, *, progress: Callable[[str], None]) -> Iterable[Finding]:
    """What all checks find, in their order."""
    for about, check in checks.items():
        progress(f"looking at {about}")
        yield from guarded(about, check(patient))
