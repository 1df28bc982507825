"""Reports from the broker into the log, many in one transaction; acknowledged and answered after its commit."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import NotAThing, ReportRejected, TooSoon, Unavailable
from warden.domain.reports.replies import accepted, encode, rejected
from warden.domain.reports.topics import MetricsTopic
from warden.embedded.broker.publication import Publication
from warden.use_cases.ingest_report import Ingested, IngestReport, Outcome

log = logging.getLogger(__name__)

_ACCEPTED = {outcome: f"accepted/{outcome.name.lower()}" for outcome in Outcome}

BATCH = 100
"""Reports in one transaction: above, fewer syncs gain little, and a reply waits longer."""

PAUSE_ABOVE, RESUME_BELOW = 5_000, 2_000
"""Reports waiting, at which clients are not read any more, and are read again."""

RETRY_SECONDS = 1.0


class NotAsked(Unavailable):
    """The registry has to be asked about a thing first, which must not hold up the reports of others."""


class AskedThings:
    """Port Things, from answers that were fetched before.

    Attributes:
        answers: By thing.
    """

    def __init__(self) -> None:
        self.answers: dict[str, ThingFacts] = {}

    def ask(self, thing: str, *, now: int) -> ThingFacts:  # noqa: ARG002
        """See Things. Raises NotAsked where the answer has to be fetched."""
        try:
            return self.answers[thing]
        except KeyError:
            raise NotAsked(thing) from None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A report that is not known to be in the log, and when it came, epoch ms.

    Attributes:
        again: Whether it may be there all the same: its client sends it again, or a commit of it failed.
    """

    topic: MetricsTopic
    publication: Publication
    at: int
    again: bool


class Intake:
    """Takes reports over from the broker.

    A report is acknowledged (QoS 1) and answered once it is durable, or rejected for good. What cannot be stored now
    is tried again; a client that is not acknowledged sends it again too, and it counts once.

    Args:
        ingest: What a report becomes; its registry is `things`.
        things: Holds the registry's answers that `ingest` finds.
        fetch: Asks the registry; may take long.
        transaction: Makes many writes one.
        send: Publishes a reply: topic, payload.
        pause: Stops and resumes the reading of clients.
        prefixes: First levels of metrics topics.
        clock: Now, epoch ms.
        committed: Told after every commit.

    Attributes:
        counts: What became of reports: `accepted/` and `rejected/` with how, `races`, `dropped`.
        hindrance: Why reports cannot be stored; empty where they can.
    """

    def __init__(
        self,
        ingest: IngestReport,
        things: AskedThings,
        *,
        fetch: Callable[[str], Awaitable[ThingFacts]],
        transaction: Callable[[], AbstractContextManager[None]],
        send: Callable[[str, bytes], None],
        pause: Callable[[bool], None],
        prefixes: tuple[str, ...],
        clock: Callable[[], int],
        committed: Callable[[], None],
    ) -> None:
        self._ingest = ingest
        self._things = things
        self._fetch = fetch
        self._transaction = transaction
        self._send = send
        self._pause = pause
        self._prefixes = prefixes
        self._clock = clock
        self._committed = committed
        self.counts = Counter[str]()
        self.hindrance = ""
        self._backlog: deque[_Waiting] = deque()
        self._asking: dict[str, list[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = 0  # reports in both
        self._scheduled = False
        self._paused = False
        self._complained = False

    def take(self, publication: Publication) -> bool:
        """Take a publication over where it is a metrics report; the broker's `take`."""
        topic = MetricsTopic.parse(publication.topic, self._prefixes)
        if topic is None:
            return False
        self._held += 1
        self._wait(_Waiting(topic, publication, self._clock(), again=publication.dup))
        self._govern()
        return True

    @property
    def waiting(self) -> int:
        """Reports that were taken over and are not answered yet."""
        return self._held

    async def drain(self) -> None:
        """Return when all that was taken over is dealt with."""
        while self._held > 0:
            await asyncio.sleep(0.01)

    def _wait(self, waiting: _Waiting) -> None:
        if asking := self._asking.get(waiting.topic.thing):
            asking.append(waiting)  # in the order they came
            return
        self._backlog.append(waiting)
        self._schedule()

    def _govern(self) -> None:
        """Stop reading clients while too many reports wait."""
        if self._paused is not (self._held > (RESUME_BELOW if self._paused else PAUSE_ABOVE)):
            self._paused = not self._paused
            self._pause(self._paused)

    def _schedule(self, seconds: float = 0) -> None:
        if not self._scheduled:
            self._scheduled = True
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, self._work) if seconds else loop.call_soon(self._work)

    def _work(self) -> None:
        """Deal with one batch, then let the clients have their turn."""
        self._scheduled = False
        batch = [self._backlog.popleft() for _ in range(min(BATCH, len(self._backlog)))]
        try:
            stuck = self._store(batch) if len(batch) > 1 else self._store_each(batch)
        except Exception:  # noqa: BLE001 (each alone shows whose fault it is, and is logged then)
            stuck = self._store_each([replace(waiting, again=True) for waiting in batch])
        self._backlog.extendleft(reversed(stuck))
        if self._backlog:
            self._schedule(RETRY_SECONDS if stuck else 0)
        self._govern()

    def _store(self, batch: list[_Waiting]) -> list[_Waiting]:
        with self._transaction():
            outcomes = [(waiting, self._outcome(waiting)) for waiting in batch]
        if self.hindrance:
            self.hindrance = ""
            log.warning("reports are stored again")
        self._committed()
        self._answer(outcomes)
        return []

    def _store_each(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Store reports one by one. Returns those that could not be stored now."""
        for position, waiting in enumerate(batch):
            try:
                self._store([waiting])
            except Unavailable as error:
                if not self.hindrance:
                    log.warning("reports are waiting, %s", error)
                self.hindrance = str(error)
                return [replace(each, again=True) for each in batch[position:]]
            except Exception:
                self._held -= 1
                log.exception("a report on %s was not stored, and is not acknowledged", waiting.topic.topic)
        return []

    def _outcome(self, waiting: _Waiting) -> Ingested | ReportRejected | None:
        """What becomes of a report once it is durable; None where the registry has to be asked first."""
        topic = waiting.topic
        try:
            return self._ingest(
                topic.thing,
                topic.format,
                waiting.publication.payload,
                at=waiting.at,
                again=waiting.again,
            )
        except ReportRejected as error:
            return error
        except NotAsked:
            return None

    def _answer(self, outcomes: Iterable[tuple[_Waiting, Ingested | ReportRejected | None]]) -> None:
        for waiting, outcome in outcomes:
            if outcome is None:
                self._ask(waiting)
                continue
            topic = waiting.topic
            self._things.answers.pop(topic.thing, None)
            if isinstance(outcome, Ingested):
                verdict = "accepted"
                reply = accepted(topic.thing, outcome.report_id, waiting.at, outcome.dropped)
                self._count(outcome)
            else:
                verdict, reply = "rejected", rejected(topic.thing, outcome, waiting.at)
                self.counts[f"rejected/{_reason(outcome)}"] += 1
                client_id = waiting.publication.client_id
                log.info("a report of %r by client %r is rejected: %.300s", topic.thing, client_id, outcome)
            self._send(f"{topic.topic}/{verdict}", encode(reply, topic.format))
            waiting.publication.acknowledge()
            self._held -= 1

    def _count(self, ingested: Ingested) -> None:
        self.counts[_ACCEPTED[ingested.outcome]] += 1
        if ingested.races:
            self.counts["races"] += ingested.races
        if ingested.dropped:
            self.counts["dropped"] += len(ingested.dropped)

    def _ask(self, waiting: _Waiting) -> None:
        thing = waiting.topic.thing
        if thing in self._asking:
            self._asking[thing].append(waiting)
            return
        self._asking[thing] = [waiting]
        task = asyncio.get_running_loop().create_task(self._asked(thing))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _asked(self, thing: str) -> None:
        while True:
            try:
                self._things.answers[thing] = await self._fetch(thing)
                break
            except Unavailable as error:
                self._complain(error)
                await asyncio.sleep(RETRY_SECONDS)
        self._complained = False
        self._backlog.extendleft(reversed(self._asking.pop(thing)))
        self._schedule()

    def _complain(self, error: Unavailable) -> None:
        """Once for as long as it lasts: reports of any number of things may be waiting."""
        if not self._complained:
            self._complained = True
            log.warning("reports of things that are not known wait, the registry cannot be asked: %s", error)


def _reason(error: ReportRejected) -> str:
    if isinstance(error, NotAThing):
        return "not_a_thing"
    return "throttled" if isinstance(error, TooSoon) else "invalid"
