"""AWS Lambda's Invoke, as far as the command uses it: a server that runs the functions' own handlers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

Function = Callable[[Any], Any]


@dataclass
class LambdaService:
    """Functions by name, and what they were invoked with.

    Attributes:
        functions: What each does; what one raises is answered as a function's error.
        invoked: (function, invocation type, event), in order.
        refuse: Status and error code that it answers instead, while that is set.
    """

    functions: dict[str, Function] = field(default_factory=dict)
    invoked: list[tuple[str, str, Any]] = field(default_factory=list)
    refuse: tuple[int, str] | None = None

    def invoke(self, name: str, kind: str, event: Any) -> tuple[int, dict[str, str], bytes]:
        if self.refuse:
            status, code = self.refuse
            return status, {"x-amzn-errortype": code}, json.dumps({"message": "refused by the test"}).encode()
        if name not in self.functions:
            return 404, {"x-amzn-errortype": "ResourceNotFoundException"}, b"{}"
        self.invoked.append((name, kind, event))
        try:
            answer = self.functions[name](event)
        except Exception as error:  # noqa: BLE001 (as Lambda does)
            if kind == "Event":  # nobody waits for it
                return 202, {}, b""
            return 200, {"x-amz-function-error": "Unhandled"}, json.dumps({"errorMessage": str(error)}).encode()
        return (202, {}, b"") if kind == "Event" else (200, {}, json.dumps(answer).encode())


class Running:
    """A service that listens on this machine."""

    def __init__(self, service: LambdaService) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                name, kind = unquote(self.path.split("/")[3]), self.headers["X-Amz-Invocation-Type"]
                status, headers, answer = service.invoke(name, kind, json.loads(body))
                self.send_response(status)
                for header, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
