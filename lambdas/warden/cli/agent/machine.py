"""Reports of this machine, as AWS's own collector (AWSIoTDeviceDefenderAgentSDK) makes them."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Literal

import cbor2
import click
import psutil
from AWSIoTDeviceDefenderAgentSDK.collector import Collector

Format = Literal["json", "cbor"]

DENIED = "this system does not list its connections to this user (psutil.AccessDenied); on macOS it does to root only"

SHORT_NAMES = {"bytes_in": "bi", "bytes_out": "bo", "packets_in": "pi", "packets_out": "po"}


@dataclass(frozen=True, slots=True)
class Report:
    """A report, ready to be sent.

    Attributes:
        id: Epoch seconds, as AWS's agent has it.
        payload: In the format that was asked for.
    """

    id: int
    payload: bytes

    def text(self) -> str:
        """What it says, for people: indented JSON, whatever its format."""
        return json.dumps(_decoded(self.payload), indent=4, sort_keys=True)


class Machine:
    """This machine. What is a difference to the report before (traffic, use of the CPU) is not in its first report.

    Args:
        fmt: Of the reports.
        short_names: Whether their names are the short ones.
        cpu_usage: Whether they have the custom metric `cpu_usage`, the only one that the collector knows.
    """

    def __init__(self, fmt: Format, *, short_names: bool = False, cpu_usage: bool = False) -> None:
        self._format = fmt
        self._collector = Collector(short_metrics_names=short_names, use_custom_metrics=cpu_usage)
        self._is_first = True

    def report(self) -> Report:
        """What there is to report now. Ends the command with 1 where the system does not say."""
        try:
            with redirect_stdout(io.StringIO()):  # it prints what it cannot read
                metrics = self._collector.collect_metrics()
        except psutil.AccessDenied as error:
            raise click.ClickException(DENIED) from error
        counters = metrics.total_counts
        # With short names its next difference looks them up here, where it only keeps long ones.
        counters.update({short: counters[long] for long, short in SHORT_NAMES.items()})
        if self._is_first:
            self._is_first = False
            metrics.network_stats.clear()
            metrics.cpu_metrics = []
        payload = metrics.to_json_string().encode() if self._format == "json" else metrics.to_cbor()
        report = _decoded(payload)
        header = report.get("header") or report["hed"]
        return Report(header.get("report_id") or header["rid"], payload)


def _decoded(payload: bytes) -> dict[str, dict[str, int]]:
    decoded: dict[str, dict[str, int]] = json.loads(payload) if payload[:1] == b"{" else cbor2.loads(payload)
    return decoded
