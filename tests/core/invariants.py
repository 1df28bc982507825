"""What holds whatever happens: nothing lost, nothing twice, nothing for ever, nothing after its deletion."""

from collections import Counter

from tests.core.world import SECOND, Sent, World
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import EntryKind, Reason, Transition
from warden.domain.alarms.violation import Status
from warden.domain.behaviors.target import ThingFacts

Wanted = tuple[str, str, str]  # uid, thing, thing id


class Witness:
    """Looks at a world after every step, and remembers what was ever not wanted."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wanted: dict[Wanted, tuple[bool, bool]] = {}
        self.not_always: set[Wanted] = set()
        self.muted: set[str] = set()
        self._known: set[Wanted] = set()
        self._events: set[tuple[str, int, EventType]] = set()
        self._alerts = 0

    def look(self) -> None:
        """A step is over: whatever it recorded or sent was wanted before it, or is wanted now."""
        assert not self.world.lost, f"acknowledged, and not there after a death: {self.world.lost}"
        before, self.wanted = self.wanted, self._wanted()
        self.not_always |= {what for what, (live, covered) in self.wanted.items() if not (live and covered)}
        self.muted |= self.world.muted()
        self._judge_events(before)
        self._judge_alerts(before)

    def _wanted(self) -> dict[Wanted, tuple[bool, bool]]:
        catalogue = self.world.profiles()
        standing: dict[Wanted, tuple[bool, bool]] = {}
        known = {thing: self.world.known(thing).facts for thing in self.world.names()}
        self._known |= {(t.uid, thing, logged.entry.thing_id) for thing, logged, t in self.world.transitions()}
        for uid, thing, thing_id in self._known:
            facts = known[thing] or ThingFacts("")
            covers = catalogue.covers(uid, facts)
            standing[uid, thing, thing_id] = covers is not None, bool(covers) and facts.thing_id == thing_id
        return standing

    def _may(self, what: Wanted, kind: EventType, before: dict[Wanted, tuple[bool, bool]]) -> bool:
        for standing in (before.get(what), self.wanted.get(what)):
            if standing and standing[0] and (standing[1] or kind is EventType.INVALIDATED):
                return True
        return False

    def _judge_events(self, before: dict[Wanted, tuple[bool, bool]]) -> None:
        for event in self.world.events():
            known_as = (event.violation_id, event.at, event.type)
            if known_as in self._events:
                continue
            self._events.add(known_as)
            if event.type is not EventType.INVALIDATED:
                what = (event.uid, event.thing, event.thing_id)
                assert self._may(what, event.type, before), f"{event.type} was recorded, and is not wanted: {event}"

    def _judge_alerts(self, before: dict[Wanted, tuple[bool, bool]]) -> None:
        new, self._alerts = self.world.topics.taken[self._alerts :], len(self.world.topics.taken)
        told = set(self.world.told()) if new else set()
        for alert in new:
            episode = self.world.episode(alert.violation_id)
            assert episode, f"{alert} is of no violation"
            assert (alert.violation_id, alert.type) in told, f"{alert} is of no event"
            what = (episode.uid, episode.thing, episode.thing_id)
            assert self._may(what, alert.type, before), f"{alert} was sent, and is not wanted"

    # In the end

    def judge(self) -> None:
        """Everything has settled down."""
        self.every_report_is_counted_once()
        self.sequences_have_no_gaps()
        self.violations_begin_once_and_end_once()
        self.logs_begin_and_end_each_violation_once()
        self.every_transition_is_recorded_unless_it_was_not_wanted()
        self.nothing_is_active_for_ever()
        self.every_alert_arrived()
        for thing in self.world.names():
            self.events_alternate(thing)

    def every_report_is_counted_once(self) -> None:
        world = self.world
        for thing in world.names():
            entries = [logged.entry for logged in world.log(thing) if logged.entry.kind is EntryKind.REPORT]
            counted = Counter((entry.report_id, entry.digest) for entry in entries)
            sent = {sent.known_as: sent for sent in world.sent if sent.thing == thing}
            assert counted.keys() <= sent.keys()
            assert all(times == 1 for times in counted.values()), f"{thing}: a report is counted twice: {counted}"
            acknowledged = {
                each.known_as for each in sent.values() if each in world.counted and not self._expired(each)
            }
            lost = acknowledged - counted.keys()
            assert not lost, f"{thing}: reports were acknowledged, and are lost: {lost}"

    def _expired(self, sent: Sent) -> bool:
        return sent.at + self.world.options.keep <= self.world.now + SECOND

    def sequences_have_no_gaps(self) -> None:
        for thing in self.world.names():
            found = [logged.seq for logged in self.world.log(thing)]
            assert found == list(range(found[0], found[0] + len(found))) if found else True

    def violations_begin_once_and_end_once(self) -> None:
        beginnings, ends = Counter[str](), Counter[str]()
        for violation_id, kind in self.world.told():
            (beginnings if kind is EventType.IN_ALARM else ends)[violation_id] += 1
        for violation_id in beginnings | ends:
            episode = self.world.episode(violation_id)
            assert episode
            assert beginnings[violation_id] == 1
            assert ends[violation_id] == (1 if episode.status is Status.ENDED else 0)

    def logs_begin_and_end_each_violation_once(self) -> None:
        raised = Counter((t.violation_id, t.type is EventType.IN_ALARM) for _, _, t in self.world.transitions())
        assert all(times == 1 for times in raised.values()), f"raised twice: {raised.most_common(3)}"

    def every_transition_is_recorded_unless_it_was_not_wanted(self) -> None:
        for thing, logged, transition in self.world.transitions():
            episode = self.world.episode(transition.violation_id)
            if transition.type is EventType.IN_ALARM:
                assert episode, f"{thing} {logged.seq}: lost {transition}"
            if episode is None:
                continue
            what = (transition.uid, thing, logged.entry.thing_id)
            if transition.type is EventType.IN_ALARM and episode.status is Status.DROPPED:
                assert what in self.not_always, f"{thing} {logged.seq}: dropped, and was always wanted: {transition}"
            if transition.type is not EventType.IN_ALARM:
                assert episode.status is not Status.ACTIVE, f"{thing} {logged.seq}: the end is lost: {transition}"

    def nothing_is_active_for_ever(self) -> None:
        world, catalogue = self.world, self.world.profiles()
        rings = {
            alarm.violation_id
            for thing in world.names()
            for known in [world.known(thing)]
            if known.facts and known.newest and known.newest.entry.thing_id == known.facts.thing_id
            if known.newest.entry.pos + world.options.keep > world.now
            for alarm in known.newest.entry.state.alarms
            if alarm.ringing and catalogue.covers(alarm.uid, known.facts)
        }
        assert {episode.violation_id for episode in world.active()} == rings
        assert {episode.violation_id for episode in world.listed()} == rings

    def every_alert_arrived(self) -> None:
        arrived = {(alert.violation_id, alert.type) for alert in self.world.topics.arrived}
        recorded = set(self.world.told())
        for thing, logged, transition in self.world.transitions():
            known_as = transition.violation_id, transition.type
            if known_as in recorded and self._always_wanted(thing, logged.entry.thing_id, transition):
                assert known_as in arrived, f"never sent: {thing} {transition}"

    def _always_wanted(self, thing: str, thing_id: str, transition: Transition) -> bool:
        return (
            (transition.type is not EventType.INVALIDATED or transition.reason is Reason.SILENT)
            and (transition.uid, thing, thing_id) not in self.not_always
            and transition.uid not in self.muted
        )

    def events_alternate(self, thing: str) -> None:
        """A behavior's next violation begins after the one before has ended; a late pair stands for itself."""
        late = {t.violation_id for _, logged, t in self.world.transitions() if logged.entry.late}
        ringing: dict[str, str] = {}
        for logged in self.world.log(thing):
            for transition in logged.entry.transitions:
                if transition.violation_id in late:
                    continue
                if transition.type is EventType.IN_ALARM:
                    assert transition.uid not in ringing or transition.uid not in self.world.profiles().behaviors
                    ringing[transition.uid] = transition.violation_id
                elif logged.seq >= transition.began:
                    ringing.pop(transition.uid, None)
