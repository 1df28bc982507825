"""What a thing's log holds: one entry for everything that happened to it, each with the state after.

The encoded form is for ever: a field is only ever added at the end, with a default.
"""

import hashlib
from enum import StrEnum
from typing import Final
from zlib import crc32

import msgspec

from warden.domain.alarms.alarm import Alarm, EventType
from warden.domain.behaviors.metrics import Datapoint
from warden.domain.behaviors.windows import Ring

REPORTS_REMEMBERED: Final = 16
"""Reports of a thing whose repetition is known from its newest entry alone."""


class EntryKind(StrEnum):
    """What an entry records."""

    REPORT = "report"
    SILENCE = "silence"
    LEFT = "left"
    RETIRE = "retire"


class Reason(StrEnum):
    """Why a violation began or ended."""

    DATAPOINT = "datapoint"
    LATE = "late"
    BEHAVIOR_DELETED = "behavior-deleted"
    BEHAVIOR_CHANGED = "behavior-changed"
    PROFILE_DETACHED = "profile-detached"
    PROFILE_DELETED = "profile-deleted"
    THING_LEFT = "thing-left"
    THING_DELETED = "thing-deleted"
    THING_REGISTERED = "thing-registered"
    SILENT = "silent"
    RETIRED = "retired"


class Transition(msgspec.Struct, frozen=True, array_like=True, gc=False, omit_defaults=True):
    """The beginning or the end of a violation.

    Attributes:
        type: Which.
        violation_id: Of the violation.
        uid: Of the behavior.
        profile: Its profile.
        profile_version: The version that was evaluated; the one its criteria are from, where nothing was.
        reason: Why.
        at: When, epoch ms.
        began: For an end, the sequence of the entry with its beginning; 0 for a beginning.
        count: What a windowed behavior was compared with; else the value is the entry's datapoint.
    """

    type: EventType
    violation_id: str
    uid: str
    profile: str
    profile_version: int
    reason: Reason
    at: int
    began: int = 0
    count: int | None = None


class State(msgspec.Struct, frozen=True, array_like=True):
    """All that the next evaluation of a thing needs.

    Attributes:
        epoch: Of the catalogue that it was evaluated under.
        report_at: Time of the newest report that was on time, epoch ms; 0 before the first.
        alarms: Those not at rest.
        windows: Rings by window.
        recent: The last reports, newest first: (report id, digest of the payload).
    """

    epoch: int = 0
    report_at: int = 0
    alarms: tuple[Alarm, ...] = ()
    windows: dict[str, Ring] = {}
    recent: tuple[tuple[int, bytes], ...] = ()

    def remembering(self, report_id: int, digest: bytes) -> tuple[tuple[int, bytes], ...]:
        """`recent` after one more report."""
        return ((report_id, digest), *self.recent[: REPORTS_REMEMBERED - 1])


AT_REST: Final = State()


class Entry(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One thing that happened.

    Attributes:
        schema: Of this encoding; see `storage/records.py`.
        kind: What it records.
        at: When, epoch ms.
        pos: The largest `at` so far: it never goes back, so that a time can be looked up.
        thing_id: The registry's id of the thing at the time; empty where it is not registered.
        state: Afterwards.
        transitions: What it did to violations.
        report_id: Of a report.
        digest: Of a report's payload.
        late: Whether newer reports had overtaken it.
        points: The datapoints that are kept, by metric code.
        flagged: Codes of datapoints that were judged by nothing; see `domain.behaviors.spikes`.
        exports: Names of the profiles that export some of the datapoints.
    """

    schema: int = 1
    kind: EntryKind
    at: int
    pos: int
    thing_id: str
    state: State
    transitions: tuple[Transition, ...] = ()
    report_id: int = 0
    digest: bytes = b""
    late: bool = False
    points: dict[str, Datapoint] = {}
    flagged: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()


class Logged(msgspec.Struct, frozen=True):
    """An entry at its place in a thing's log; sequences count from 1, without gaps while the thing is heard of."""

    seq: int
    entry: Entry


def digest(payload: bytes) -> bytes:
    """What tells two reports of one id apart, 4 bytes. Whoever makes two alike loses the second, which is theirs."""
    return crc32(payload).to_bytes(4)


def violation_id(*, account: str, identity: str, uid: str, seq: int, at: int) -> str:
    """A violation's id: the same whenever the same evaluation is done again, another for any other violation.

    Args:
        account: AWS account.
        identity: The thing's id, or its name where it is not registered.
        uid: Of the behavior.
        seq: Of the log entry that raises it.
        at: Of that entry, epoch ms: sequences start again after a thing's log has expired.
    """
    return hashlib.sha256(msgspec.msgpack.encode((account, identity, uid, seq, at))).hexdigest()[:32]
