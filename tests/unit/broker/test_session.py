"""What is kept of clients that are away, how much, and for how long."""

import pytest

from warden.embedded.broker.session import (
    MAX_QUEUED,
    MAX_QUEUED_BYTES,
    Message,
    Outgoing,
    Session,
)
from warden.embedded.broker.sessions import EXPIRY_SECONDS, MAX_OFFLINE, Sessions


def sent(session: Session) -> list[Outgoing]:
    """All that the session has to send now."""
    outgoing = []
    while session.has_next():
        outgoing.append(session.next())
    return outgoing


@pytest.mark.parametrize(
    ("size", "room"), [pytest.param(0, MAX_QUEUED, id="messages"), pytest.param(MAX_QUEUED_BYTES // 8, 8, id="bytes")]
)
def test_the_queue_is_bounded_and_has_room_again_for_what_left_it(size: int, room: int) -> None:
    session = Session("lamp")
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
