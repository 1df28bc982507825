"""What DynamoDB would charge for: write and read units, counted from what botocore sends."""

import json
import math
from base64 import b64decode
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

from warden.handlers.parts import Clients
from warden.settings import Settings
from warden.storage import keys


class Meter:
    """Counts both tables' units. Source: DynamoDB Developer Guide, Capacity units, and Global secondary indexes.

    A write is a unit for each KB, twice that in a transaction, and one for each row that it adds to or takes from an
    index. A read is a unit for each item, half of that where it may be stale; no item here is over 4 KB.
    """

    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._events = clients("dynamodb").meta.events
        self._designs = {settings.log_table: keys.LOG, settings.control_table: keys.CONTROL}
        self._rows: dict[tuple[str, str, str], dict[str, str]] = {}
        self.units = Counter[str]()

    def __enter__(self) -> Self:
        self._events.register("before-call", self._before_call, unique_id="meter")
        return self

    def __exit__(self, *_: object) -> None:
        self._events.unregister("before-call", unique_id="meter")

    def _before_call(self, model: Any, params: Mapping[str, Any], **_: Any) -> None:
        asked = json.loads(params["body"])
        match model.name:
            case "PutItem":
                self._write(asked["TableName"], asked["Item"])
            case "DeleteItem":
                self._write(asked["TableName"], asked["Key"], kept=False)
            case "TransactWriteItems":
                for part in asked["TransactItems"]:
                    [(kind, write)] = part.items()
                    self._write(write["TableName"], write.get("Item") or write["Key"], kept=kind == "Put", times=2)
            case "GetItem":
                self.units["read"] += 2 if asked.get("ConsistentRead") else 1
            case "Query":
                if asked.get("IndexName") != keys.OUTBOX:  # the test's own way to find entries; Lambda gets them
                    self.units["read"] += 2 if asked.get("ConsistentRead") else 1
            case "BatchGetItem":
                for each in asked["RequestItems"].values():
                    self.units["read"] += len(each["Keys"]) * (2 if each.get("ConsistentRead") else 1)
            case other:
                raise AssertionError(f"nobody has said what {other} costs")

    def _write(self, table: str, item: Mapping[str, Any], *, kept: bool = True, times: int = 1) -> None:
        place = (table, item["pk"]["S"], item["sk"]["S"])
        before = self._rows.get(place, {})
        rows = {x: f"{item[x]['S']}/{item[f'{x}_sort']['S']}" for x in self._designs[table].indexes if x in item}
        self._rows[place] = rows if kept else {}
        changed = [x for x in {*before, *rows} if before.get(x) != rows.get(x)]
        self.units["write"] += times * math.ceil(sum(map(_bytes, item, item.values())) / 1024)
        self.units["write"] += sum((x in before) + (x in rows) for x in changed)

    @property
    def writes(self) -> int:
        return self.units["write"]

    @property
    def reads(self) -> float:
        return self.units["read"] / 2


def _bytes(name: str, value: Mapping[str, str]) -> int:
    [(kind, content)] = value.items()
    return len(name) + len(b64decode(content) if kind == "B" else content.encode())
