"""A history happens to the product and to the reference; where they differ, the shortest part of it is shown that
they differ by."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

from tests.model.happenings import Happening, Waited
from tests.model.product import BEGINNING, Product
from tests.model.records import Event, Reply, Rules, Violation
from tests.model.reference import Reference


class Differs(AssertionError):
    """The product does not do what it ought to, or fails.

    Attributes:
        what: In what.
        rules: The account's.
        history: What had happened to it.
    """

    def __init__(self, what: str, detail: str, rules: Rules, history: Sequence[Happening]) -> None:
        lines = [f"{(each.now - BEGINNING) / 1000:>12.3f} s  {each}" for each in history]
        super().__init__("\n".join([f"{what}:", detail, f"after this, of an account with {rules}:", *lines]))
        self.what = what
        self.rules = rules
        self.history = history


class Play:
    """The product and the reference, and what has happened to them. Use `close`.

    Args:
        rules: The account's.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.history: list[Happening] = []
        self._product = Product(rules)
        self._replies: list[Reply] = []

    def close(self) -> None:
        self._product.close()

    def happen(self, happening: Happening) -> None:
        """Let something happen. Raises Differs where the product fails."""
        self.history.append(happening)
        try:
            self._replies += self._product.happen(happening)
        except Exception as error:
            raise Differs(f"it fails with {type(error).__name__}", str(error), self.rules, self.history) from error

    def compare(self) -> None:
        """Raises Differs where the product has done anything but what it ought to until now."""
        if not self.history or (isinstance(self.history[-1], Waited) and not self.history[-1].swept):
            return  # nobody has looked yet
        expected = Reference(self.rules, self.history)
        for reply, wanted in zip(self._replies, expected.replies, strict=True):
            if not _says(reply, wanted):
                raise Differs("replies", f"  {reply}, not {wanted}", self.rules, self.history)
        self._compare("events", map(_event, self._product.events()), map(_event, expected.events))
        self._compare("alerts", map(_event, self._product.alerts()), map(_event, expected.alerts))
        going_on = ((*_event(begins)[:5], at, _value(value)) for begins, at, value in self._product.active())
        self._compare("active violations", going_on, map(_violation, expected.active))

    def _compare(self, what: str, found: Iterable[object], wanted: Iterable[object]) -> None:
        is_there, ought = Counter(found), Counter(wanted)
        if is_there != ought:
            detail = [f"  not expected: {each}" for each in (is_there - ought).elements()]
            detail += [f"  missing: {each}" for each in (ought - is_there).elements()]
            raise Differs(what, "\n".join(detail), self.rules, self.history)


def _says(reply: Reply, wanted: Reply) -> bool:
    """Whether a reply says what it ought to: of five dropped metrics at most, and the reasons perhaps in more words."""
    pairs = zip(reply.dropped, wanted.dropped, strict=False)
    return (
        (reply.outcome, reply.dropped_count) == (wanted.outcome, wanted.dropped_count)
        and len(reply.dropped) == min(5, wanted.dropped_count)
        and all(ours[0] == theirs[0] and ours[1].startswith(theirs[1]) for ours, theirs in pairs)
    )


def _value(value: Any) -> Any:
    """A metric's value; the order of a list says nothing."""
    if value is None:
        return None
    ((member, content),) = value.items()
    return member, tuple(sorted(content)) if isinstance(content, list) else content


def _event(event: Event) -> tuple[Any, ...]:
    return event.thing, event.profile, event.behavior, event.type, event.at, _value(event.value)


def _violation(violation: Violation) -> tuple[Any, ...]:
    life = violation.life
    begins = violation.thing, life.profile, life.name, "in-alarm", violation.started_at
    return *begins, violation.last_at, _value(violation.last_value)


def _difference(rules: Rules, history: Iterable[Happening]) -> Differs | None:
    """What comes of a history; nothing also where it makes no sense, such as detaching what was never attached."""
    with closing(Play(rules)) as play:
        try:
            for happening in history:
                play.happen(happening)
            play.compare()
        except Differs as differs:
            return differs
        except (KeyError, ValueError):
            return None
    return None


def shortest(found: Differs) -> Differs:
    """A difference like the one that was found, from which nothing can be left out any more.

    Hypothesis would look for it by playing thousands of whole histories from their beginnings.
    """
    size = len(found.history) // 2
    while size:
        start = 0
        while start < len(found.history):
            shorter = _difference(found.rules, [*found.history[:start], *found.history[start + size :]])
            if shorter and shorter.what == found.what:
                found = shorter
            else:
                start += size
        size //= 2
    return found
