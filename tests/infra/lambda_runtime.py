"""Lambda's runtime on this machine: AWS's own runtime client runs a handler, and asks a Runtime API of the tests for
its events. Source: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.loopback import serving

PATIENCE_SECONDS = 60  # of a test whose function does not answer; never waited for otherwise
VERSION = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Outcome:
    """What became of an event, or of the start of a function.

    Attributes:
        kind: `response`, `error`, or `init/error`.
        said: The response or the error, from its JSON.
    """

    kind: str
    said: Any


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, arn: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arn = arn
        self.events: Queue[bytes | None] = Queue()
        self.outcomes: Queue[Outcome] = Queue()

    def handle_error(self, *_: object) -> None:
        """A function that is killed while it waits is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert self.path == f"{VERSION}/invocation/next", self.path
        event = self.server.events.get()
        if event is None:  # the function is to end
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 60) * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", self.server.arn)
        self._end(event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = "init/error" if self.path == f"{VERSION}/init/error" else self.path.rsplit("/", 1)[1]
        self.server.outcomes.put(Outcome(kind, json.loads(body)))
        self.send_response(202)
        self._end(b"{}")

    def _end(self, body: bytes) -> None:
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Function:
    """A function's container.

    Attributes:
        alive: Whether it waits for events or deals with one.
    """

    def __init__(self, api: _RuntimeApi, process: "subprocess.Popen[str]", printed: Path) -> None:
        self._api = api
        self._process = process
        self._printed = printed

    def invoke(self, event: Any) -> Outcome:
        """One invocation."""
        self._api.events.put(json.dumps(event).encode())
        return self.outcome()

    def outcome(self) -> Outcome:
        """What it says next. Raises AssertionError where it ends without a word."""
        for _ in range(PATIENCE_SECONDS * 10):
            try:
                return self._api.outcomes.get(timeout=0.1)
            except Empty:
                if not self.alive and self._api.outcomes.empty():
                    break
        raise AssertionError(f"no answer; it printed:\n{self.printed}")

    def call(self, event: Any) -> Any:
        """The response to an event. Raises AssertionError for an error."""
        outcome = self.invoke(event)
        assert outcome.kind == "response", f"{outcome.said}\n{self.printed}"
        return outcome.said

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def printed(self) -> str:
        """All that it printed so far: its log."""
        return self._printed.read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its log, which all are JSON objects."""
        return [json.loads(line) for line in self.printed.splitlines()]


@contextmanager
def started(
    python: str, path: Sequence[Path], handler: str, *, name: str, arn: str, environment: Mapping[str, str]
) -> Iterator[Function]:
    """A container of a function.

    Args:
        python: Which one runs it.
        path: All that can be imported beside the standard library.
        handler: As the template says.
        name: The function's.
        arn: The function's.
        environment: As the template says, and where AWS is; nothing of this process's is handed on.
    """
    api = _RuntimeApi(arn)
    lambdas = {
        "PATH": os.defpath,
        "PYTHONPATH": ":".join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": handler,
        "LAMBDA_TASK_ROOT": str(path[0]),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    }
    with tempfile.TemporaryDirectory(prefix="warden-lambda-") as folder, serving(api):
        printed = Path(folder) / "printed"
        with printed.open("w") as out:
            process = subprocess.Popen(
                [python, "-S", "-P", "-m", "awslambdaric", handler],
                cwd=path[0],
                env={**lambdas, **environment},
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        try:
            yield Function(api, process, printed)
        finally:
            process.kill()
            process.wait()
            api.events.put(None)
