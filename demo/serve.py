"""A `warden serve` of the demo's own, and boto3 clients for it."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from stage import Stage, StepFailed

START_SECONDS = 30.0
STOP_SECONDS = 10.0


class Serve:
    """A running `warden serve`.

    Args:
        process: Of the command.
        data: Its data directory.
        log: What it prints.
    """

    def __init__(self, process: subprocess.Popen[bytes], data: Path, log: Path) -> None:
        self._process = process
        self._endpoints_file = data / "endpoints.json"
        self._log = log
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
def running(command: Sequence[str], home: Path, log: Path, stage: Stage) -> Iterator[Serve]:
    """Run `warden serve` for the length of the block.

    Args:
        command: The command and its first arguments.
        home: Its data directory, that is not there yet.
        log: Where its output goes.
        stage: Where its end is waited for.

    Raises: StepFailed, where there is no such command.
    """
    arguments = [*command, "--data", str(home), "--port", "0", "--mqtt-port", "0"]
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 (the command that is shown)
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, "COLUMNS": "200"}
            )
        except OSError as error:
            raise StepFailed(f"the command {command[0]}", f"{error.strerror}; `make demo` installs it") from None
    try:
        yield Serve(process, home, log)
    finally:
        with stage.waiting("warden serve to end"):
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
