"""Faults on purpose, at any call to the outside: what DynamoDB, SNS and a process can do to a use case.

plan = SeededPlan(random.Random(seed), rate=0.1)
table = FaultyTable(SqliteTable(":memory:", LOG), plan)
alerts = faulty(alerts, plan)
...                 # run the use case; on Crash build it anew over the same two and go on
plan.quiet = True   # now everything heals: what must hold in the end?
"""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, Protocol, TypeVar, cast

from tests.adapters.model import ModelTable
from warden.adapters.sqlite import SqliteTable
from warden.domain.errors import Raced, Throttled, Unavailable
from warden.ports import Check, Condition, Delete, IndexPage, Item, Key, Page, Put, Table, Write

T = TypeVar("T")


class Crash(BaseException):
    """The process died; nothing of it runs on but what the test starts again."""


class Fault(Enum):
    """What can happen to a call. Where a fault cannot happen, the call goes through unharmed."""

    THROTTLED = "Throttled, nothing was done"
    UNAVAILABLE = "Unavailable, nothing was done"
    LOST_ANSWER = "Unavailable, but it was done"
    CRASH_BEFORE = "the process dies before the call"
    CRASH_AFTER = "the process dies after the call"
    RACED = "a transaction, or a write on a condition, is Raced; nothing was done"
    REPEATED = "a put or delete is done, and done again by the client: its condition may fail on its own work"
    STALE = "an eventually consistent read answers from the past"
    SHORT_PAGE = "a query answers with one row, and with where to go on"
    LATE = "a question is Unavailable, and dealt with when its asker has given up and asks something else"


ANYWHERE = frozenset({Fault.THROTTLED, Fault.UNAVAILABLE, Fault.LOST_ANSWER, Fault.CRASH_BEFORE, Fault.CRASH_AFTER})
_BEFORE = {Fault.THROTTLED: Throttled, Fault.UNAVAILABLE: Unavailable, Fault.CRASH_BEFORE: Crash, Fault.RACED: Raced}
_AFTER = {Fault.LOST_ANSWER: Unavailable, Fault.CRASH_AFTER: Crash}


class Plan(Protocol):
    """Decides what happens to each call; asked once a call, with the method's name."""

    def __call__(self, verb: str) -> Fault | None: ...


class SeededPlan:
    """One of `faults` at any call, with probability `rate`; none while `quiet`.

    `told` lists what was decided, to be read when a seed fails.
    """

    def __init__(self, rng: random.Random, rate: float = 0.1, faults: Iterable[Fault] = Fault) -> None:
        self.quiet = False
        self.told: list[tuple[str, Fault | None]] = []
        self._rng, self._rate, self._faults = rng, rate, sorted(faults, key=lambda fault: fault.name)

    def __call__(self, verb: str) -> Fault | None:
        strikes = not self.quiet and self._rng.random() < self._rate
        fault = self._rng.choice(self._faults) if strikes else None
        self.told.append((verb, fault))
        return fault


class ScriptedPlan:
    """The faults of a script of (verb, its how-manieth call from 1 on, fault); verb "*" counts every call.

    `calls` says how many there were: run once without a script, then crash at each.
    """

    def __init__(self, *script: tuple[str, int, Fault]) -> None:
        self.calls = 0
        self._script = {(verb, nth): fault for verb, nth, fault in script}
        self._verbs: Counter[str] = Counter()

    def __call__(self, verb: str) -> Fault | None:
        self.calls += 1
        self._verbs[verb] += 1
        return self._script.get((verb, self._verbs[verb])) or self._script.get(("*", self.calls))


def faulty(target: T, plan: Plan) -> T:
    """The target, with those of the plan's faults that can happen anywhere at each of its public methods."""
    return cast("T", _Faulty(target, plan))


class _Faulty:
    def __init__(self, target: object, plan: Plan) -> None:
        self._target, self._plan = target, plan

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if name.startswith("_") or not callable(method):
            return method
        return lambda *args, **kwargs: _perform(_among(ANYWHERE, self._plan(name)), lambda: method(*args, **kwargs))


class FaultyTable:
    """A table with the plan's faults at every verb.

    The past is a replica that writes reach at most `lag` writes late: those of one key in order, those of different
    keys, also of one transaction, in any. So wrap the table while it is empty, and write only through the wrapper.
    """

    def __init__(self, table: Table, plan: Plan, *, lag: int = 5, rng: random.Random | None = None) -> None:
        self._table, self._plan, self._lag = table, plan, lag
        self._rng = rng or random.Random(0)
        self._replica = ModelTable()
        self._on_their_way: deque[Put | Delete] = deque()

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        return self._read("get", lambda table: table.get(key, consistent=consistent), consistent)

    def get_many(self, keys: Iterable[Key], *, consistent: bool = False) -> dict[Key, Item]:
        asked = tuple(keys)
        return self._read("get_many", lambda table: table.get_many(asked, consistent=consistent), consistent)

    def query(self, pk: str, *, consistent: bool = False, **how: Any) -> Page:
        return self._read(
            "query", lambda table, **short: table.query(pk, consistent=consistent, **how | short), consistent
        )

    def query_index(self, index: str, partition: str, **how: Any) -> IndexPage:
        return self._read("query_index", lambda table, **short: table.query_index(index, partition, **how | short))

    def put(self, item: Item, condition: Condition | None = None) -> None:
        self._write("put", [Put(item, condition)], lambda: self._table.put(item, condition))

    def delete(self, key: Key, condition: Condition | None = None) -> None:
        self._write("delete", [Delete(key, condition)], lambda: self._table.delete(key, condition))

    def transact(self, writes: Sequence[Write]) -> None:
        self._write("transact", writes, lambda: self._table.transact(writes))

    def _read(self, verb: str, call: Callable[..., T], consistent: bool = False) -> T:
        fault = self._plan(verb)
        if fault is Fault.STALE and not consistent:
            return call(self._past())
        if fault is Fault.SHORT_PAGE and verb.startswith("query"):
            return call(self._table, limit=1)
        return _perform(_among(ANYWHERE, fault), lambda: call(self._table))

    def _write(self, verb: str, writes: Sequence[Write], call: Callable[[], None]) -> None:
        def write() -> None:
            call()
            self._remember(writes)

        fault = self._plan(verb)
        possible = set(ANYWHERE)
        if verb == "transact" or writes[0].condition:
            possible.add(Fault.RACED)
        if verb != "transact" and fault is Fault.REPEATED:
            write()
        _perform(_among(possible, fault), write)

    def _remember(self, writes: Sequence[Write]) -> None:
        self._on_their_way.extend(write for write in writes if not isinstance(write, Check))
        while len(self._on_their_way) > self._lag:
            self._arrive(self._on_their_way.popleft())

    def _past(self) -> Table:
        """The replica, after some more of the writes on their way have reached it."""
        late: dict[Key, None] = {}
        still: deque[Put | Delete] = deque()
        for write in self._on_their_way:
            key = _key(write)
            if key in late or self._rng.random() < 0.5:
                late[key] = None
                still.append(write)
            else:
                self._arrive(write)
        self._on_their_way = still
        return self._replica

    def _arrive(self, write: Put | Delete) -> None:
        if isinstance(write, Put):
            self._replica.put(write.item)
        else:
            self._replica.delete(write.key)


class FaultyFile(FaultyTable):
    """A SQLite file's table with the plan's faults, also at what it has beside the port: the commit of a batch, and
    the stream. A batch that is not committed leaves nothing, neither in the file nor in the past."""

    def __init__(self, file: SqliteTable, plan: Plan, *, lag: int = 5, rng: random.Random | None = None) -> None:
        super().__init__(file, plan, lag=lag, rng=rng)
        self._file = file
        self._batch: list[Write] | None = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        self._batch = written = []
        try:
            with self._file.batch():
                yield
                fault = _among(ANYWHERE, self._plan("commit"))
                if fault in _BEFORE:
                    _perform(fault, lambda: None)
        finally:
            self._batch = None
        self._remember(written)
        _perform(fault, lambda: None)

    def read_stream(self, after: int, limit: int) -> list[tuple[int, Key]]:
        return self._read("read_stream", lambda _: self._file.read_stream(after, limit), consistent=True)

    def prune_stream(self, upto: int) -> None:
        _perform(_among(ANYWHERE, self._plan("prune_stream")), lambda: self._file.prune_stream(upto))

    def stream_head(self) -> int:
        return self._file.stream_head()

    def _remember(self, writes: Sequence[Write]) -> None:
        if self._batch is None:
            super()._remember(writes)
        else:
            self._batch.extend(writes)


def _key(write: Put | Delete) -> Key:
    return write.item.key if isinstance(write, Put) else write.key


def _among(possible: Iterable[Fault], fault: Fault | None) -> Fault | None:
    return fault if fault in possible else None


def _perform(fault: Fault | None, call: Callable[[], T]) -> T:
    if fault in _BEFORE:
        raise _BEFORE[fault](fault.value)
    answer = call()
    if fault in _AFTER:
        raise _AFTER[fault](fault.value)
    return answer
