"""Dead letters, read in the order of their time and deleted only after somebody else has them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

ROUND = 500
"""Letters that are held at once, to be put in order; at most some ten MB, usually."""

HELD_SECONDS = 900
"""How long letters are hidden from others: longer than a round takes."""

T = TypeVar("T")


class Poison(Exception):
    """A letter that can never be dealt with; the message says why. It is left where it is."""


class Left(Exception):
    """A letter that could not be handed over this time; the message says why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of a queue.

    Attributes:
        receipt: What deletes it.
        body: Its text.
        sent_at: When it was sent, epoch ms.
    """

    receipt: str
    body: str
    sent_at: int


@dataclass(slots=True)
class Outcome:
    """What became of one kind of dead letters.

    Attributes:
        kind: Which.
        done: How many were handed over; in a dry run, how many would have been.
        left: How many were left where they are, by the reason.
        stopped: Why it ended early; empty where it did not.
        unreachable: Whether that was since AWS did not answer.
    """

    kind: str
    done: int = 0
    left: Counter[str] = field(default_factory=Counter)
    stopped: str = ""
    unreachable: bool = False


class DeadLetters:
    """A queue of dead letters.

    Args:
        sqs: Client.
        url: Of the queue.
        wait_seconds: How long SQS looks for one more; without waiting it asks only some of its servers.
        at_once: How many letters make a round.
    """

    def __init__(self, sqs: Any, url: str, *, wait_seconds: int = 1, at_once: int = ROUND) -> None:
        self._sqs = sqs
        self._url = url
        self._wait = wait_seconds
        self._at_once = at_once
        self._held: dict[str, None] = {}

    def rounds(self) -> Iterator[Sequence[Letter]]:
        """All letters, some at a time, hidden from others until they are released; those of a round are to be dealt
        with before the next."""
        while letters := self._receive():
            yield letters
            if len(letters) < self._at_once:
                return

    def delete(self, letter: Letter) -> None:
        """Take a letter away for good."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
        self._held.pop(letter.receipt, None)

    def release(self) -> None:
        """Let others see at once what was not deleted; what fails here is seen after a quarter of an hour."""
        receipts = list(self._held)
        for first in range(0, len(receipts), 10):
            entries = [
                {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for n, receipt in enumerate(receipts[first : first + 10])
            ]
            with suppress(BotoCoreError, ClientError):
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        self._held.clear()

    def _receive(self) -> list[Letter]:
        letters: list[Letter] = []
        while len(letters) < self._at_once:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=HELD_SECONDS,
                WaitTimeSeconds=self._wait,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            received = answer.get("Messages", [])
            for message in received:
                self._held[message["ReceiptHandle"]] = None
                sent_at = int(message["Attributes"]["SentTimestamp"])
                letters.append(Letter(message["ReceiptHandle"], message["Body"], sent_at))
            if not received:
                break
        return letters


@dataclass(frozen=True, slots=True)
class Way(Generic[T]):
    """How letters of one kind are dealt with.

    Attributes:
        kind: Their name.
        read: A letter to when it happened, epoch ms, and what is to be handed over. Raises Poison.
        hand_over: Returns once somebody else has it. Raises Left.
    """

    kind: str
    read: Callable[[Letter], tuple[int, T]]
    hand_over: Callable[[T], None]


def redrive(letters: DeadLetters, way: Way[T], *, dry_run: bool, progress: Callable[[str], None]) -> Outcome:
    """Have all letters of a queue dealt with again, the oldest of each round first."""
    outcome = Outcome(way.kind)
    try:
        for held in letters.rounds():
            for letter, what in _in_order(held, way, outcome):
                progress(f"{way.kind}: {outcome.done} done, {outcome.left.total()} left")
                _deal_with(letters, letter, what, way, outcome, dry_run=dry_run)
    except BotoCoreError as error:
        outcome.stopped, outcome.unreachable = str(error), True
    except ClientError as error:
        outcome.stopped = str(error)
    finally:
        letters.release()
    return outcome


def _in_order(held: Sequence[Letter], way: Way[T], outcome: Outcome) -> list[tuple[Letter, T]]:
    found: list[tuple[int, Letter, T]] = []
    for letter in held:
        try:
            at, what = way.read(letter)
        except Poison as error:
            outcome.left[str(error)] += 1
        else:
            found.append((at, letter, what))
    return [(letter, what) for _, letter, what in sorted(found, key=lambda each: each[0])]


def _deal_with(letters: DeadLetters, letter: Letter, what: T, way: Way[T], outcome: Outcome, *, dry_run: bool) -> None:
    if not dry_run:
        try:
            way.hand_over(what)
        except Left as error:
            outcome.left[str(error)] += 1
            return
        letters.delete(letter)
    outcome.done += 1
