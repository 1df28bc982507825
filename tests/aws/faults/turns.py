"""Several functions at work at the same time, one request to AWS of one of them after the other, in an order that a
seed says: each thread runs from one of its requests to the next, and no two at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from tests.aws.faults.strikes import SERVICES
from tests.home import PATIENCE
from warden.handlers.parts import Clients


class _Worker:
    """A thread that runs only while it has its turn."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.turn, self.waits = threading.Semaphore(0), threading.Semaphore(0)
        self.is_done = False
        self.failure: BaseException | None = None
        self._work = work
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def go_on(self) -> None:
        """Give it its turn, until it waits for another one or is done."""
        self.turn.release()
        assert self.waits.acquire(timeout=PATIENCE), "it does not come to its next request"

    def wait(self) -> None:
        """Called by itself: the others' turn."""
        self.waits.release()
        self.turn.acquire()

    def _run(self) -> None:
        self.turn.acquire()
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 (raised where the turns are given)
            self.failure = error
        self.is_done = True
        self.waits.release()


class Turns:
    """Gives turns.

    Args:
        random: Says whose turn it is.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._workers: list[_Worker] = []

    @contextmanager
    def at_requests_of(self, clients: Clients) -> Iterator[None]:
        """A block in which a turn ends before each request of these clients."""
        for service in SERVICES:
            clients(service).meta.events.register_first("before-call", self.wait, unique_id="turns")
        yield
        for service in SERVICES:
            clients(service).meta.events.unregister("before-call", unique_id="turns")

    def wait(self, **_: Any) -> None:
        """The others' turn, where somebody calls who works by turns."""
        for worker in self._workers:
            if worker.thread is threading.current_thread():
                worker.wait()

    def take(self, *works: Callable[[], object]) -> None:
        """Have all works done. Raises what one of them raised, once no other is left."""
        self._workers = [_Worker(work) for work in works]
        while left := [worker for worker in self._workers if not worker.is_done]:
            self._random.choice(left).go_on()
        for worker in self._workers:
            worker.thread.join(PATIENCE)
            if worker.failure:
                raise worker.failure
