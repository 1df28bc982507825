"""A running `warden serve` for a benchmark: as a user runs it, with a thing for each connection and ten behaviors."""

import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil

ACCOUNT, REGION = "000000000000", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/bench"


@dataclass(frozen=True)
class Served:
    """Where it is.

    Attributes:
        data: Its data directory.
        url: Of its HTTP port.
        mqtt_port: Of plain MQTT.
        mqtts_port: Of MQTT over mutual TLS.
        process: The supervisor.
    """

    data: Path
    url: str
    mqtt_port: int
    mqtts_port: int
    process: psutil.Process

    @property
    def data_plane(self) -> psutil.Process:
        """The process that has the connections."""
        (found,) = (each for each in self.process.children() if "warden.embedded.data_plane" in each.cmdline())
        return found

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="any", aws_secret_access_key="any"
        )

    def inbox(self) -> tuple[str, dict[str, Any]]:
        """URL of a queue, and the alert target of a profile whose alerts come there."""
        sns, sqs = self.client("sns"), self.client("sqs")
        topic = sns.create_topic(Name="bench")["TopicArn"]
        url: str = sqs.create_queue(QueueName="bench")["QueueUrl"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:bench")
        return url, {"SNS": {"alertTargetArn": topic, "roleArn": ROLE}}

    def device_context(self) -> ssl.SSLContext:
        """TLS of a client whose certificate may do everything."""
        iot = self.client("iot")
        made = iot.create_keys_and_certificate(setAsActive=True)
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
        iot.create_policy(policyName="bench", policyDocument=json.dumps(document))
        iot.attach_policy(policyName="bench", target=made["certificateArn"])
        context = ssl.create_default_context(cafile=str(self.data / "ca.pem"))
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder) / "certificate", Path(folder) / "key"
            certificate.write_text(made["certificatePem"])
            key.write_text(made["keyPair"]["PrivateKey"])
            context.load_cert_chain(certificate, key)
        return context


@contextmanager
def serving(data: Path) -> Iterator[Served]:
    """Serve a data directory, for the `with` block."""
    command = [sys.executable, "-m", "warden", "serve", "--data", str(data), "--log-level", "ERROR"]
    command += ["--port", "0", "--mqtt-port", "0", "--mqtts-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            endpoints = data / "endpoints.json"
            while not endpoints.exists():
                time.sleep(0.05)
            found = json.loads(endpoints.read_text())
            mqtt, mqtts = (int(found[name].rsplit(":", 1)[1]) for name in ("mqtt", "mqtts"))
            yield Served(data, found["http"], mqtt, mqtts, psutil.Process(server.pid))
        finally:
            server.terminate()
