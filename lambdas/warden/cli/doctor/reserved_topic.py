"""Whether AWS took a topic rule on its reserved metrics topics, as the deployment recorded it."""

from collections.abc import Iterator

from warden.cli.doctor.finding import Finding, Patient, State
from warden.domain.reports.topics import RESERVED_PREFIX
from warden.storage.setup_results import SetupResults

ABOUT = "reserved topic"


def reserved_topic(patient: Patient) -> Iterator[Finding]:
    """What AWS answered to the rule when the stage was deployed; only a probe shows whether it fires."""
    call = f"dynamodb:GetItem {patient.stage.control_table} SETUP#reserved_topic"
    own = f"{patient.stage.metrics_prefix}/things/THING/defender/metrics/FORMAT"
    result = SetupResults(patient.control).reserved_topic()
    if result is None:
        yield Finding(ABOUT, State.OK, call, f"this stage has no rule on {RESERVED_PREFIX}; devices publish on {own}")
    elif result.status == "accepted":
        answer = "AWS took the rule on it; whether it ever fires, only a probe can tell"
        yield Finding(ABOUT, State.OK, call, answer, patient.warden("doctor --probe"))
    else:
        then = f"let devices publish on {own}"
        yield Finding(ABOUT, State.WARN, call, f"AWS refused the rule on it: {result.message}", then)
