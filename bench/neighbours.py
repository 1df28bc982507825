"""What somebody who lists 100,000 violations without a pause costs those who report.

Reports a second through one `warden serve`, first alone, then beside a loop of lists; the ratio is of medians.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.embedded import prepare, rates
from bench.lists import furnish, violate
from bench.serving import serving
from warden.adapters.sqlite import SqliteTable
from warden.embedded.options import CONTROL_FILE
from warden.storage import keys

VIOLATIONS = 100_000
LISTING = """
import boto3, sys
iot = boto3.client("iot", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="any",
                   aws_secret_access_key="any")
while True:
    for page in iot.get_paginator("list_active_violations").paginate(PaginationConfig={"PageSize": 250}):
        print(len(page["activeViolations"]), flush=True)
"""


def main() -> None:
    """Seed, serve, load twice."""
    with tempfile.TemporaryDirectory(prefix="warden-bench-") as directory:
        data = Path(directory)
        control, now = SqliteTable(data / CONTROL_FILE, keys.CONTROL), time.time_ns() // 1_000_000
        with control.batch():
            furnished = furnish(control, "listed", now=now)
            for number in range(VIOLATIONS):
                violate(furnished, number, at=now - number)
        control.close()
        with serving(data) as served:
            prepare(served.url)
            alone = rates(served.mqtt_port)
            with (data / "listed").open("w") as out:
                lister = subprocess.Popen([sys.executable, "-c", LISTING, served.url], stdout=out)
            began = time.monotonic()
            try:
                beside = rates(served.mqtt_port)
                assert lister.poll() is None, "the lists failed"
            finally:
                lister.kill()
                lister.wait()
            listed = sum(map(int, (data / "listed").read_text().split())) / (time.monotonic() - began)
    share = median(beside) / median(alone)
    print(
        f"neighbours: {median(alone):,.0f} reports/s alone, {median(beside):,.0f} beside lists of {VIOLATIONS:,} "
        f"violations, {listed:,.0f} of them a second: {share:.2f} of it"
    )


if __name__ == "__main__":
    main()
