"""What decoding a report costs: usual reports against `json.loads` of the same, and the slowest of the hostile ones.

python -m bench.reports
"""

import gc
import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.hostile_reports import CORPUS
from warden.domain.errors import ReportRejected
from warden.domain.reports import DECODERS

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
ROUNDS, CALLS = 101, 100


def microseconds(work: Callable[[], object], calls: int = CALLS) -> float:
    start = perf_counter()
    for _ in range(calls):
        work()
    return (perf_counter() - start) / calls * 1e6


def usual(names: str, fmt: str) -> None:
    payload = (FIXTURES / f"report_{names}.{fmt}").read_bytes()
    floor = (FIXTURES / f"report_{names}.json").read_bytes()
    # Both in each round, so that a busy machine slows both.
    rounds = [
        (microseconds(lambda: DECODERS[fmt](payload)), microseconds(lambda: json.loads(floor))) for _ in range(ROUNDS)
    ]
    ratio = median(ours / theirs for ours, theirs in rounds)
    ours = median(ours for ours, _ in rounds)
    print(f"{names:5} {fmt}  {len(payload):5} bytes  {ours:6.1f} us  {ratio:5.2f} x json.loads of the JSON report")


def refuse(fmt: str, payload: bytes) -> None:
    try:
        DECODERS[fmt](payload)
    except ReportRejected:
        return
    raise AssertionError("a hostile report was taken")


def hostile() -> list[tuple[float, str]]:
    costs = []
    for name, fmt, build in CORPUS:
        payload = build()
        cost = median(microseconds(lambda: refuse(fmt, payload), 1) for _ in range(5))  # noqa: B023
        costs.append((cost / 1000, f"{fmt}  {name}"))
    return sorted(costs, reverse=True)


def main() -> None:
    for report in (("long", "json"), ("short", "json"), ("long", "cbor"), ("short", "cbor")):
        usual(*report)
    gc.freeze()  # as the data plane does before it serves
    print(f"the slowest of {len(CORPUS)} hostile reports")
    for milliseconds, name in hostile()[:5]:
        print(f"{milliseconds:6.1f} ms  {name}")


if __name__ == "__main__":
    main()
