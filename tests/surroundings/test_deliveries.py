"""The table of deliveries and its thread, on a clock that only the test moves."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.surroundings.home import Subscriber, until
from warden.embedded.surroundings.deliveries import Deliveries, Delivery, Sender


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Deliveries]:
    deliveries = Deliveries(tmp_path / "deliveries.db")
    yield deliveries
    deliveries.close()


def put(deliveries: Deliveries, clock: Clock, text: str, endpoint: str = "http://localhost/", to: str = "sub") -> None:
    deliveries.put(to, endpoint, {"x-amz-sns-message-id": text}, text.encode(), now=clock())


def first(deliveries: Deliveries) -> Delivery:
    delivery = deliveries.first()
    assert delivery is not None
    return delivery


def test_messages_leave_in_the_order_they_came(waiting: Deliveries, clock: Clock) -> None:
    for text in ("one", "two", "three"):
        put(waiting, clock, text)
    left = []
    while delivery := waiting.first():
        left.append(delivery.body)
        waiting.remove(delivery)
    assert left == [b"one", b"two", b"three"]


def test_a_failure_delays_all_of_that_subscriber_and_nobody_else(waiting: Deliveries, clock: Clock) -> None:
    put(waiting, clock, "dead 1", to="dead")
    put(waiting, clock, "dead 2", to="dead")
    put(waiting, clock, "alive", to="alive")
    waiting.postpone(first(waiting), now=clock())
    assert first(waiting).body == b"alive"
    waiting.remove(first(waiting))
    put(waiting, clock, "dead 3", to="dead")
    assert first(waiting).body == b"dead 1"
    assert first(waiting).due > clock()


def test_delays_double_up_to_five_minutes_and_an_hour_ends_them(waiting: Deliveries, clock: Clock) -> None:
    put(waiting, clock, "m")
    begun, delays = clock(), []
    while delivery := waiting.first():
        waiting.postpone(delivery, now=clock())
        if following := waiting.first():
            delays.append((following.due - clock()) // 1000)
            clock.now = following.due
    assert delays[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert set(delays[10:]) == {300}
    assert clock() - begun >= 3_600_000


def test_one_subscriber_cannot_fill_the_disk(tmp_path: Path, clock: Clock) -> None:
    waiting = Deliveries(tmp_path / "d", limit=3)
    for number in range(5):
        put(waiting, clock, str(number))
    assert first(waiting).body == b"2"
    waiting.close()


def test_what_was_put_outlives_the_process(tmp_path: Path, clock: Clock) -> None:
    one = Deliveries(tmp_path / "d")
    put(one, clock, "m")
    two = Deliveries(tmp_path / "d")
    assert first(two).body == b"m"
    two.forget("sub")
    assert one.first() is None
    one.close()
    two.close()


def test_a_redirect_is_not_followed_and_an_error_of_the_clients_is_final(
    waiting: Deliveries, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    sender = Sender(waiting, clock)
    with Subscriber(statuses=[302, 404, 200]) as subscriber:
        url = subscriber.url.replace("//", "//user:s3cret@")
        for text in ("redirected", "not found", "taken"):
            put(waiting, clock, text, url)
        sender.start()
        got = [subscriber.next() for _ in range(3)]
        sender.stop()
    assert [each.body for each in got] == ["redirected", "not found", "taken"]
    assert got[0].headers["authorization"] == "Basic dXNlcjpzM2NyZXQ="
    assert waiting.first() is None
    assert "302" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_subscriber_gets_it_again_when_it_is_due(waiting: Deliveries, clock: Clock, status: int) -> None:
    sender = Sender(waiting, clock)
    with Subscriber(statuses=[status]) as subscriber:
        put(waiting, clock, "m", subscriber.url)
        sender.start()
        assert subscriber.next().body == "m"
        until(lambda: first(waiting).attempts == 1)
        assert first(waiting).due == clock() + 1000
        clock.now += 1000
        waiting.arrived.set()
        assert subscriber.next().body == "m"
        sender.stop()


def test_a_table_that_is_out_of_order_does_not_end_the_sender(
    waiting: Deliveries, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = sqlite3.connect(tmp_path / "deliveries.db", isolation_level=None)
    other.execute("ALTER TABLE delivery RENAME TO hidden")
    sender = Sender(waiting, clock)
    sender.start()
    until(lambda: "cannot be used now" in caplog.text)
    other.execute("ALTER TABLE hidden RENAME TO delivery")
    other.close()
    with Subscriber() as subscriber:
        put(waiting, clock, "m", subscriber.url)
        assert subscriber.next().body == "m"
        sender.stop()
