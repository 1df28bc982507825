"""The stage's own alarms in CloudWatch."""

from collections.abc import Iterator

from warden.cli.doctor.finding import Finding, Patient, State

MOST = 100


def alarms(patient: Patient, *, most: int = MOST) -> Iterator[Finding]:
    """Those of the stage's alarms that are raised; at most `most` are looked at."""
    prefix = f"thingwarden-{patient.stage.name}-"
    call = f"cloudwatch:DescribeAlarms {prefix}*"
    client = patient.client("cloudwatch")
    page = client.describe_alarms(AlarmNamePrefix=prefix, MaxRecords=most)
    raised = [alarm for alarm in page["MetricAlarms"] if alarm["StateValue"] == "ALARM"]
    for alarm in raised:
        answer = f"{alarm['AlarmName']} is raised: {alarm.get('AlarmDescription') or alarm.get('StateReason', '')}"
        then = f"aws cloudwatch describe-alarm-history --alarm-name {alarm['AlarmName']}"
        yield Finding("alarm", State.FAIL, call, answer, then)
    if "NextToken" in page:
        yield Finding("alarm", State.WARN, call, f"there are more than {most}; only these were read")
    elif not raised:
        yield Finding("alarms", State.OK, call, "none is raised")
