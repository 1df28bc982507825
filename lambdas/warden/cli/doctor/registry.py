"""Whether changes of the registry of things reach the stage: its events, and the passes that make up for lost ones."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from warden.cli.doctor.finding import Finding, Patient, State
from warden.storage.registry_passes import ALL, RegistryPasses

EVENTS = ("THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY")
"""What the registry has to tell of. Source: AWS IoT Developer Guide, Registry events."""

LATE_HOURS = 36
"""After which one nightly pass was missed."""


def registry_events(patient: Patient) -> Iterator[Finding]:
    """Whether the account has the events switched on that keep the projection of the registry fresh."""
    call = "iot:DescribeEventConfigurations"
    found = patient.client("iot").describe_event_configurations().get("eventConfigurations", {})
    off = [name for name in EVENTS if not found.get(name, {}).get("Enabled")]
    if not off:
        yield Finding("registry events", State.OK, call, f"on: {', '.join(EVENTS)}")
        return
    wanted = json.dumps({name: {"Enabled": True} for name in off}, separators=(",", ":"))
    then = f"aws iot update-event-configurations --event-configurations '{wanted}'"
    answer = f"off: {', '.join(off)}; things and groups that change are only noticed by the nightly pass"
    yield Finding("registry events", State.FAIL, call, answer, then)


def last_reconcile(patient: Patient) -> Iterator[Finding]:
    """When the whole registry was last compared with what is known of things."""
    call = f"dynamodb:GetItem {patient.stage.control_table} PASS#{ALL}"
    invoke = f"aws lambda invoke --function-name thingwarden-{patient.stage.name}-reconcile --invocation-type Event"
    then = f"""{invoke} --cli-binary-format raw-in-base64-out --payload '{{"groups":"all"}}' /dev/stdout"""
    last = RegistryPasses(patient.control).last(ALL)
    if last is None:
        answer = "no pass has come to its end yet: until then some things are asked for at their first report"
        yield Finding("reconcile", State.WARN, call, answer, then)
        return
    ended = datetime.fromtimestamp(last.ended / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    hours = (patient.now - last.ended) / 3_600_000
    answer = f"the last complete pass ended {ended}, {hours:.0f} h ago"
    if hours > LATE_HOURS:
        yield Finding("reconcile", State.FAIL, call, f"{answer}; they are nightly", then)
    else:
        yield Finding("reconcile", State.OK, call, answer)
