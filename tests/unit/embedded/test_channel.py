"""The local channel: a question is answered, refused, or known to be unanswered."""

import asyncio
import logging
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from warden.domain.errors import Raced, Throttled, Unavailable
from warden.embedded import channel


class Answering:
    """A process's end of the channel: a loop in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.loop = asyncio.new_event_loop()
        self.asked = threading.Event()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self._run(self._open())

    async def _open(self) -> None:
        self._server = await channel.answer(self.path, self.answerers())

    def answerers(self) -> dict[str, channel.Answerer]:
        return {"echo": self._echo, "fail": self._fail, "wait": self._wait}

    async def _echo(self, asked: dict[str, Any]) -> Any:
        return asked["said"]

    async def _fail(self, asked: dict[str, Any]) -> Any:
        raise {"raced": Raced, "throttled": Throttled, "unavailable": Unavailable, "bug": KeyError}[asked["how"]]("why")

    async def _wait(self, _: dict[str, Any]) -> Any:
        self.asked.set()
        await asyncio.Event().wait()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def close(self) -> None:
        """End as a process does that is told to: what is being answered is cancelled."""
        if not self.loop.is_closed():
            self._run(self._end())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(10)
            self.loop.close()


@pytest.fixture
def answering(path: Path) -> Iterator[Answering]:
    answering = Answering(path)
    try:
        yield answering
    finally:
        answering.close()


@pytest.mark.parametrize(
    "said", [None, 0, "text", b"bytes", [1, {"a": b"\xff"}], b"x" * 3_000_000], ids=lambda said: repr(said)[:20]
)
@pytest.mark.usefixtures("answering")
def test_a_question_gets_its_answer(path: Path, said: Any) -> None:
    assert channel.ask(path, "echo", {"said": said}) == said


@pytest.mark.parametrize(("how", "error"), [("raced", Raced), ("throttled", Throttled), ("unavailable", Unavailable)])
@pytest.mark.usefixtures("answering")
def test_what_went_wrong_over_there_is_raised_here(path: Path, how: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="why") as caught:
        channel.ask(path, "fail", {"how": how})
    assert type(caught.value) is error


@pytest.mark.usefixtures("answering")
def test_a_question_that_nobody_knows_is_refused_by_name(path: Path) -> None:
    with pytest.raises(Unavailable, match="'riddle'"):
        channel.ask(path, "riddle", {})


def test_a_mistake_over_there_is_logged_there_and_no_answer_here(
    path: Path, answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        channel.ask(path, "fail", {"how": "bug"})
    answering.close()
    assert "KeyError" in caplog.text


def test_where_nobody_is_there_is_no_answer(path: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        channel.ask(path, "echo", {"said": 1})


@pytest.mark.usefixtures("answering")
def test_one_who_does_not_answer_in_time_is_not_waited_for(path: Path) -> None:
    with pytest.raises(Unavailable, match="timed out"):
        channel.ask(path, "wait", {}, timeout=0.05)


def test_one_who_ends_answers_nobody_any_more_and_makes_no_noise(
    path: Path, answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    failed: list[Unavailable] = []

    def ask() -> None:
        try:
            channel.ask(path, "wait", {})
        except Unavailable as error:
            failed.append(error)

    with caplog.at_level(logging.DEBUG):
        asker = threading.Thread(target=ask)
        asker.start()
        assert answering.asked.wait(10)
        answering.close()
        asker.join(10)

    assert len(failed) == 1
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG] == []


HOSTILE = {
    "nothing": b"",
    "half a length": b"\0\0",
    "half a question": struct.pack(">I", 100) + b"abc",
    "more than is ever asked": struct.pack(">I", 2**32 - 1),
    "no msgpack": struct.pack(">I", 3) + b"\xc1\xc1\xc1",
    "something else than a question": struct.pack(">I", 1) + b"\x07",
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.usefixtures("answering")
def test_what_is_no_question_is_answered_by_hanging_up_and_harms_nobody(path: Path, sent: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(str(path))
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""
    assert channel.ask(path, "echo", {"said": 1}) == 1


def test_the_socket_of_a_process_that_was_killed_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()

    answering = Answering(path)
    try:
        assert channel.ask(path, "echo", {"said": "alive"}) == "alive"
    finally:
        answering.close()
