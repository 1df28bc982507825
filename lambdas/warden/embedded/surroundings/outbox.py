"""E-mails and SMS of SNS topics, which this home does not send: they are kept to be read, `warden outbox` shows them.

They are a table beside the deliveries, in the same file. Times are epoch milliseconds.
"""

import threading
from pathlib import Path

import msgspec

from warden.embedded.surroundings import letter_file

KEEP_MS = 30 * 86_400_000
"""How long a letter is kept."""

MOST_LETTERS = 10_000
"""Kept at a time; the oldest goes first."""

PAGE = 500
"""Letters that one look brings at most."""

_COLUMNS = "id, at, protocol, endpoint, kind, topic, message, subject, body"


class Letter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An e-mail or an SMS.

    Attributes:
        id: Counts up from 1, and is never given again; 0 before the letter is put.
        at: When it was put.
        protocol: `email`, `email-json` or `sms`.
        endpoint: The address or the telephone number.
        kind: `SubscriptionConfirmation` or `Notification`.
        topic_arn: The topic; empty for an SMS that was published to the number itself.
        message_id: SNS's.
        subject: Of an e-mail; empty for an SMS.
        body: The text.
    """

    id: int = 0
    at: int
    protocol: str
    endpoint: str
    kind: str
    topic_arn: str
    message_id: str
    subject: str
    body: str


class Outbox:
    """The table; what was put is durable when the call returns, from any thread.

    Args:
        path: The file of the deliveries, made where it is missing.
        most: Letters that are kept.
    """

    def __init__(self, path: Path, *, most: int = MOST_LETTERS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._db = letter_file.connect(path)

    def put(self, letter: Letter) -> int:
        """Keep a letter, and at its time let go of those that are too old or too many. Returns: Its id, one more than
        that of the last one, which is always there."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            added = self._db.execute(
                "INSERT INTO letter (at, protocol, endpoint, kind, topic, message, subject, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                msgspec.structs.astuple(letter)[1:],
            ).lastrowid
            assert added is not None
            self._db.execute("DELETE FROM letter WHERE id <= ? OR at <= ?", (added - self._most, letter.at - KEEP_MS))
        return added

    def newest(
        self, *, now: int, before: int | None = None, limit: int = PAGE, protocol: str = "", endpoint: str = ""
    ) -> list[Letter]:
        """Letters, the newest first.

        Args:
            now: The time; what is too old then is not shown.
            before: Only those with smaller ids.
            limit: How many, at most `PAGE`.
            protocol: Only those of it.
            endpoint: Only those to it.
        """
        where, values = _filters(now, protocol, endpoint)
        if before is not None:
            where, values = f"{where} AND id < ?", [*values, before]
        return self._read(f"WHERE {where} ORDER BY id DESC LIMIT ?", [*values, min(limit, PAGE)])

    def after(
        self, letter_id: int, *, now: int, limit: int = PAGE, protocol: str = "", endpoint: str = ""
    ) -> list[Letter]:
        """Letters that were put after one, the oldest first; the arguments are those of `newest`."""
        where, values = _filters(now, protocol, endpoint)
        return self._read(f"WHERE {where} AND id > ? ORDER BY id LIMIT ?", [*values, letter_id, min(limit, PAGE)])

    def get(self, letter_id: int, *, now: int) -> Letter | None:
        """A letter, None where it is not there, or not any more."""
        found = self._read("WHERE id = ? AND at > ?", [letter_id, now - KEEP_MS])
        return found[0] if found else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _read(self, rest: str, values: list[object]) -> list[Letter]:
        with self._lock:
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM letter {rest}", values).fetchall()  # noqa: S608 (ours)
        return [Letter(**dict(zip(Letter.__struct_fields__, row, strict=True))) for row in rows]


def _filters(now: int, protocol: str, endpoint: str) -> tuple[str, list[object]]:
    wanted = {"protocol": protocol, "endpoint": endpoint}
    given = {column: value for column, value in wanted.items() if value}
    return " AND ".join(["at > ?", *(f"{column} = ?" for column in given)]), [now - KEEP_MS, *given.values()]
