"""What is kept of clients that are away, how much, and for how long."""

import pytest

from warden.embedded.broker.message import Message, Room
from warden.embedded.broker.session import MAX_QUEUED, MAX_QUEUED_BYTES, Outgoing, Session
from warden.embedded.broker.sessions import EXPIRY_SECONDS, MAX_OFFLINE, Sessions
from warden.embedded.broker.stats import Stats


def sent(session: Session) -> list[Outgoing]:
    """All that the session has to send now."""
    outgoing = []
    while session.has_next():
        outgoing.append(session.next())
    return outgoing


@pytest.mark.parametrize(
    ("size", "room"),
    [pytest.param(0, MAX_QUEUED, id="messages"), pytest.param(MAX_QUEUED_BYTES // 8 - 256, 8, id="bytes")],
)
def test_the_queue_is_bounded_and_has_room_again_for_what_left_it(size: int, room: int) -> None:
    session = Session("lamp", Room())
    message = Message("t", bytes(size))
    assert [session.queue(message) for _ in range(room + 1)] == [True] * room + [False]
    leaving = len(sent(session))
    assert [session.queue(message) for _ in range(leaving + 1)] == [True] * leaving + [False]


def test_a_session_is_kept_while_its_client_is_there() -> None:
    sessions = Sessions()
    session, _ = sessions.open("lamp", clean=False, expiry_seconds=EXPIRY_SECONDS)
    sessions.subscribe(session, "t", 1)
    sessions.leave(session, 0.0)
    assert sessions.open("lamp", clean=False, expiry_seconds=EXPIRY_SECONDS) == (session, True)
    sessions.expire(EXPIRY_SECONDS)
    assert sessions.subscribed("t") == {session: 1}


@pytest.mark.parametrize("away", [True, False])
def test_a_clean_session_leaves_nothing_of_the_one_before_it(away: bool) -> None:
    sessions = Sessions()
    older, _ = sessions.open("lamp", clean=False, expiry_seconds=EXPIRY_SECONDS)
    sessions.subscribe(older, "t", 1)
    if away:
        sessions.leave(older, 0.0)
    session, present = sessions.open("lamp", clean=True)
    assert (present, sessions.subscribed("t")) == (False, {})
    sessions.expire(EXPIRY_SECONDS)
    assert sessions.get("lamp") is session


def test_sessions_expire_in_the_order_in_which_their_clients_left() -> None:
    sessions = Sessions()
    for client_id in ("a", "b"):
        sessions.open(client_id, clean=False, expiry_seconds=EXPIRY_SECONDS)
    for moment, client_id in enumerate(("b", "a", "b")):  # b comes back, and leaves last
        session, _ = sessions.open(client_id, clean=False, expiry_seconds=EXPIRY_SECONDS)
        sessions.leave(session, float(moment))
    sessions.expire(EXPIRY_SECONDS + 1)
    assert (sessions.get("a"), sessions.get("b")) == (None, session)


def test_of_too_many_sessions_that_stay_behind_the_one_gone_longest_is_forgotten() -> None:
    sessions = Sessions()
    for number in range(MAX_OFFLINE + 1):
        session, _ = sessions.open(f"lamp-{number}", clean=False, expiry_seconds=EXPIRY_SECONDS)
        sessions.leave(session, float(number))
    assert sessions.get("lamp-0") is None
    assert sessions.get("lamp-1") is not None


def test_of_too_many_sessions_that_stay_behind_nobody_loses_his_to_one_who_leaves_thousands() -> None:
    stats = Stats()
    sessions = Sessions(stats=stats)

    def leave(client_id: str, owner: str) -> None:
        session, _ = sessions.open(client_id, clean=False, expiry_seconds=EXPIRY_SECONDS)
        session.owner = owner
        sessions.leave(session, 0.0)

    leave("lamp", "its own")
    for number in range(MAX_OFFLINE + 5):
        leave(f"many-{number}", "another")
    assert sessions.get("lamp") is not None
    assert [sessions.get(f"many-{number}") is None for number in (0, 5, 6)] == [True, True, False]
    assert stats.evicted == 6
    leave("lamp", "a newer certificate")
    sessions.expire(EXPIRY_SECONDS)
    assert sessions.get("lamp") is None


# What all keep together


def kept(session: Session, *payloads: bytes) -> list[bool]:
    return [session.queue(Message("t", payload)) for payload in payloads]


def test_what_sessions_keep_together_is_bounded_and_a_message_of_several_counts_once() -> None:
    room = Room(10_000)
    first, second = (Session(name, room) for name in ("first", "second"))
    shared = Message("t", bytes(5_000))
    assert (first.queue(shared), second.queue(shared)) == (True, True)
    assert kept(first, bytes(4_000), bytes(4_000)) == [True, False]
    for outgoing in sent(first):
        first.acknowledged(outgoing.packet_id)
    assert kept(first, bytes(4_000)) == [True], "the shared one is kept still, its own is not"
    assert kept(second, bytes(4_000)) == [False]
    second.forget_messages()
    assert kept(first, bytes(4_000)) == [True]


def test_what_was_sent_and_not_acknowledged_counts_too() -> None:
    session = Session("lamp", Room(10_000))
    assert kept(session, bytes(9_000)) == [True]
    (outgoing,) = sent(session)
    assert kept(session, bytes(9_000)) == [False]
    session.acknowledged(outgoing.packet_id)
    assert kept(session, bytes(9_000)) == [True]


def test_a_session_that_is_over_gives_its_room_back() -> None:
    room = Room(10_000)
    sessions = Sessions(room=room)
    session, _ = sessions.open("lamp", clean=False, expiry_seconds=EXPIRY_SECONDS)
    assert kept(session, bytes(4_000), bytes(4_000)) == [True, True]
    session.next()
    sessions.leave(session, 0.0)
    sessions.expire(EXPIRY_SECONDS)
    assert room.taken == 0


def test_expired_messages_make_room_for_others() -> None:
    session = Session("lamp", Room())
    for number in range(MAX_QUEUED):
        assert session.queue(Message("t", b"", expires_at=10.0 if number % 2 else None))
    assert not session.queue(Message("t", b""))
    assert session.drop_expired(9.0) == 0
    assert session.drop_expired(10.0) == MAX_QUEUED // 2
    assert [session.queue(Message("t", b"")) for _ in range(MAX_QUEUED // 2 + 1)] == [True] * (MAX_QUEUED // 2) + [
        False
    ]
