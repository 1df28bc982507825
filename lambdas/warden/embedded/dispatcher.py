"""Dispatch in the embedded home: what the log's stream says, and what is due."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from warden.adapters.sqlite import SqliteTable
from warden.domain.errors import Unavailable
from warden.embedded import channel
from warden.embedded.channel import Line
from warden.embedded.plane import now
from warden.ports import Key, ThingLog
from warden.storage import keys
from warden.storage.jobs import Cursor, Jobs, Stuck
from warden.storage.records import Stored
from warden.use_cases.sweep import STUCK_AGAIN_MS, Sweep

log = logging.getLogger(__name__)

STREAM = "log"
AT_ONCE = 100
ATTEMPTS = 5
RETRY_SECONDS = 1.0
WAITS_UNTOLD = 5
"""Failures in a row before one is logged: while a plane starts or stops, nothing is wrong."""

ASK_SECONDS = 20.0
SWEEP_SECONDS = 1.0


class StreamReader:
    """Deals with the entries of the log's stream, in order.

    The cursor moves behind what was dealt with; what a crash interrupts is done again, to no effect. An entry that
    fails five times for a fault of ours is set aside, so that it does not hold up those behind it.

    Args:
        file: Table `log`, opened for reading.
        things: The things' logs.
        jobs: Where cursor and stuck entries are.
        dispatch: Deals with an entry; returns events to deliver.
        deliver: Delivers events.
        channel: The way to the data plane.
        clock: Now, epoch ms.
    """

    def __init__(
        self,
        file: SqliteTable,
        things: ThingLog,
        jobs: Jobs,
        *,
        dispatch: Callable[..., list[Key]],
        deliver: Callable[..., int],
        channel: Path | Line,
        clock: Callable[[], int] = now,
    ) -> None:
        self._file = file
        self._things = things
        self._jobs = jobs
        self._dispatch = dispatch
        self._deliver = deliver
        self._channel = channel
        self._clock = clock
        self._failures = 0

    def read(self) -> None:
        """Deal with what is there, or wait for more."""
        cursor = self._jobs.cursor(STREAM)
        after = cursor.record.position if cursor else 0
        entries = self._file.read_stream(after, AT_ONCE)
        if entries:
            self._deal_with(cursor, after, entries)
        else:
            channel.ask(self._channel, "stream", {"after": after}, timeout=ASK_SECONDS)

    def _deal_with(self, cursor: Stored[Cursor] | None, after: int, entries: list[tuple[int, Key]]) -> None:
        events: list[Key] = []
        reached, stuck, failed = after, None, None
        for position, key in entries:
            try:
                events += self._dispatched(key)
            except Exception as error:
                failed = error
                if isinstance(error, Unavailable):
                    break
                self._failures += 1
                if self._failures < ATTEMPTS:
                    break
                thing, seq = _place(key)
                stuck, failed, reached = Stuck(thing=thing, seq=seq, error=repr(error)), None, position
                self._failures = 0
                log.exception("entry %d of %s is set aside", seq, thing)
                break
            reached = position
            self._failures = 0
        try:
            self._deliver(events, now=self._clock())
        except Exception:
            log.exception("alerts were not delivered; the sweeper finds them by their events")
        if reached > after:
            self._jobs.advance(STREAM, cursor, reached, stuck, due=self._clock() + STUCK_AGAIN_MS)
            channel.ask(self._channel, "prune", {"upto": reached})
        if failed:
            raise failed

    def _dispatched(self, key: Key) -> list[Key]:
        thing, seq = _place(key)
        logged = self._things.read(thing, seq)
        return self._dispatch(thing, logged, now=self._clock()) if logged else []


def _place(key: Key) -> tuple[str, int]:
    return keys.split(key.pk)[1], int(key.sk.removeprefix(keys.ENTRY_PREFIX))


class Worker:
    """A thread that does one thing again and again, and survives what goes wrong.

    Args:
        name: Of the thread.
        work: What it does.
        pause_seconds: Between two times; 0 where the work itself waits.
        once: Whether it ends after the first time that nothing went wrong.
    """

    def __init__(
        self, name: str, work: Callable[[], object], *, pause_seconds: float = 0.0, once: bool = False
    ) -> None:
        self._work = work
        self._once = once
        self._pause_seconds = pause_seconds
        self._waits = 0
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Do it now."""
        self._woken.set()

    def end(self) -> None:
        """End after the turn under way."""
        self._stopped.set()
        self._woken.set()

    def join(self, seconds: float) -> None:
        """Wait for its end, which may take longer than is waited for."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopped.is_set():
            pause = self._pause_seconds if self._turn() else RETRY_SECONDS
            if pause:
                self._woken.wait(pause)
                self._woken.clear()

    def _turn(self) -> bool:
        """Do it once. Returns whether nothing went wrong."""
        try:
            self._work()
        except Unavailable as error:
            self._waits += 1
            if self._waits == WAITS_UNTOLD:
                log.warning("%s waits: %s", self._thread.name, error)
        except Exception:
            log.exception("%s failed, and tries again", self._thread.name)
        else:
            self._waits = 0
            if self._once:
                self._stopped.set()
            return True
        return False


def sweeper(sweep: Sweep) -> Callable[[], None]:
    """Does what is due, until nothing is."""

    def work() -> None:
        while sweep(now=now()):
            pass

    return work
