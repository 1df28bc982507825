"""What a report costs at DynamoDB: requests, bytes and capacity units, counted at botocore over the real adapter.

The tables are moto's; a request is whatever botocore sends.
"""

import json
from collections import Counter
from typing import Any

import boto3
from moto import mock_aws

from bench.engine import LIMITS, Limits, catalogue
from warden.adapters import limits
from warden.adapters.dynamodb import DynamoTable
from warden.domain.behaviors.catalogue import Catalogue
from warden.domain.behaviors.target import ThingFacts
from warden.ports import Item, Key
from warden.storage import keys
from warden.storage.thing_log import TableThingLog
from warden.use_cases.ingest_report import IngestReport, Options

REPORTS = 30
START, EVERY = 1_790_000_000_000, 300_000

PORTS = {"ports": tuple(range(8000, 8020))}
NORMAL: Limits = {
    **LIMITS,
    "aws:num-listening-tcp-ports": ("less-than-equals", {"count": 20}, 300),
    "aws:num-listening-udp-ports": ("less-than-equals", {"count": 20}, 300),
    "aws:num-established-tcp-connections": ("less-than-equals", {"count": 20}, None),
    "aws:listening-tcp-ports": ("in-port-set", PORTS, None),
    "aws:listening-udp-ports": ("in-port-set", PORTS, None),
}


class Registry:
    """A registry of one thing, which counts its questions."""

    asked = 0

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        self.asked += 1
        return ThingFacts(f"{thing}-0b5c1a52-6a0e-4c56-9d7f-2f6c8a1f", ("pumps", "north"), answered_at=now)


class Profiles:
    """A profile of ten behaviors that the reports conform to."""

    def __init__(self) -> None:
        self._catalogue = catalogue(NORMAL)

    def current(self, at: int) -> Catalogue:  # noqa: ARG002
        return self._catalogue

    def reload(self) -> Catalogue:
        return self._catalogue


def report_of(number: int) -> bytes:
    """Ten metrics, 20 elements in each list."""
    ports = [{"port": 8000 + n, "interface": "eth0"} for n in range(20)]
    connections = [{"remote_addr": f"10.20.{n}.{n}:8883", "local_port": 50_000 + n} for n in range(20)]
    traffic = {"bytes_in": 48_211_000 + number, "bytes_out": 9120 + number, "packets_in": 311_000, "packets_out": 97}
    return json.dumps(
        {
            "header": {"report_id": START // 1000 + number * 300, "version": "1.0"},
            "metrics": {
                "listening_tcp_ports": {"ports": ports, "total": 20},
                "listening_udp_ports": {"ports": ports, "total": 20},
                "network_stats": traffic,
                "tcp_connections": {"established_connections": {"connections": connections, "total": 20}},
            },
        }
    ).encode()


def create(client: Any) -> None:
    """Table `log`."""
    client.create_table(
        TableName="log",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )


@mock_aws
def main() -> None:
    """Print the steady state: what the last reports of a row cost."""
    client = boto3.client("dynamodb", "us-east-1", aws_access_key_id="any", aws_secret_access_key="any")
    create(client)
    sent: Counter[str] = Counter()
    client.meta.events.register("before-call.dynamodb.*", lambda model, **_: sent.update([model.name]))
    table, registry = DynamoTable(client, "log", keys.LOG), Registry()
    log = TableThingLog(table)
    options = Options(account="000000000000", keep=log.keep, min_interval=EVERY)
    ingest = IngestReport(log, log, registry, Profiles(), options)
    for number in range(REPORTS):
        if number == REPORTS - 10:
            sent.clear()
            registry.asked = 0
        ingest("pump-7", "json", report_of(number), at=START + number * EVERY)
    requests = {name: count / 10 for name, count in sent.items()}
    entry = table.get(Key(keys.thing("pump-7"), keys.entry(REPORTS)))
    facts = table.get(Key(keys.thing("pump-7"), keys.THING))
    newest = log.load("pump-7").newest
    assert entry
    assert facts
    assert newest
    assert not newest.entry.state.alarms
    written, read = size(entry), size(entry) + size(facts)
    print(f"requests per report {requests}, registry calls {registry.asked / 10}")
    print(f"written {written} bytes = {-(-written // 1024)} WRU, read {read} bytes = {-(-read // 4096) / 2} RRU")


def size(item: Item) -> int:
    """Bytes as DynamoDB counts them."""
    return limits.check_item(item, keys.LOG)


if __name__ == "__main__":
    main()
