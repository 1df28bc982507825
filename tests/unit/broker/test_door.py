"""How many clients there is room for."""

import pytest

from tests.unit.broker.wire import Home, serve
from warden.embedded.broker.door import Places, places_of
from warden.embedded.broker.packets import Connect


@pytest.mark.parametrize(
    ("descriptors", "places"),
    [(65_536, Places(64_408, 1_000)), (1_024, Places(768, 128)), (256, Places(96, 32)), (8, Places(1, 1))],
)
def test_clients_and_handshakes_share_the_descriptors_and_leave_some(descriptors: int, places: Places) -> None:
    assert places_of(descriptors) == places


def test_a_client_too_many_is_turned_away_and_may_come_when_another_has_left() -> None:
    async def scenario(home: Home) -> None:
        first, second = await home.connect("first"), await home.connect("second")
        third = await home.dial()
        await third.send(Connect("first"))
        assert await third.receive() is None
        assert [await each.ping() for each in (first, second)] == [[], []], "it took nobody's place"
        assert home.broker.stats.refused == 1
        first.abort()
        await home.until(lambda: home.broker.clients() == 1)
        await home.connect("third")

    serve(scenario, most=2)
