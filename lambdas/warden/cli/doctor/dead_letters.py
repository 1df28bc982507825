"""What was not dealt with after all retries."""

from collections.abc import Iterator

from warden.cli.doctor.finding import Finding, Patient, State


def dead_letters(patient: Patient) -> Iterator[Finding]:
    """Each queue of dead letters, which should be empty."""
    stage, sqs = patient.stage, patient.client("sqs")
    queues = {
        "reports": stage.dead_reports_queue,
        "alerts": stage.dead_alerts_queue,
        "registry": stage.dead_registry_queue,
        "receipts": stage.dead_receipts_queue,
    }
    counted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for kind, url in queues.items():
        if url:
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counted)["Attributes"]
            letters = sum(int(attributes[name]) for name in counted)
            yield _finding(patient, kind, f"sqs:GetQueueAttributes {url.rsplit('/', 1)[-1]}", letters, f"{letters:,}")


def stream_failures(patient: Patient) -> Iterator[Finding]:
    """The bucket with the stream records that dispatch failed at; its first thousand are counted."""
    bucket = patient.stage.stream_failures_bucket
    page = patient.client("s3").list_objects_v2(Bucket=bucket)
    found = page.get("KeyCount", 0)
    said = f"{found:,} or more" if page.get("IsTruncated") else f"{found:,}"
    yield _finding(patient, "stream", f"s3:ListObjectsV2 {bucket}", found, said)


def _finding(patient: Patient, kind: str, call: str, letters: int, said: str) -> Finding:
    about = f"dead letters, {kind}"
    if not letters:
        return Finding(about, State.OK, call, "none")
    then = patient.warden(f"redrive --queue {kind}")
    return Finding(about, State.FAIL, call, f"{said} waiting: mend what they failed at, then have them redriven", then)
