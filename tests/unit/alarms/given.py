"""A thing, its log, and profiles in force, as the tests of alarms need them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tests.unit.behaviors.given import behavior, live
from warden.domain.alarms.advance import report
from warden.domain.alarms.alarm import Alarm
from warden.domain.alarms.arrival import Arrival
from warden.domain.alarms.entry import Entry, Logged, Transition
from warden.domain.behaviors.catalogue import Catalogue, LiveProfile
from warden.domain.behaviors.plan import LiveBehavior
from warden.domain.behaviors.profile import SecurityProfile
from warden.domain.behaviors.target import Target, ThingFacts

ACCOUNT = "123456789012"
MINUTE = 60_000
DAY = 86_400_000
AT = 1_790_000_000_000
KEEP = 14 * DAY
PUMP = ThingFacts("id-1", ("Pumps",))
EVERYTHING = f"arn:aws:iot:eu-west-1:{ACCOUNT}:all/things"

TELNET = behavior("aws:listening-tcp-ports", "not-in-port-set", [23], name="Telnet")
"""Violated by BAD, conformed to by GOOD, without a datapoint in SILENT."""

BAD: dict[str, Any] = {"tp": {23}}
GOOD: dict[str, Any] = {"tp": {22}}
SILENT: dict[str, Any] = {"nc": 1}


def catalogue(*behaviors: LiveBehavior, epoch: int = 1, target: str = EVERYTHING) -> Catalogue:
    """One profile, attached to all things unless it says otherwise."""
    says = SecurityProfile(security_profile_name="factory", behaviors=tuple(each.behavior for each in behaviors))
    return Catalogue(epoch, [LiveProfile(says, behaviors, (Target.parse(target),))])


def telnet(*, to_alarm: int = 1, to_clear: int = 1, **identity: int) -> LiveBehavior:
    """TELNET with its counts."""
    criteria = msgspec.structs.replace(
        TELNET.criteria, consecutive_datapoints_to_alarm=to_alarm, consecutive_datapoints_to_clear=to_clear
    )
    return live(msgspec.structs.replace(TELNET, criteria=criteria), **identity)


def arrival(points: dict[str, Any], at: int, *, report_id: int = 7, digest: bytes = b"abcd") -> Arrival:
    return Arrival("pump-7", report_id, digest, points, at)


class Log:
    """The log of one thing, whose reports come five minutes apart unless it is said when."""

    def __init__(self, profiles: Catalogue, facts: ThingFacts = PUMP) -> None:
        self.profiles = profiles
        self.facts = facts
        self.entries: list[Entry] = []

    @property
    def newest(self) -> Logged | None:
        return Logged(len(self.entries), self.entries[-1]) if self.entries else None

    @property
    def alarms(self) -> Sequence[Alarm]:
        return self.entries[-1].state.alarms

    def logged(self, seq: int) -> Logged:
        return Logged(seq, self.entries[seq - 1])

    def report(self, points: dict[str, Any], at: int | None = None) -> tuple[Transition, ...]:
        """Append a report; what it did."""
        number = len(self.entries)
        came = arrival(points, AT + number * 5 * MINUTE if at is None else at, report_id=number + 1)
        entry = report(came, self.newest, self.facts, self.profiles, account=ACCOUNT, keep=KEEP)
        self.append(entry)
        return entry.transitions

    def append(self, entry: Entry) -> None:
        """Append an entry as it comes back from the table."""
        self.entries.append(msgspec.msgpack.decode(msgspec.msgpack.encode(entry), type=Entry))
