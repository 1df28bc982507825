"""What `warden serve` tells Prometheus at `GET /metrics`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

BROKER: Mapping[str, str] = {
    "connections": "Connections taken.",
    "refused": "Connections turned away for want of descriptors.",
    "received": "Messages that clients published.",
    "sent": "Messages sent to clients.",
    "dropped": "Messages lost to a subscriber that is slow, or has too much waiting.",
    "discarded": "Messages of clients that send too many of them.",
    "throttled": "CONNECTs and SUBSCRIBEs refused since there were too many of them.",
    "expired": "Messages that were not sent before their time was over.",
    "withheld": "Messages that a subscriber had no right to receive.",
    "denied": "Connections, messages and subscriptions that a client had no right to.",
    "unretained": "Messages that were to be retained where there was no room.",
    "evicted": "Sessions of clients that are away, forgotten before their time for want of room.",
    "malformed": "Connections closed for what their client sent.",
    "silent": "Connections closed because their client said nothing for too long.",
    "failed": "Connections closed for a fault of the broker's.",
}
"""Counts of `broker.Stats`, and what each is."""


class HomeMetrics(Collector):
    """Collects the counts of both planes when somebody asks for them.

    Args:
        data_plane: The data plane's status, as it answers on the channel; None where it does not answer.
        read: How far dispatch has read the log's stream.
        stuck: How many entries dispatch has set aside.
    """

    def __init__(
        self, data_plane: Callable[[], Mapping[str, Any] | None], read: Callable[[], int], stuck: Callable[[], int]
    ) -> None:
        self._data_plane = data_plane
        self._read = read
        self._stuck = stuck
        self._registry = CollectorRegistry()
        self._alert_seconds = Histogram(
            "thingwarden_alert_seconds",
            "From an event's time to its topic's taking of the alert.",
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._registry.register(self)

    def alerted(self, seconds: float) -> None:
        """An alert was sent so long after its event."""
        self._alert_seconds.observe(seconds)

    def text(self) -> bytes:
        """The metrics of this moment."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client's Collector."""
        status = self._data_plane()
        up = GaugeMetricFamily("thingwarden_up", "Whether a plane answers.", labels=["plane"])
        up.add_metric(["control"], 1)
        up.add_metric(["data"], 0 if status is None else 1)
        yield up
        yield GaugeMetricFamily("thingwarden_entries_stuck", "Log entries that dispatch has set aside.", self._stuck())
        if status is not None:
            yield from _of_reports(status["reports"])
            yield from _of_broker(status["broker"])
            yield _of_tls(status["tls_refused"])
            yield GaugeMetricFamily(
                "thingwarden_reports_waiting", "Reports that are not stored yet.", status["waiting"]
            )
            left = max(0, status["stream"] - self._read())
            yield GaugeMetricFamily("thingwarden_entries_undispatched", "Log entries that dispatch has not read.", left)
            yield GaugeMetricFamily("thingwarden_mqtt_clients", "Clients that are connected.", status["clients"])
            yield GaugeMetricFamily(
                "thingwarden_mqtt_kept_bytes",
                "Messages that wait for clients or for their acknowledgements, in bytes.",
                status["kept_bytes"],
            )


def _of_reports(counts: Mapping[str, int]) -> Iterator[Metric]:
    """Of counts by `KIND` and `KIND/WHAT`."""
    accepted = CounterMetricFamily(
        "thingwarden_reports_accepted", "Reports that count: newest, late, or counted before.", labels=["outcome"]
    )
    rejected = CounterMetricFamily("thingwarden_reports_rejected", "Reports that do not count.", labels=["reason"])
    families = {"accepted": accepted, "rejected": rejected}
    for name, count in sorted(counts.items()):
        kind, _, what = name.partition("/")
        if what:
            families[kind].add_metric([what], count)
    yield accepted
    yield rejected
    yield CounterMetricFamily(
        "thingwarden_report_races", "Times that another writer of a thing's log was first.", counts.get("races", 0)
    )
    yield CounterMetricFamily(
        "thingwarden_report_values_dropped", "Custom values that could not be used.", counts.get("dropped", 0)
    )


def _of_tls(refused: Mapping[str, int]) -> Metric:
    """Of counts by reason."""
    found = CounterMetricFamily(
        "thingwarden_tls_refused", "Devices that got no further than their certificate.", labels=["reason"]
    )
    for reason, count in refused.items():
        found.add_metric([reason], count)
    return found


def _of_broker(stats: Mapping[str, int]) -> Iterator[Metric]:
    for name, help_text in BROKER.items():
        if name in stats:
            yield CounterMetricFamily(f"thingwarden_mqtt_{name}", help_text, stats[name])
