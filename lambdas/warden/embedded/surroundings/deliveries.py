"""Messages on their way to HTTP(S) subscribers: a small table, and the thread that empties it.

What is in the table was accepted: it outlives this process and is sent again until the subscriber answered, so a
subscriber may see a message twice and has its MessageId to tell. Times are epoch milliseconds.
"""

import base64
import contextlib
import json
import logging
import socket
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from warden.embedded.surroundings import letter_file

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
ANSWER_WITHIN_SECONDS = 10.0  # for a subscriber that answers a byte at a time, which no socket timeout ends
GIVE_UP_AFTER_MS = 3_600_000
LONGEST_DELAY_MS = 300_000
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Delivery:
    """A POST that is due.

    Attributes:
        id: Its row.
        subscription: ARN of the subscription it is for.
        endpoint: Where to, an http or https URL.
        headers: Sent as they are.
        body: Sent as it is.
        created: When it was accepted.
        due: When to try next.
        attempts: Failures in a row of this subscription while it waited.
    """

    id: int
    subscription: str
    endpoint: str
    headers: Mapping[str, str]
    body: bytes
    created: int
    due: int
    attempts: int


class Deliveries:
    """The table, in a file of its own; every call is durable when it returns, from any thread.

    Args:
        path: The file, made where it is missing.
        limit: Messages that wait for one subscriber at most; the oldest goes first.
    """

    def __init__(self, path: Path, *, limit: int = 10_000) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._db = letter_file.connect(path)
        self.arrived = threading.Event()

    def put(self, subscription: str, endpoint: str, headers: Mapping[str, str], body: bytes, *, now: int) -> None:
        """Accept a message; it is due with the others of its subscription, else at once."""
        with self._lock:
            due, attempts, waiting = self._db.execute(
                "SELECT coalesce(max(due), 0), coalesce(max(attempts), 0), count(*) FROM delivery"
                " WHERE subscription = ?",
                (subscription,),
            ).fetchone()
            if waiting >= self._limit:
                self._db.execute(
                    "DELETE FROM delivery WHERE id = (SELECT min(id) FROM delivery WHERE subscription = ?)",
                    (subscription,),
                )
            self._db.execute(
                "INSERT INTO delivery (subscription, endpoint, headers, body, created, due, attempts)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (subscription, endpoint, json.dumps(dict(headers)), body, now, max(now, due), attempts),
            )
        if waiting >= self._limit:
            log.warning("%s: over %d messages wait, the oldest was dropped", subscription, self._limit)
        self.arrived.set()

    def first(self) -> Delivery | None:
        """The one that is due first, oldest first among equals."""
        with self._lock:
            row = self._db.execute(
                "SELECT id, subscription, endpoint, headers, body, created, due, attempts FROM delivery"
                " ORDER BY due, id LIMIT 1"
            ).fetchone()
        if row is None:
            return None
        id_, subscription, endpoint, headers, *rest = row
        return Delivery(id_, subscription, endpoint, json.loads(headers), *rest)

    def remove(self, delivery: Delivery) -> None:
        """It was sent, or never can be."""
        with self._lock:
            self._db.execute("DELETE FROM delivery WHERE id = ?", (delivery.id,))

    def answered(self, subscription: str, *, now: int) -> None:
        """The subscriber lives: what else waits for it is due now."""
        with self._lock:
            self._db.execute(
                "UPDATE delivery SET due = min(due, ?), attempts = 0 WHERE subscription = ? AND attempts > 0",
                (now, subscription),
            )

    def postpone(self, delivery: Delivery, *, now: int) -> int:
        """The subscriber did not answer: it is left alone for a while, longer each time.

        Returns: How many of its messages are given up, being older than an hour.
        """
        due = now + min(LONGEST_DELAY_MS, 1000 * 2 ** min(delivery.attempts, 16))
        with self._lock:
            given_up = self._db.execute(
                "DELETE FROM delivery WHERE subscription = ? AND created <= ?",
                (delivery.subscription, now - GIVE_UP_AFTER_MS),
            ).rowcount
            self._db.execute(
                "UPDATE delivery SET due = ?, attempts = ? WHERE subscription = ?",
                (due, delivery.attempts + 1, delivery.subscription),
            )
        return given_up

    def forget(self, subscription: str) -> None:
        """The subscription is gone, and with it what waited for it."""
        with self._lock:
            self._db.execute("DELETE FROM delivery WHERE subscription = ?", (subscription,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


class Sender:
    """One thread that posts what is due; a dead subscriber costs it one timeout per delay, whatever waits.

    Args:
        deliveries: What to send.
        clock: Epoch milliseconds.
    """

    def __init__(self, deliveries: Deliveries, clock: Callable[[], int]) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._stopping = False
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="sns-sender", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more. A post that hangs longer than 2 s is left to itself, and repeated by the next start."""
        self._stopping = True
        self._deliveries.arrived.set()
        self._thread.join(2.0)
        self._abandoned = self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping:
            self._deliveries.arrived.clear()
            try:
                wait_seconds = self._step()
            except sqlite3.Error:
                log.exception("the table of deliveries cannot be used now")
                wait_seconds = 1.0
            if not self._stopping:
                self._deliveries.arrived.wait(wait_seconds)

    def _step(self) -> float | None:
        """Send what is due first. Returns: Seconds until something is due, None where nothing waits."""
        delivery = self._deliveries.first()
        if delivery is None:
            return None
        if (early_ms := delivery.due - self._clock()) > 0:
            return early_ms / 1000
        self._send(delivery)
        return 0.0

    def _send(self, delivery: Delivery) -> None:
        status, problem = _post(delivery)
        if self._abandoned:
            return
        if problem is None or not _worth_repeating(status):
            self._deliveries.remove(delivery)
            self._deliveries.answered(delivery.subscription, now=self._clock())
            if problem is not None:
                log.warning("%s: given up, %s", delivery.subscription, problem)
        elif given_up := self._deliveries.postpone(delivery, now=self._clock()):
            log.warning("%s: %d messages given up after an hour, %s", delivery.subscription, given_up, problem)
        else:
            log.info("%s: will be tried again, %s", delivery.subscription, problem)


def _worth_repeating(status: int | None) -> bool:
    # Amazon SNS Developer Guide, Message delivery retries: 5xx and 429 are retried, other errors are permanent
    return status is None or status >= 500 or status == TOO_MANY_REQUESTS


def _post(delivery: Delivery) -> tuple[int | None, str | None]:
    """The status, and what is wrong with it. The endpoint is not named: its URL may hold a password."""
    try:
        status = _status(urlsplit(delivery.endpoint), delivery)
    except (OSError, HTTPException, ValueError) as error:
        return None, f"no answer ({type(error).__name__})"
    return status, None if 200 <= status < 300 else f"it answered {status}"


def _status(url: SplitResult, delivery: Delivery) -> int:
    headers = dict(delivery.headers)
    if url.username is not None:
        login = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=TIMEOUT_SECONDS)
    deadline = threading.Timer(ANSWER_WITHIN_SECONDS, _abort, [connection])
    deadline.daemon = True
    deadline.start()
    try:
        connection.request("POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), delivery.body, headers)
        return connection.getresponse().status  # no redirect is followed, no body is read
    finally:
        deadline.cancel()
        connection.close()


def _abort(connection: HTTPConnection) -> None:
    with contextlib.suppress(AttributeError, OSError):  # not connected yet, or already closed
        connection.sock.shutdown(socket.SHUT_RDWR)
