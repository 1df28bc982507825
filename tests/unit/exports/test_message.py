"""Exported metrics in messages: nothing lost, nothing twice, nothing over 100 KB."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.domain.alarms.entry import AT_REST, Entry, EntryKind
from warden.domain.behaviors.custom import TYPES, custom_metric
from warden.domain.behaviors.export import Export
from warden.domain.behaviors.metrics import DEVICE_METRICS, Datapoint, Metric
from warden.domain.behaviors.profile import MetricsExportConfig
from warden.domain.exports.message import MOST_BYTES, items, messages

AT = 1_790_000_655_120
TO = MetricsExportConfig(mqtt_topic="exports", role_arn="arn:aws:iam::123456789012:role/exports")


def exporting(*metrics: Metric) -> Export:
    return Export(TO, {metric.code: metric for metric in metrics})


def entry(*, epoch: int = 0, **points: Datapoint) -> Entry:
    state = msgspec.structs.replace(AT_REST, epoch=epoch)
    return Entry(kind=EntryKind.REPORT, at=AT, pos=AT + 1, thing_id="id", state=state, points=points)


def said(entry: Entry, export: Export) -> list[dict[str, Any]]:
    return [json.loads(item) for item in items("pump-7", entry, export)]


def test_an_item_is_as_awss_schema_has_it() -> None:
    ports = DEVICE_METRICS["aws:listening-tcp-ports"]
    (item,) = said(entry(tp=frozenset({8883, 22}), nc=3), exporting(ports))
    assert item == {
        "name": "aws:listening-tcp-ports",
        "thing": "pump-7",
        "value": {"ports": [22, 8883]},
        "version": 1,
        "timestamp": AT,
    }


@pytest.mark.parametrize(
    ("metric_type", "point", "value"),
    [
        ("number", 81.5, {"number": 81.5}),
        ("number-list", frozenset({2.0, 1.5}), {"numbers": [1.5, 2.0]}),
        ("string-list", frozenset({b"up", "\u00fc".encode()}), {"strings": ["up", "\u00fc"]}),
        ("ip-address-list", frozenset({bytes((192, 0, 2, 1))}), {"cidrs": ["192.0.2.1"]}),
    ],
)
def test_a_custom_metrics_value_is_of_its_type(metric_type: str, point: Any, value: dict[str, Any]) -> None:
    metric = custom_metric("level", metric_type)
    (item,) = said(entry(**{metric.code: point}), exporting(metric))
    assert (item["name"], item["value"]) == ("level", value)


@pytest.mark.parametrize("metric_type", TYPES)
@pytest.mark.parametrize("point", [81.5, frozenset({2.0}), frozenset({b"text"}), frozenset({bytes(16)})], ids=TYPES)
def test_a_datapoint_from_before_its_metric_was_created_is_left_out(metric_type: str, point: Any) -> None:
    """Of whatever type: some bytes are strings and addresses."""
    metric, other = custom_metric("level", metric_type, since=AT), DEVICE_METRICS["aws:all-bytes-in"]
    (item,) = said(entry(epoch=AT - 1, bi=7, **{metric.code: point}), exporting(metric, other))
    assert item["name"] == "aws:all-bytes-in"


def test_a_metrics_first_datapoint_is_exported() -> None:
    metric = custom_metric("level", "number", since=AT)
    (item,) = said(entry(epoch=AT, **{metric.code: 81.5}), exporting(metric))
    assert item["value"] == {"number": 81.5}


def test_a_list_that_no_message_holds_is_cut_and_says_so() -> None:
    metric = custom_metric("names", "string-list")
    names = frozenset(f"{n:05d}{'x' * 200}".encode() for n in range(1000))
    (message,) = messages(items("pump", entry(**{metric.code: names}), exporting(metric)))
    only = json.loads(message)
    (item,) = only["metrics"]
    kept = item["value"]["strings"]
    assert item["metricValueTruncated"] is True
    assert kept == sorted(name.decode() for name in names)[: len(kept)]
    assert MOST_BYTES - 300 < len(message) <= MOST_BYTES


@given(st.lists(st.integers(0, 60_000), max_size=12))
def test_every_item_is_in_one_message_in_order_and_no_message_is_too_long(sizes: list[int]) -> None:
    given = [json.dumps([number, "x" * size]).encode() for number, size in enumerate(sizes)]
    made = list(messages(given))
    assert all(len(message) <= MOST_BYTES for message in made)
    whole = [json.loads(message) for message in made]
    assert all(message["version"] == "1.0" and message["metrics"] for message in whole)
    assert [item for message in whole for item in message["metrics"]] == [json.loads(item) for item in given]


def test_messages_are_as_few_as_items_fit_in() -> None:
    item = b'"' + b"x" * 9_998 + b'"'
    assert [message.count(item) for message in messages([item] * 25)] == [10, 10, 5]
