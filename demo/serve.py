"""A `warden serve` of the demo's own, and boto3 clients for it."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from stage import Stage, StepFailed

START_SECONDS = 30.0


class Serve:
    """A running `warden serve`.

    Args:
        process: Of the command.
        data: Its data directory.
    """

    def __init__(self, process: subprocess.Popen[bytes], data: Path) -> None:
        self._process = process
        self._endpoints_file = data / "endpoints.json"
        self._url = ""

    def endpoints(self) -> str | None:
        """The text of `endpoints.json`, once it is there. Raises StepFailed where the command has ended."""
        if self._process.poll() is not None:
            raise StepFailed("warden serve runs", f"it ended with exit code {self._process.returncode}")
        try:
            text = self._endpoints_file.read_text()
            self._url = json.loads(text)["http"]
        except (FileNotFoundError, ValueError):
            return None
        return text

    def client(self, service: str) -> Any:
        """A stock boto3 client with dummy credentials, which asks nobody but this `warden serve`."""
        return boto3.client(
            service,
            endpoint_url=self._url,
            region_name="us-east-1",
            aws_access_key_id="demo",
            aws_secret_access_key="demo",  # noqa: S106 (nothing is signed for: the other end is this machine)
            config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1}, proxies={}),
        )


@contextmanager
def running(command: Sequence[str], data: Path, log: Path, stage: Stage) -> Iterator[Serve]:
    """Run `warden serve` for the length of the block.

    Args:
        command: The command and its first arguments.
        data: Its data directory, which is not there yet.
        log: Where its output goes.
        stage: Where its end is waited for.

    Raises: StepFailed, where there is no such command.
    """
    arguments = [*command, "--data", str(data), "--port", "0", "--mqtt-port", "0", "--mqtts-port", "0"]
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603
        except OSError as error:
            raise StepFailed(f"the command {command[0]}", f"{error.strerror}; `make demo` installs it") from None
    try:
        yield Serve(process, data)
    finally:
        _stop(process, stage)


def _stop(process: subprocess.Popen[bytes], stage: Stage) -> None:
    process.terminate()
    try:
        stage.until(lambda: process.poll() is not None, "warden serve to end", lambda: "it still runs")
    except StepFailed:
        process.kill()
        process.wait()
