"""What the owner's troubleshooting guide promises, one test a promise, through `warden serve`, MQTT and boto3."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.home import PATIENCE, Home, behavior, eventually, listening, running
from warden.adapters.sqlite import SqliteTable
from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import Connect, Puback, Publish
from warden.storage import keys
from warden.storage.thing_log import TableThingLog

GUIDE_BEHAVIOR = {
    "name": "Listening TCP Ports",
    "metric": "aws:listening-tcp-ports",
    "criteria": {"comparisonOperator": "in-port-set", "value": {"ports": [8888]}},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


def test_d2_the_guides_behavior_alarms_on_port_443(home: Home) -> None:
    thing, inbox = home.thing("camera", "cameras"), home.inbox("d2")
    home.profile("guide", GUIDE_BEHAVIOR, target="thinggroup/cameras", alertTargets=inbox.target)
    device = home.device("camera")
    device.hear(thing)

    assert device.report(thing, listening(8888, report_id=1))["status"] == "ACCEPTED"
    assert device.report(thing, listening(8888, 443, report_id=2))["status"] == "ACCEPTED"

    alert = inbox.next()
    assert (alert["violationEventType"], alert["thingName"]) == ("in-alarm", "camera")
    assert alert["behavior"]["name"] == "Listening TCP Ports"
    assert alert["metricValue"] == {"ports": [443, 8888]}
    [active] = home.client("iot").list_active_violations(thingName="camera")["activeViolations"]
    assert active["violationId"] == alert["violationId"]


def test_d3_an_alarm_clears_when_the_device_is_back_to_normal(home: Home) -> None:
    thing, inbox = home.thing("d3", "d3s"), home.inbox("d3")
    home.profile("d3", behavior(22), target="thinggroup/d3s", alertTargets=inbox.target)
    device = home.device("d3")
    device.hear(thing)

    device.report(thing, listening(23, report_id=1))
    device.report(thing, listening(22, report_id=2))

    raised, cleared = inbox.next(), inbox.next()
    assert [raised["violationEventType"], cleared["violationEventType"]] == ["in-alarm", "alarm-cleared"]
    assert raised["violationId"] == cleared["violationId"]
    assert cleared["metricValue"] == {"ports": [22]}
    assert home.client("iot").list_active_violations(thingName="d3")["activeViolations"] == []


def test_d4_after_a_behavior_is_deleted_nothing_more_comes_and_its_records_stay(home: Home) -> None:
    thing, inbox = home.thing("d4", "d4s"), home.inbox("d4")
    home.profile(
        "d4", behavior(22, name="one"), behavior(22, name="two"), target="thinggroup/d4s", alertTargets=inbox.target
    )
    iot, device = home.client("iot"), home.device("d4")
    device.hear(thing)
    device.report(thing, listening(23, report_id=1))
    before = [inbox.next(), inbox.next()]
    assert {alert["behavior"]["name"] for alert in before} == {"one", "two"}

    iot.update_security_profile(securityProfileName="d4", behaviors=[behavior(22, name="two")])

    [left] = iot.list_active_violations(thingName="d4")["activeViolations"]
    assert left["behavior"]["name"] == "two"
    device.report(thing, listening(22, report_id=2))
    device.report(thing, listening(24, report_id=3))
    after = [inbox.next(), inbox.next()]
    assert [(alert["behavior"]["name"], alert["violationEventType"]) for alert in after] == [
        ("two", "alarm-cleared"),
        ("two", "in-alarm"),
    ]
    assert inbox.is_empty()

    def kept() -> list[str]:
        events = iot.list_violation_events(thingName="d4", startTime=0, endTime=4_102_444_800)["violationEvents"]
        return sorted(event["violationEventType"] for event in events if event["behavior"]["name"] == "one")

    assert eventually(lambda: len(kept()) == 2)
    assert kept() == ["alarm-invalidated", "in-alarm"]


@pytest.mark.parametrize("fmt", ["json", "cbor"])
def test_m1_every_report_gets_a_reply_in_its_own_format_and_a_rejection_says_what_to_correct(
    home: Home, fmt: str
) -> None:
    thing = home.thing(f"m1-{fmt}")
    device = home.device(thing)
    device.hear(thing)

    accepted = device.report(thing, listening(22, report_id=7), fmt)
    assert accepted.pop("timestamp") > 1_700_000_000_000
    assert accepted == {"thingName": thing, "reportId": 7, "status": "ACCEPTED", "heard": "accepted"}

    broken = listening(
        22, report_id=8, tcp_connections={"established_connections": {"connections": [{"remote_addr": 42}]}}
    )
    rejected = device.report(thing, broken, fmt)
    assert rejected.pop("timestamp") > 1_700_000_000_000
    path = "metrics.tcp_connections.established_connections.connections[0].remote_addr"
    assert rejected == {
        "thingName": thing,
        "reportId": 8,
        "status": "REJECTED",
        "statusDetails": {"ErrorCode": "InvalidPayload", "ErrorMessage": f"{path}: expected ip:port, got 42"},
        "heard": "rejected",
    }


def test_m2_an_empty_list_conforms_and_clears_a_violation(home: Home) -> None:
    thing, inbox = home.thing("m2", "m2s"), home.inbox("m2")
    home.profile("m2", behavior(22), target="thinggroup/m2s", alertTargets=inbox.target)
    device = home.device("m2")
    device.hear(thing)

    device.report(thing, listening(23, report_id=1))
    device.report(thing, listening(report_id=2))

    assert [inbox.next()["violationEventType"], inbox.next()["violationEventType"]] == ["in-alarm", "alarm-cleared"]


def test_m3_a_name_that_is_no_registered_thing_is_rejected_and_accepted_once_it_is_one(home: Home) -> None:
    device = home.device("m3")
    device.hear("m3")

    rejected = device.report("m3", listening(22, report_id=5))
    assert rejected["statusDetails"] == {"ErrorCode": "InvalidPayload", "ErrorMessage": "m3 Not a Thing"}
    assert (rejected["heard"], rejected["reportId"]) == ("rejected", 5)

    home.thing("m3")
    assert device.report("m3", listening(22, report_id=6))["status"] == "ACCEPTED"
    home.client("iot").delete_thing(thingName="m3")
    assert device.report("m3", listening(22, report_id=7))["statusDetails"]["ErrorMessage"] == "m3 Not a Thing"


def test_m3_a_report_in_an_unsupported_format_is_rejected_in_json(home: Home) -> None:
    thing = home.thing("m3-xml")
    device = home.device("m3-xml")
    device.hear(thing)

    rejected = device.report(thing, b"<report/>", "xml")

    assert rejected["statusDetails"]["ErrorMessage"] == "format 'xml': expected json or cbor"


def test_m3_unregistered_devices_report_where_the_deployment_allows_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running(tmp_path_factory.mktemp("open") / "data", "--allow-unregistered-devices") as home:
        inbox = home.inbox()
        home.profile("strangers", behavior(22), target="all/unregistered-things", alertTargets=inbox.target)
        home.thing("known")
        device = home.device("any")
        device.hear("stranger")
        device.hear("known")

        assert device.report("known", listening(23, report_id=1))["status"] == "ACCEPTED"
        assert device.report("stranger", listening(23, report_id=1))["status"] == "ACCEPTED"

        assert inbox.next()["thingName"] == "stranger"
        assert inbox.is_empty()


@pytest.mark.parametrize("report_id", [0, -1, 1.5, "7", None], ids=repr)
def test_m4_a_report_id_is_a_positive_integer(home: Home, report_id: object) -> None:
    thing = home.thing("m4")
    device = home.device("m4")
    device.hear(thing)

    rejected = device.report(thing, listening(22, report_id=report_id))  # type: ignore[arg-type]

    assert rejected["status"] == "REJECTED"
    assert rejected["statusDetails"]["ErrorMessage"].startswith("header.report_id: ")


def test_m4_a_redelivered_report_counts_once_and_ids_may_come_in_any_order(home: Home) -> None:
    thing, inbox = home.thing("m4-again", "m4s"), home.inbox("m4")
    home.profile("m4", behavior(22, consecutiveDatapointsToAlarm=2), target="thinggroup/m4s", alertTargets=inbox.target)
    device = home.device("m4-again")
    device.hear(thing)

    for _ in range(3):
        assert device.report(thing, listening(23, report_id=9))["status"] == "ACCEPTED"
    assert home.client("iot").list_active_violations(thingName=thing)["activeViolations"] == []

    assert device.report(thing, listening(23, report_id=3))["status"] == "ACCEPTED"
    assert inbox.next()["violationEventType"] == "in-alarm"


def test_m4_reports_that_are_all_sent_again_after_a_lost_connection_count_once(home: Home) -> None:
    thing = home.thing("m4-burst")
    topic = f"$aws/things/{thing}/defender/metrics/json"
    reports = [json.dumps(listening(22, report_id=number)).encode() for number in range(1, 61)]

    for dup in (False, True):  # the second time is what a client does that heard of no acknowledgement
        with socket.create_connection(("127.0.0.1", home.mqtt_port), timeout=PATIENCE) as line:
            packets = Decoder(level=4)
            line.sendall(encode(Connect(client_id="m4-burst")))
            for number, payload in enumerate(reports, 1):
                line.sendall(encode(Publish(topic, payload, qos=1, packet_id=number, dup=dup)))
            acknowledged: set[int] = set()
            while len(acknowledged) < len(reports):
                found = packets.feed(line.recv(65_536))
                acknowledged |= {packet.packet_id for packet in found if isinstance(packet, Puback)}

    log = SqliteTable(home.data / "log.db", keys.LOG, read_only=True)
    counted = [logged.entry.report_id for logged in TableThingLog(log).recent(thing, 1000)]
    log.close()
    assert sorted(counted) == list(range(1, 61))


def test_m5_m6_any_connection_may_publish_a_report_whatever_its_client_id(home: Home) -> None:
    thing = home.thing("m5")
    device = home.device("not-the-things-name")
    device.hear(thing)

    assert device.report(thing, listening(22))["status"] == "ACCEPTED"


def test_m7_a_device_may_report_for_another_thing_on_that_things_topic(home: Home) -> None:
    inbox = home.inbox("m7")
    home.thing("gateway")
    home.thing("sensor", "m7s")
    home.profile("m7", behavior(22), target="thinggroup/m7s", alertTargets=inbox.target)
    device = home.device("gateway")
    device.hear("sensor")

    assert device.report("sensor", listening(23))["thingName"] == "sensor"
    assert inbox.next()["thingName"] == "sensor"


def test_reports_on_the_own_topic_count_and_are_answered_there(home: Home) -> None:
    thing = home.thing("own-topic")
    device = home.device("own-topic")
    device.hear(thing, prefix="warden")

    assert device.report(thing, listening(22), prefix="warden")["status"] == "ACCEPTED"


def test_d1_the_datapoints_that_violated_are_in_the_alert_and_all_of_them_can_be_listed(home: Home) -> None:
    """To find a threshold: start low, see what alerts carry, then look at what the fleet reports."""
    thing, inbox = home.thing("tuned", "fleet"), home.inbox("d1")
    low = {
        "name": "traffic",
        "metric": "aws:all-bytes-out",
        "criteria": {"comparisonOperator": "less-than", "value": {"count": 100}, "durationSeconds": 300},
    }
    home.profile("tuning", low, target="thinggroup/fleet", alertTargets=inbox.target)
    device = home.device("tuned")
    device.hear(thing)
    for report_id, sent in ((1, 90), (2, 5000)):
        report = {
            "header": {"report_id": report_id, "version": "1.0"},
            "metrics": {"network_stats": {"bytes_out": sent}},
        }
        assert device.report(thing, report)["status"] == "ACCEPTED"

    assert inbox.next()["metricValue"] == {"count": 5090}
    pages = home.client("iot").get_paginator("list_metric_values")
    span = {"startTime": 0, "endTime": 4_102_444_800}
    listed = pages.paginate(thingName=thing, metricName="aws:all-bytes-out", **span, PaginationConfig={"PageSize": 1})
    assert [each["value"] for page in listed for each in page["metricDatumList"]] == [{"count": 90}, {"count": 5000}]


def test_l1_what_is_too_much_is_refused_with_awss_errors_and_limits_can_be_raised(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--limit", "custom_metrics=1", "--limit", "profiles_per_target=6") as home:
        iot = home.client("iot")
        iot.create_custom_metric(metricName="one", metricType="number")
        with pytest.raises(iot.exceptions.LimitExceededException, match="there may be 1 custom metrics"):
            iot.create_custom_metric(metricName="two", metricType="number")
        for number in range(6):
            home.profile(f"p{number}", behavior(22))
        with pytest.raises(iot.exceptions.LimitExceededException, match="at most 6 security profiles"):
            home.profile("p6", behavior(22))
        many = [behavior(22, name=f"b{number}") for number in range(101)]
        with pytest.raises(iot.exceptions.InvalidRequestException, match="behaviors: "):
            iot.create_security_profile(securityProfileName="many", behaviors=many)
