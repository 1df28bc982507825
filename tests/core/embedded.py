"""The core as `warden serve` has it: devices at a data plane, and a control plane that asks it over the local channel.

Real are the intake, the channel's questions and answers, the data plane's own answers to them, and the control plane's
reader of the stream. Each plane dies by itself: what the one was doing for the other is then unanswered.
"""

import asyncio
import json
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from tests.core.outside import Channel, Devices
from tests.core.world import Parts, Sent, World
from tests.faults import Crash, Fault, faulty
from tests.hand_driven_loop import HandDrivenLoop
from warden.domain.behaviors.profile import SecurityProfile
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Unavailable
from warden.embedded import channel
from warden.embedded.broker.publication import Publication
from warden.embedded.data_plane import DataPlane
from warden.embedded.dispatcher import STREAM, StreamReader
from warden.embedded.intake import RETRY_SECONDS, AskedThings, Intake
from warden.embedded.remote_log import RemoteThingLog
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.thing_log import TableThingLog
from warden.use_cases.ingest_report import IngestReport
from warden.use_cases.record_registry_answer import RecordRegistryAnswer

TURNS = 6
"""Of the loop: one for a batch, some more where the registry is asked first."""


class DataPlaneSide:
    """A data plane without its ports: the real intake on a loop that is driven by hand, and the real answers, but for
    those that read the clock or wait."""

    _append, _prune, _reload = DataPlane._append, DataPlane._prune, DataPlane._reload

    def __init__(self, world: "EmbeddedWorld") -> None:
        self._world = world
        self._table = world.tables[0]
        self._log = TableThingLog(self._table)
        self._catalogues = CatalogueCache(CatalogueStore(world.tables[1]), poll_ms=None)
        self._answered = RecordRegistryAnswer(self._log, self._log, self._catalogues, keep=self._log.keep)
        self._registry = faulty(world.registry, world.outside)
        self._crash: BaseException | None = None
        self._loop = HandDrivenLoop()
        self._loop.set_exception_handler(self._broken)
        asked = AskedThings()
        self._intake = Intake(
            IngestReport(self._log, self._log, asked, self._catalogues, world.options),
            asked,
            fetch=self._fetch,
            transaction=self._table.batch,
            send=lambda topic, payload: world.devices.send("reply", partial(world.heard, topic, payload)),
            pause=lambda _: None,
            prefixes=("$aws",),
            clock=lambda: world.now,
            committed=self._committed,
        )
        self._answerers: dict[str, channel.Answerer] = {
            "append": self._append,
            "prune": self._prune,
            "reload": self._reload,
            "registry-answer": self._registry_answer,
            "stream": self._stream_head,
        }

    def close(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.turn()
        self._loop.close()

    def answer(self, question: bytes) -> bytes:
        """A question of the control plane's; none of those here has to wait for anything."""
        answering = channel.reply(self._answerers, question)
        try:
            answering.send(None)
        except StopIteration as done:
            return bytes(done.value)
        raise AssertionError("the answer waits")

    def take(self, publication: Publication) -> None:
        with self._loop.running():
            assert self._intake.take(publication)

    def work(self, until: list[Any], count: int) -> None:
        """Go on until there are so many of something, for as long as it takes to try again once. Raises Crash."""
        for seconds in (0, RETRY_SECONDS):
            self._loop.now += seconds
            for _ in range(TURNS):
                if len(until) == count:
                    return
                self._loop.turn()
                if self._crash:
                    raise self._crash

    def _broken(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._crash = context.get("exception") or AssertionError(context["message"])

    async def _fetch(self, thing: str) -> ThingFacts:
        try:
            return self._registry.ask(thing, now=self._world.now)
        except Crash as crash:
            self._crash = crash
            return await asyncio.Future()  # nothing of a dead process goes on

    def _committed(self) -> None:
        """Nobody waits for the stream to grow."""

    async def _registry_answer(self, asked: dict[str, Any]) -> None:
        with self._table.batch():
            for thing, facts in asked["answers"].items():
                self._answered(thing, msgspec.convert(facts, ThingFacts), now=self._world.now)

    async def _stream_head(self, _: dict[str, Any]) -> int:
        return self._table.stream_head()


class ControlPlaneSide(Parts):
    """What dispatches in the control plane."""

    def __init__(self, world: "EmbeddedWorld") -> None:
        super().__init__(world, *world.tables, way=lambda file: RemoteThingLog(file, world.carry))
        self.reader = StreamReader(
            world.tables[0],
            self.log,
            self.jobs,
            dispatch=self.dispatch,
            deliver=self.deliver,
            channel=world.carry,
            clock=lambda: world.now,
        )


class EmbeddedWorld(World):
    """Both planes, and devices that send again, as QoS 1 has it, what was not acknowledged."""

    possible = frozenset(Fault) - {Fault.STALE, Fault.REPEATED}  # a file has no past, and nobody writes it twice

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__(seed=seed, evaluators=1, one_clock=True)
        self.devices = Devices(self.outside)
        self.channel = Channel(self.outside, self._answer)
        self.data_plane = DataPlaneSide(self)
        self._published: set[Sent] = set()
        self._rejected: set[Sent] = set()
        self._untold_of_profiles = False

    def restart(self) -> None:
        """The control plane died."""
        self.topics.lose()
        self.parts = ControlPlaneSide(self)

    def close(self) -> None:
        self.data_plane.close()
        super().close()

    def _data_plane_died(self) -> None:
        self.data_plane.close()
        self.channel.lose()
        self.data_plane = DataPlaneSide(self)
        there = {logged.entry.report_id for thing in self.names() for logged in self.log(thing)}
        self.lost |= {sent for sent in self.counted if sent.report_id not in there}

    # The channel

    def carry(self, question: bytes, seconds: float) -> bytes:
        return self.channel(question, seconds)

    def _answer(self, question: bytes) -> bytes:
        try:
            return self.data_plane.answer(question)
        except Crash:
            self._data_plane_died()
            raise ConnectionResetError("the data plane died") from None

    # Reports

    def take(self, sent: Sent, evaluator: int = 0) -> None:  # noqa: ARG002
        """A device publishes a report, perhaps again. Raises Unavailable where it hears no PUBACK."""
        self.take_all(sent)

    def take_all(self, *sent: Sent) -> None:
        """Devices publish their reports at the same time."""
        acknowledged: list[Sent] = []
        for each in sent:
            self.data_plane.take(self._publication(each, acknowledged))
            self._published.add(each)
        try:
            self.data_plane.work(acknowledged, len(sent))
        except Crash:
            self._data_plane_died()
        self.unanswered = [each for each in self.unanswered if each not in acknowledged]
        if len(acknowledged) < len(sent):
            raise Unavailable("no PUBACK")

    def _publication(self, sent: Sent, acknowledged: list[Sent]) -> Publication:
        def arrive() -> None:
            acknowledged.append(sent)
            if sent not in self._rejected:
                self.counted.add(sent)

        topic = f"$aws/things/{sent.thing}/defender/metrics/json"
        puback = partial(self.devices.send, "puback", arrive)
        return Publication(topic, sent.payload, 1, sent.thing, puback, dup=sent in self._published)

    def heard(self, topic: str, payload: bytes) -> None:
        """A reply arrives at its device."""
        sent = self.sent[json.loads(payload)["reportId"] - 1]
        (self.counted if topic.endswith("/accepted") else self._rejected).add(sent)

    # What the data plane is told

    def create(self, profile: SecurityProfile, *arns: str) -> None:
        super().create(profile, *arns)
        self._profiles_changed()

    def update(self, profile: SecurityProfile) -> None:
        super().update(profile)
        self._profiles_changed()

    def delete(self, name: str) -> None:
        super().delete(name)
        self._profiles_changed()

    def attach(self, name: str, arn: str) -> None:
        super().attach(name, arn)
        self._profiles_changed()

    def detach(self, name: str, arn: str) -> None:
        super().detach(name, arn)
        self._profiles_changed()

    def _profiles_changed(self) -> None:
        """The data plane is told at once, or later: the change itself is answered."""
        self._untold_of_profiles = True
        with suppress(Unavailable):
            self._tell_of_profiles()

    def _tell_of_profiles(self) -> None:
        if self._untold_of_profiles:
            channel.ask(self.carry, "reload", {})
            self._untold_of_profiles = False

    def tell(self, position: int = 0) -> None:
        if self.untold:
            thing, answer = self.untold[position % len(self.untold)]
            channel.ask(self.carry, "registry-answer", {"answers": msgspec.to_builtins({thing: answer})})
            self.untold.remove((thing, answer))
            self.now += 1

    # The stream

    def pump(self) -> None:
        """Dispatch what is in the stream, until the reader asks to be told of more."""
        self.insist(self._tell_of_profiles)
        while self._is_behind():
            self.insist(self.parts.reader.read)
        self.insist(self.parts.reader.read)

    def _is_behind(self) -> bool:
        cursor = self.true.jobs.cursor(STREAM)
        return bool(self.files[0].read_stream(cursor.record.position if cursor else 0, 1))
