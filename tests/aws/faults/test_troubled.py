"""Many strikes at once, at random: what comes of it is what was in the things' logs, each once, and told.

Records and receipts come again and in another order, publications are swallowed, SNS refuses, a profile is deleted.
`WARDEN_AWS_ROUNDS` says how many lives to live instead of the usual number; a life's seed is in its test's name.
"""

import os
import random
from collections import defaultdict
from contextlib import suppress

import pytest

from tests.aws.conftest import MINUTE
from tests.aws.faults.account import GROUPS
from tests.aws.faults.conftest import NewHome
from tests.aws.faults.home import Home, Told
from tests.aws.faults.lives import IN_ALARM
from tests.aws.faults.strikes import Death, Strike
from tests.core.profiles import BAD, GOOD
from warden.domain.alarms.entry import EntryKind

ROUNDS = int(os.environ.get("WARDEN_AWS_ROUNDS", "0"))
STEPS, RATE = 30, 0.06
DELETED = "valves"


class Trouble:
    """A life at random.

    Attributes:
        newest: What each thing said last.
        deleted: Whether profile `DELETED` is.
        told_before: The alerts of it that were published before.
    """

    def __init__(self, home: Home, seed: int) -> None:
        self.home, self.rng = home, random.Random(seed)
        self.newest: dict[str, int] = {}
        self.deleted = False
        self.told_before: list[Told] = []
        for name in GROUPS:
            home.watch(name)
        home.strikes.plan = self._strike

    def _strike(self, _number: int, operation: str) -> Strike | None:
        if self.rng.random() > RATE:
            return None
        return self.rng.choice([strike for strike in Strike if strike.may_hit(operation)])

    def live(self) -> None:
        steps = [self.report] * 6 + [self.home.dispatch] * 4 + [self.again, self.disorder, self.lose_records]
        steps += [self.rules] * 4 + [self.receipts] * 3 + [self.home.swallow, self.sweep, self.sweep, self.sweep]
        for number in range(STEPS):
            self.rng.choice(steps)()
            if number == STEPS // 2 and self.rng.random() < 0.5:
                self.delete()
        self.home.strikes.clear()
        self.home.refusing = False
        self.home.settle()

    def report(self) -> None:
        thing = self.rng.choice([thing for things in GROUPS.values() for thing in things])
        connections = self.rng.choice([BAD, GOOD])
        self.home.report(thing, connections)
        while self.home.dead_reports:  # somebody redrives them while they are the thing's newest
            self.home.redrive()
        self.newest[thing] = connections

    def again(self) -> None:
        """Records that were dealt with come once more, the oldest last."""
        self.home.feed(self.rng.sample(self.home.read, min(4, len(self.home.read))))

    def disorder(self) -> None:
        self.home.poll()
        self.rng.shuffle(self.home.unread)

    def lose_records(self) -> None:
        """As a batch whose every try failed."""
        self.home.poll()
        self.home.unread.clear()

    def rules(self) -> None:
        self.home.refusing = self.rng.random() < 0.2
        self.home.run_rules()

    def receipts(self) -> None:
        self.home.queued += self.rng.sample(self.home.queued, len(self.home.queued) // 2)
        self.rng.shuffle(self.home.queued)
        self.home.receive()

    def sweep(self) -> None:
        with suppress(Death):  # the next minute's is another invocation
            self.home.sweep(after=self.rng.choice([MINUTE, 5 * MINUTE, 11 * MINUTE]))

    def delete(self) -> None:
        self.home.delete_profile(DELETED)
        self.home.swallow()
        self.deleted = True
        self.told_before = self._of_deleted()

    # In the end

    def judge(self) -> None:
        events, active, raised = self.home.events(), self.home.active(), self._raised()
        assert not self.home.dead_reports
        assert len(set(events)) == len(events)
        gone = {DELETED} if self.deleted else set()
        recorded = [told for told in events if told.profile not in gone]
        assert sorted(recorded) == sorted(told for told in raised if told.profile not in gone)
        bad = {thing for name, things in GROUPS.items() if name not in gone for thing in things}
        assert sorted(told.thing for told in active) == sorted(t for t in bad if self.newest.get(t) == BAD)
        assert set(recorded) <= set(self.home.heard) <= set(events)
        self._every_violation_ends_once(events, active)
        if self.deleted:
            assert self._of_deleted() == self.told_before, "an alert was published after the deletion"
        assert self.home.dead_alerts() == []

    def _raised(self) -> list[Told]:
        """What the logs say."""
        names = {thing: name for name, things in GROUPS.items() for thing in things}
        return [
            Told(names[thing], thing, transition.violation_id, transition.type, transition.at)
            for thing in names
            for logged in self.home.user.thing_log.since(thing, 0)
            for transition in logged.entry.transitions
            if logged.entry.kind is EntryKind.REPORT
        ]

    def _every_violation_ends_once(self, events: list[Told], active: list[Told]) -> None:
        lives = defaultdict(list)
        for told in sorted(events, key=lambda told: told.at):
            lives[told.violation_id].append(told.type)
        for violation_id, types in lives.items():
            goes_on = any(told.violation_id == violation_id for told in active)
            assert types[0] is IN_ALARM, types
            assert len(types) == (1 if goes_on else 2), types

    def _of_deleted(self) -> list[Told]:
        return [told for told in self.home.published if told.profile == DELETED]


def suffer(home: Home, seed: int) -> None:
    trouble = Trouble(home, seed)
    trouble.live()
    trouble.judge()


@pytest.mark.parametrize("seed", range(ROUNDS or 2))
def test_strikes_at_random_lose_nothing_and_do_nothing_twice(new_home: NewHome, seed: int) -> None:
    suffer(new_home(), seed)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(1_000_000, 1_000_000 + (ROUNDS or 500)))
def test_many_troubled_lives_lose_nothing_and_do_nothing_twice(new_home: NewHome, seed: int) -> None:
    suffer(new_home(), seed)
