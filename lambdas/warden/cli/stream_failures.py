"""Stream records that dispatch failed at, which Lambda has put into a bucket: dispatch gets them again."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from warden.cli.dead_letters import Left, Outcome, Poison
from warden.cli.hand_over import invoke, stream_records

KIND = "stream"


def redrive(
    s3: Any, functions: Any, *, bucket: str, function: str, dry_run: bool, progress: Callable[[str], None]
) -> Outcome:
    """Have dispatch take what is in the bucket, the oldest first; what it has taken is deleted.

    Dispatch is waited for, since only its answer says whether each record is dealt with. Doing so twice does no harm.
    """
    outcome = Outcome(KIND)
    try:
        for key in _oldest_first(s3, bucket):
            progress(f"{KIND}: {outcome.done} done, {outcome.left.total()} left")
            try:
                records = stream_records(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
                if not dry_run:
                    _dispatch(functions, function, records)
                    s3.delete_object(Bucket=bucket, Key=key)
            except (Poison, Left) as error:
                outcome.left[str(error)] += 1
            else:
                outcome.done += 1
    except BotoCoreError as error:
        outcome.stopped, outcome.unreachable = str(error), True
    except ClientError as error:
        outcome.stopped = str(error)
    return outcome


def _oldest_first(s3: Any, bucket: str) -> Iterator[str]:
    found = [
        (each["LastModified"], each["Key"])
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for each in page.get("Contents", ())
    ]
    return (key for _, key in sorted(found))


def _dispatch(functions: Any, function: str, records: list[Any]) -> None:
    answer = invoke(functions, function, json.dumps({"Records": records}).encode(), wait=True)
    failed = answer.get("batchItemFailures", ()) if isinstance(answer, dict) else ()
    if failed:
        raise Left(f"{function} failed again at {len(failed)} of {len(records)} records")
