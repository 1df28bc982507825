"""A cold start of the evaluator against that of one boto3 client: what is our own in it, in fresh processes.

Processor time, so that what else the machine does hardly counts. Pairs of the two alternate, so that the difference
holds on a machine whose speed drifts.
"""

import os
import subprocess
import sys
from statistics import median

PAIRS = 15
BUDGET = "80 ms where the client takes 171"

CLIENT = """
import boto3
boto3.client("dynamodb")
"""
EVALUATOR = """
import warden.handlers.evaluate as evaluate
evaluate.Evaluate(evaluate.Parts.from_env())
"""
TIMED = """
from time import process_time
started = process_time()
{}
print((process_time() - started) * 1000)
"""

ENVIRONMENT = {
    "WARDEN_STAGE": "bench",
    "WARDEN_ACCOUNT": "000000000000",
    "WARDEN_LOG_TABLE": "log",
    "WARDEN_CONTROL_TABLE": "control",
    "POWERTOOLS_SERVICE_NAME": "evaluate",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
}


def start(script: str) -> float:
    """Milliseconds of processor time that a fresh process takes for a script, without its own start."""
    command = [sys.executable, "-c", TIMED.format(script)]
    environment = {**os.environ, **ENVIRONMENT}
    return float(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)


def main() -> None:
    """Print the medians, and the median of the pairs' differences."""
    start(CLIENT), start(EVALUATOR)  # the files come off the disk
    pairs = [(start(CLIENT), start(EVALUATOR)) for _ in range(PAIRS)]
    client, evaluator = (median(times) for times in zip(*pairs, strict=True))
    own = median(after - before for before, after in pairs)
    print(f"cold start: evaluator {evaluator:.0f} ms, a client {client:.0f} ms, {own:+.0f} ms (budget: {BUDGET})")


if __name__ == "__main__":
    main()
