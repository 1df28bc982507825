"""What the registry has of things, as it was at any time, and what is known of it."""

from dataclasses import replace

from tests.model.happenings import GroupMoved, Reported, ThingChanged
from tests.model.reading import HOUR
from tests.model.records import Facts, Rules


class Memberships:
    """All changes of the registry, and the last answer about each thing.

    Attributes:
        known: By thing.
    """

    def __init__(self, rules: Rules) -> None:
        self.known: dict[str, Facts] = {}
        self._rules = rules
        self._changes: list[ThingChanged | GroupMoved] = []

    def change(self, change: ThingChanged | GroupMoved) -> None:
        self._changes.append(change)

    def of(self, thing: str) -> Facts:
        """What is known of a thing."""
        return self.known.get(thing, Facts("", frozenset(), 0))

    def learn(self, thing: str, *, asked_at: int) -> Facts:
        """Believe what the registry answered at some time, unless a later answer is known."""
        return self._believe(thing, self._answer(thing, until=asked_at, stamped=asked_at))

    def facts_for(self, report: Reported) -> Facts | None:
        """What counts for a report, for which the registry may have to be asked; None where it must not report."""
        known, allowed = self.known.get(report.thing), self._rules.allow_unregistered
        if known and (known.thing_id or (allowed and report.at - known.answered_at < HOUR)):
            return known
        answer = self._answer(report.thing, until=report.now, stamped=report.at)
        return self._believe(report.thing, answer) if answer.thing_id or allowed else None

    def expire(self, now: int) -> None:
        """Forget things that are not registered any more."""
        known = self.known.items()
        self.known = {t: f for t, f in known if f.thing_id or self._rules.keeps(f.answered_at, now)}

    def _answer(self, thing: str, *, until: int, stamped: int) -> Facts:
        thing_id, groups, parents = "", frozenset[str](), dict[str, str | None]()
        for change in self._changes:
            if change.now > until:
                break
            if isinstance(change, GroupMoved):
                parents[change.group] = change.parent
            elif change.thing == thing:
                thing_id, groups = change.thing_id, frozenset(change.groups)
        for _ in parents:
            groups |= {parent for group in groups if (parent := parents.get(group))}
        return Facts(thing_id, groups, stamped)

    def _believe(self, thing: str, answer: Facts) -> Facts:
        known = self.known.get(thing)
        if known and known.answered_at >= answer.answered_at:
            return known
        since = 0 if not known else known.id_since if known.thing_id == answer.thing_id else answer.answered_at
        self.known[thing] = replace(answer, id_since=since)
        return self.known[thing]
