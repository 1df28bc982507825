"""What is told to the data plane: a change is in force when the call that made it returns."""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from tests.unit.embedded.test_channel import Answering
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Unavailable
from warden.embedded.news import ANSWERS_AT_ONCE, DataPlaneNews


class DataPlane(Answering):
    """A data plane that is slow to answer: each question waits for the test."""

    def __init__(self, path: Path) -> None:
        self.heard: Queue[tuple[str, Any]] = Queue()
        self.may_answer = threading.Semaphore(0)
        self.things: list[list[str]] = []
        super().__init__(path)

    def answerers(self) -> dict[str, Any]:
        return {"reload": self._reload, "registry-answer": self._registry_answer, "things": self._things}

    async def _reload(self, _: dict[str, Any]) -> None:
        self.heard.put(("reload", None))
        await self.loop.run_in_executor(None, self.may_answer.acquire)

    async def _registry_answer(self, asked: dict[str, Any]) -> None:
        self.heard.put(("registry-answer", sorted(asked["answers"])))
        await self.loop.run_in_executor(None, self.may_answer.acquire)

    async def _things(self, _: dict[str, Any]) -> list[str]:
        return self.things.pop(0) if self.things else []


class Registry:
    """Port Things; it knows every thing."""

    def __init__(self) -> None:
        self.away = False

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        if self.away:
            raise Unavailable("no registry")
        return ThingFacts(f"id-of-{thing}", answered_at=now)


@pytest.fixture
def data_plane(path: Path) -> Iterator[DataPlane]:
    data_plane = DataPlane(path)
    try:
        yield data_plane
    finally:
        data_plane.may_answer.release(100)
        data_plane.close()


def test_a_change_that_another_caller_is_just_telling_of_is_not_in_force_before_it_was_heard(
    path: Path, data_plane: DataPlane
) -> None:
    news = DataPlaneNews(path, Registry())
    first, second = (threading.Thread(target=news.profiles_changed) for _ in range(2))
    first.start()
    assert data_plane.heard.get(timeout=10) == ("reload", None)

    second.start()
    second.join(0.1)
    assert second.is_alive()

    data_plane.may_answer.release(2)
    first.join(10)
    second.join(10)
    assert not second.is_alive()
    assert data_plane.heard.get(timeout=10) == ("reload", None)
    assert data_plane.heard.empty()


def test_what_was_not_heard_is_told_again(path: Path) -> None:
    news = DataPlaneNews(path, Registry())
    news.profiles_changed()
    news.registry_changed(["pump", "valve"])
    with pytest.raises(Unavailable):
        news.tell()

    data_plane = DataPlane(path)
    try:
        data_plane.may_answer.release(10)
        news.tell()
        news.tell()
        assert [data_plane.heard.get(timeout=10) for _ in range(2)] == [
            ("reload", None),
            ("registry-answer", ["pump", "valve"]),
        ]
        assert data_plane.heard.empty()
    finally:
        data_plane.close()


def test_what_the_registry_could_not_be_asked_about_is_asked_again(path: Path, data_plane: DataPlane) -> None:
    registry = Registry()
    news = DataPlaneNews(path, registry)
    data_plane.may_answer.release(10)
    registry.away = True
    news.registry_changed(["pump"])
    assert data_plane.heard.empty()

    registry.away = False
    news.tell()

    assert data_plane.heard.get(timeout=10) == ("registry-answer", ["pump"])


def test_everything_that_the_data_plane_knows_is_asked_about_in_portions(path: Path, data_plane: DataPlane) -> None:
    names = [f"thing-{number:04}" for number in range(ANSWERS_AT_ONCE + 5)]
    data_plane.things = [names, ["thing-9999"]]
    data_plane.may_answer.release(10)

    DataPlaneNews(path, Registry()).tell_everything()

    told = [data_plane.heard.get(timeout=10)[1] for _ in range(3)]
    assert told == [names[:ANSWERS_AT_ONCE], names[ANSWERS_AT_ONCE:], ["thing-9999"]]
