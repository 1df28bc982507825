"""What the functions tell CloudWatch: metrics as lines of their logs, in namespace `Thingwarden`, by stage."""

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools.metrics import EphemeralMetrics

NAMESPACE = "Thingwarden"


@contextmanager
def metrics(stage: str) -> Iterator[EphemeralMetrics]:
    """The metrics of one invocation, printed when it ends, however it ends."""
    told = EphemeralMetrics(namespace=NAMESPACE, service="")  # without a name of its own it takes the logger's
    told.set_default_dimensions(stage=stage)
    try:
        yield told
    finally:
        if told.metric_set:
            told.flush_metrics()
