"""Commands that go on until Ctrl-C: `events --follow` and `replies`."""

import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.detect.test_lists import fresh
from tests.cli.running import following, warden
from tests.home import Home, behavior, eventually, listening
from tests.surroundings.home import free_port
from warden.cli.detect.events import POLL_SECONDS, followed

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Record:
    """Events as a home lists them: each from the moment on at which it is recorded, newest first."""

    def __init__(self, *events: tuple[float, float]) -> None:
        self.now = NOON
        self._events = [
            (NOON + timedelta(seconds=at), NOON + timedelta(seconds=at + delay), str(number))
            for number, (at, delay) in enumerate(events)
        ]

    def look(self, begin: datetime) -> list[dict[str, Any]]:
        found = [
            {"violationId": name, "violationEventType": "in-alarm", "violationEventTime": at}
            for at, recorded, name in sorted(self._events, reverse=True)
            if at >= begin and recorded <= self.now
        ]
        self.now += timedelta(seconds=POLL_SECONDS)
        return found

    def printed(self, looks: int, since: timedelta = timedelta()) -> list[str]:
        new = followed(self.look, NOON - since, lambda: self.now)
        return [event["violationId"] for batch in islice(new, looks) for event in batch]


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 55)), max_size=20))
def test_every_event_is_printed_once_also_those_that_are_recorded_up_to_a_minute_late(
    events: list[tuple[float, float]],
) -> None:
    assert sorted(Record(*events).printed(looks=70)) == sorted(map(str, range(len(events))))


def test_events_of_one_look_are_printed_oldest_first() -> None:
    assert Record((2, 0), (1, 0), (3, 0)).printed(looks=10) == ["1", "0", "2"]


def test_an_event_that_is_recorded_half_an_hour_late_is_printed_within_a_minute() -> None:
    assert Record((0, 1800)).printed(looks=900) == []
    assert Record((0, 1800)).printed(looks=931) == ["0"]


def test_what_was_before_the_following_is_printed_as_far_as_asked_for() -> None:
    events = [(-7200.0, 0.0), (-3000.0, 0.0), (-10.0, 0.0)]
    assert Record(*events).printed(looks=100) == []
    assert Record(*events).printed(looks=100, since=timedelta(hours=1)) == ["1", "2"]


def test_events_are_followed_and_ctrl_c_ends_that_with_0(home: Home) -> None:
    name = home.thing(fresh("camera"))
    home.profile("cameras", behavior(8888))
    device = home.device()
    with following("events", "--follow", "--json", "--thing", name) as command:
        device.publish(name, json.dumps(listening(443)).encode())
        first = json.loads(command.line())
        device.publish(name, json.dumps(listening(8888, report_id=2)).encode())
        second = json.loads(command.line())
        assert command.interrupt() == 0
        assert command.rest() == []
    assert [first["violationEventType"], second["violationEventType"]] == ["in-alarm", "alarm-cleared"]
    assert (first["thingName"], first["metricValue"]) == (name, {"ports": [443]})


def test_each_event_says_why_it_happened_as_the_event_bus_is_told(home: Home) -> None:
    name = home.thing(fresh("camera"))
    home.profile("doomed", behavior(8888))
    home.device().publish(name, json.dumps(listening(443)).encode())
    assert eventually(lambda: home.events(thingName=name))
    home.client("iot").delete_security_profile(securityProfileName="doomed")
    with following("events", "--follow", "--json", "--thing", name) as command:
        first, second = (json.loads(command.line()) for _ in range(2))
    violation = first["violationId"]
    assert (first["reason"], first["eventId"]) == ("datapoint", f"{violation}:in-alarm")
    assert (second["reason"], second["eventId"]) == ("profile-deleted", f"{violation}:alarm-invalidated")
    with following("events", "--follow", "--thing", name) as command:
        assert command.line().endswith(f", value 443  ({violation})")
        assert command.line().endswith(f"doomed / Listening TCP Ports, profile-deleted  ({violation})")


def test_an_event_is_a_line_for_people(home: Home) -> None:
    name = home.thing(fresh("camera"))
    home.profile("cameras", behavior(8888))
    home.device().publish(name, json.dumps(listening(443)).encode())
    [event] = eventually(lambda: home.events(thingName=name))
    with following("events", "--follow", "--thing", name) as command:
        line = command.line()
    assert line == (
        f"{event['violationEventTime']:%Y-%m-%d %H:%M:%S}  in-alarm           "
        f"{name}: cameras / Listening TCP Ports, value 443  ({event['violationId']})"
    )


def test_replies_are_printed_as_they_are_sent_in_both_formats_on_both_topics(home: Home) -> None:
    name = home.thing(fresh())
    device = home.device()
    with following("replies", name, "--mqtt-port", str(home.mqtt_port), "--json") as command:
        assert "Ctrl-C ends it" in command.line()
        device.publish(name, json.dumps(listening(443, report_id=7)).encode())
        accepted = json.loads(command.line())
        device.publish(name, cbor2.dumps({"header": 1}), "cbor", prefix="warden")
        rejected = json.loads(command.line())
        device.publish(home.thing(fresh()), json.dumps(listening(443)).encode())
        assert command.interrupt() == 0
        assert command.rest() == []
    assert (accepted["thingName"], accepted["verdict"], accepted["reply"]["reportId"]) == (name, "accepted", 7)
    assert (rejected["verdict"], rejected["format"]) == ("rejected", "cbor")
    assert rejected["topic"].startswith("warden/things/")
    assert rejected["reply"]["statusDetails"]["ErrorCode"] == "InvalidPayload"


def test_a_reply_is_a_line_for_people_that_says_what_to_correct(home: Home) -> None:
    name, nobody = home.thing(fresh()), fresh("nobody")
    device = home.device()
    with following("replies", "--mqtt-port", str(home.mqtt_port), "--follow") as command:
        command.line()
        device.publish(name, json.dumps(listening(443, report_id=7)).encode())
        assert command.line().endswith(f"accepted  {name} (json)  report 7")
        device.publish(nobody, json.dumps(listening(443, report_id=8)).encode())
        assert f"rejected  {nobody} (json)  report 8; " in (line := command.line())
        assert f"{nobody} Not a Thing" in line


def test_a_reply_that_somebody_made_up_cannot_act_on_the_terminal(home: Home) -> None:
    name = home.thing(fresh())
    device = home.device()
    with following("replies", name, "--mqtt-port", str(home.mqtt_port)) as command:
        command.line()
        for payload in (b"\x1b[2J\x07gone", json.dumps({"reportId": "\x1b]0;title\x07"}).encode(), b"[" * 60_000):
            device.publish(name, payload, "json/accepted", prefix="warden")
            assert command.line().isprintable()
        device.publish(
            name,
            cbor2.dumps({1: cbor2.CBORTag(4, [99999999, 1]), b"\xff": float("nan")}),
            "cbor/rejected",
            prefix="warden",
        )
        assert f"rejected  {name} (cbor)" in command.line()


def test_a_broker_that_is_not_there_ends_replies_with_3(home: Home) -> None:
    assert home
    found = warden("replies", "--mqtt-port", str(free_port()))
    assert found.exit_code == 3
    assert "Start it: warden serve" in found.stderr
    assert warden("replies", "a/b").exit_code == 2


def test_a_broker_that_ends_the_connection_ends_replies_with_3(tmp_path: Any) -> None:
    own = Home(tmp_path / "data")
    try:
        with following("replies", "--endpoint", own.url, "--mqtt-port", str(own.mqtt_port)) as command:
            command.line()
            own.stop()
            assert "the connection ended" in command.line()
            assert command.process.wait(20) == 3
    finally:
        own.close()
