"""What a cold start of the evaluator brings in: no more than its work needs."""

import json
import subprocess
import sys

import pytest

from tests.unmeasured import unmeasured

START = """
import json, sys
from warden.handlers.evaluate import Evaluate
from warden.handlers.parts import Parts
from warden.settings import Settings

import boto3
clients = []
real = boto3.client
boto3.client = lambda service, **how: clients.append(service) or real(service, region_name="us-east-1", **how)
Evaluate(Parts(Settings(stage="test", account="123456789012", log_table="log", control_table="control"), region="x"))
print(json.dumps({"clients": clients, "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def started() -> dict[str, list[str]]:
    with unmeasured():
        run = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    loaded: dict[str, list[str]] = json.loads(run.stdout)
    return loaded


def test_a_container_begins_with_one_client(started: dict[str, list[str]]) -> None:
    assert started["clients"] == ["dynamodb"]


@pytest.mark.parametrize(
    "package",
    ["pydantic", "aws_xray_sdk", "click", "rich", "moto", "werkzeug", "cheroot", "cryptography", "sqlite3", "asyncio"],
)
def test_a_container_leaves_out(started: dict[str, list[str]], package: str) -> None:
    assert not [name for name in started["modules"] if name.split(".")[0] == package]


@pytest.mark.parametrize("part", ["control_api", "embedded", "cli", "adapters.sqlite", "adapters.sns"])
def test_a_container_leaves_out_what_other_functions_are_made_of(started: dict[str, list[str]], part: str) -> None:
    assert not [name for name in started["modules"] if name.startswith(f"warden.{part}")]
