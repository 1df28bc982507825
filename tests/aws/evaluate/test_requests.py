"""What a report costs: the requests that leave an evaluator's container, and their bytes."""

import json

import pytest

from tests.aws.conftest import MINUTE, SECOND
from tests.aws.evaluate.road import Road, watch_every_metric
from warden.adapters import limits
from warden.handlers.parts import Clients
from warden.ports import Key
from warden.storage import keys

REPORTS = 20  # more than a thing's state remembers
READ_UNIT, WRITE_UNIT = 4096, 1024


def full_report(number: int) -> bytes:
    """Ten metrics, 20 elements in each list."""
    ports = [{"port": 8000 + n, "interface": "eth0"} for n in range(20)]
    connections = [{"remote_addr": f"10.20.{n}.{n}:8883", "local_port": 50_000 + n} for n in range(20)]
    traffic = {"bytes_in": 48_211_000 + number, "bytes_out": 9120 + number, "packets_in": 311_000, "packets_out": 97}
    return json.dumps(
        {
            "header": {"report_id": 1_800_000_000 + number * 300, "version": "1.0"},
            "metrics": {
                "listening_tcp_ports": {"ports": ports, "total": 20},
                "listening_udp_ports": {"ports": ports, "total": 20},
                "network_stats": traffic,
                "tcp_connections": {"established_connections": {"connections": connections, "total": 20}},
            },
        }
    ).encode()


@pytest.fixture
def steady(road: Road, aws: Clients) -> Road:
    """A thing whose log is as long as it gets, and a container that knows the profiles."""
    watch_every_metric(road.parts)
    aws("iot").create_thing_group(thingGroupName="pumps")
    road.register("pump-7", "pump-8")
    aws("iot").add_thing_to_thing_group(thingName="pump-7", thingGroupName="pumps")
    for number in range(REPORTS):
        road.report("pump-7", payload=full_report(number), after=5 * MINUTE)
    road.report("pump-8", after=4 * MINUTE + 59 * SECOND)  # polls the catalogue
    road.clear()
    return road


def test_a_report_is_one_query_one_put_and_one_reply(steady: Road) -> None:
    settings = steady.parts.settings
    steady.report("pump-7", payload=full_report(REPORTS), after=SECOND)
    assert steady.requests == [
        ("dynamodb:Query", settings.log_table),
        ("dynamodb:PutItem", settings.log_table),
        ("iot-data:Publish", ""),
    ]


def test_a_container_asks_for_the_catalogues_epoch_every_five_seconds_at_most(steady: Road) -> None:
    steady.report("pump-7", payload=full_report(REPORTS), after=5 * SECOND)
    assert [request for request in steady.requests if request[1] == steady.parts.settings.control_table] == [
        ("dynamodb:GetItem", steady.parts.settings.control_table)
    ]


@pytest.mark.parametrize("varied", [{"replies": "rejected"}], indirect=True)
def test_a_report_that_is_not_answered_is_two_requests(steady: Road) -> None:
    steady.report("pump-7", payload=full_report(REPORTS), after=SECOND)
    assert [operation for operation, _ in steady.requests] == ["dynamodb:Query", "dynamodb:PutItem"]


def test_a_report_writes_one_unit_and_reads_half_a_unit(steady: Road) -> None:
    table = steady.parts.log_table
    entry = table.get(Key(keys.thing("pump-7"), keys.entry(REPORTS)))
    facts = table.get(Key(keys.thing("pump-7"), keys.THING))
    assert entry
    assert facts
    written = limits.check_item(entry, keys.LOG)
    assert written <= WRITE_UNIT
    assert written + limits.check_item(facts, keys.LOG) <= READ_UNIT
    [newest] = table.query(keys.thing("pump-7"), descending=True, first=keys.entry(REPORTS), last="LOG~").items
    assert newest == entry
    assert len(steady.log("pump-7")[-1].entry.points) == 10


def test_a_thing_that_nothing_is_known_of_is_asked_for_once(steady: Road) -> None:
    steady.register("pump-9")
    steady.report("pump-9", 1)
    assert [operation for operation, _ in steady.requests if operation.startswith("iot:")] == [
        "iot:DescribeThing",
        "iot:ListThingGroupsForThing",
    ]
    steady.clear()
    steady.report("pump-9", 2, after=5 * MINUTE)
    assert steady.asked("iot") == 0
