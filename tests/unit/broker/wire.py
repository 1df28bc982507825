"""A broker on the loop of the test, and clients that send it whatever a test wants."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from warden.embedded.broker import Broker, Peer, Publication, Rights
from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.encode import encode
from warden.embedded.broker.events import Event
from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Connack,
    Connect,
    Packet,
    Pingreq,
    Pingresp,
    Publish,
    Suback,
    Subscribe,
    Will,
)
from warden.embedded.broker.properties import NO_PROPERTIES, Properties

REPORT_TOPIC = "$aws/things/lamp/defender/metrics/json"


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Taker:
    """Takes over what is published on topics of defender metrics, and on topics that begin with `take`."""

    taken: list[Publication] = field(default_factory=list)

    def __call__(self, publication: Publication) -> bool:
        if publication.topic == "raise":
            raise RuntimeError("no such thing")
        if publication.topic.startswith("take") or "/defender/metrics/" in publication.topic:
            self.taken.append(publication)
            return True
        return False


@dataclass
class Policies:
    """Who may connect and do what: all that is not named here."""

    connects: set[str] = field(default_factory=set)
    publishes: set[str] = field(default_factory=set)
    retains: set[str] = field(default_factory=set)
    subscribes: set[str] = field(default_factory=set)
    receives: set[str] = field(default_factory=set)
    asked: list[tuple[Peer, Connect]] = field(default_factory=list)

    def __call__(self, peer: Peer, connect: Connect) -> Rights | None:
        self.asked.append((peer, connect))
        return None if connect.client_id in self.connects else self

    def may_publish(self, topic: str, *, retain: bool) -> bool:
        return topic not in self.publishes and not (retain and topic in self.retains)

    def may_subscribe(self, topic_filter: str) -> bool:
        return topic_filter not in self.subscribes

    def may_receive(self, topic: str) -> bool:
        return topic not in self.receives


class Client:
    """A connection to a broker: packets in and out, or bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, level: int = MQTT_3_1_1) -> None:
        self._reader, self.writer = reader, writer
        self._level = level
        self._decoder = Decoder(level)
        self._packets: list[Packet] = []

    async def send(self, *packets: Packet | bytes) -> None:
        self.writer.write(b"".join(p if isinstance(p, bytes) else encode(p, self._level) for p in packets))
        await self.writer.drain()

    async def receive(self) -> Packet | None:
        """The next packet, or None where the broker closed the connection."""
        while not self._packets:
            try:
                data = await asyncio.wait_for(self._reader.read(65_536), 10)
            except ConnectionError:
                return None
            if not data:
                return None
            self._packets += self._decoder.feed(data)
        return self._packets.pop(0)

    async def ask(self, packet: Packet) -> Packet | None:
        await self.send(packet)
        return await self.receive()

    async def subscribe(self, *filters: str, qos: int = 0) -> tuple[int, ...]:
        answer = await self.ask(Subscribe(1, tuple((each, qos) for each in filters)))
        assert isinstance(answer, Suback)
        return answer.codes

    async def ping(self) -> list[Packet]:
        """What the broker sent up to its answer to a ping: all that earlier packets caused."""
        await self.send(Pingreq())
        packets: list[Packet] = []
        while (packet := await self.receive()) != Pingresp():
            assert packet is not None, "closed"
            packets.append(packet)
        return packets

    async def is_closed(self) -> bool:
        """Waits for the broker to close the connection; what it still sends is passed over."""
        while await self.receive():
            pass
        return True

    def abort(self) -> None:
        self.writer.transport.abort()


@dataclass
class Home:
    """A broker that listens, and what its taker took."""

    broker: Broker
    port: int
    taken: list[Publication]
    clock: Clock
    events: list[Event]
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def dial(self, receive_buffer: int | None = None, level: int = MQTT_3_1_1) -> Client:
        """A connection that has not sent anything."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        except OSError:
            sock.close()
            raise
        reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
        self.writers.append(writer)
        return Client(reader, writer, level)

    async def connect(
        self,
        client_id: str = "",
        *,
        clean: bool = True,
        keep_alive: int = 60,
        will: Will | None = None,
        level: int = MQTT_3_1_1,
        properties: Properties = NO_PROPERTIES,
    ) -> Client:
        client = await self.dial(level=level)
        answer = await client.ask(
            Connect(client_id, clean, keep_alive, will, level=level, properties=properties),
        )
        assert answer is not None
        assert isinstance(answer, Connack)
        assert answer.code == 0
        return client

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the loop turn until something holds."""
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0)


@asynccontextmanager
async def home(
    taker: Callable[[Publication], bool] | None = None, clock: Clock | None = None, **options: Any
) -> AsyncIterator[Home]:
    taking, passing, events = taker or Taker(), clock or Clock(), list[Event]()
    options = {"tell": events.append, "wall": lambda: int(passing.now * 1000)} | options
    taken = taking.taken if isinstance(taking, Taker) else []
    broker = Broker(take=taking, log=logging.getLogger("broker"), clock=passing, **options)
    running = Home(broker, await broker.listen("127.0.0.1", 0), taken, passing, events)
    try:
        yield running
    finally:
        await broker.close()
        for writer in running.writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def serve(scenario: Callable[[Home], Awaitable[None]], **options: Any) -> None:
    """Run a scenario against a broker of its own."""

    async def run() -> None:
        async with home(**options) as running:
            await scenario(running)

    asyncio.run(run())


async def next_publish(client: Client) -> Publish:
    packet = await client.receive()
    assert isinstance(packet, Publish), packet
    return packet


async def connack(home: Home, connect: Connect) -> Connack:
    """The answer to a CONNECT of MQTT 5."""
    client = await home.dial(level=MQTT_5)
    answer = await client.ask(connect)
    assert isinstance(answer, Connack)
    return answer


async def lamp_5(home: Home, **properties: object) -> Client:
    """A client `lamp` of MQTT 5 that has connected with these properties."""
    return await home.connect("lamp", level=MQTT_5, properties=Properties(**properties))  # type: ignore[arg-type]


async def gone(home: Home, client: Client) -> None:
    """Cut a client's connection, and wait for the broker to notice."""
    count = home.broker.clients()
    client.abort()
    await home.until(lambda: home.broker.clients() < count)
