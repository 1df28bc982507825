"""An API Gateway HTTP API of the tests: verifies signatures, finds the route, asks the control API's function."""

import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.aws.conftest import REGION
from tests.aws.http_api import ALICE, http_event, iam, route_key
from tests.clients.sigv4 import Signed, signer_of

KEY, SECRET = "ASIAUSERSOWNKEY12345", "the-user's-own-secret"

Function = Callable[[dict[str, Any]], Mapping[str, Any]]


class Gateway(ThreadingHTTPServer):
    """It listens on a port of this machine.

    Attributes:
        url: Where.
        requests: What came in, rightly signed or not.
        decodes: Whether the function gets the path decoded.
        refusals: What it answers by itself to the next requests: status, and body.
    """

    daemon_threads = True

    def __init__(self, function: Function) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.requests: list[Signed] = []
        self.decodes = False
        self.refusals: list[tuple[int, bytes]] = []
        self._function = function

    def answer(self, request: Signed) -> tuple[int, Mapping[str, str], bytes]:
        self.requests.append(request)
        if self.refusals:
            return _own(*self.refusals.pop(0))
        if not signer_of(request, {KEY: SECRET}, region=REGION, service="execute-api"):
            return _own(403, b'{"message":"Forbidden"}')
        route = route_key(request.method, request.path)
        if not route:
            return _own(404, b'{"message":"Not Found"}')
        path = unquote(request.path) if self.decodes else request.path
        event = http_event(
            request.method,
            path,
            request.query,
            request.body.decode(),
            headers=request.headers,
            authorizer=iam(ALICE),
            route=route,
        )
        answer = self._function(event)
        return answer["statusCode"], {"apigw-requestid": "AAA=", **answer["headers"]}, answer["body"].encode()


def _own(status: int, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
    return status, {"content-type": "application/json", "apigw-requestid": "AAA="}, body


class _Handler(BaseHTTPRequestHandler):
    server: Gateway
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(headers.get("content-length", "0")))
        status, told, answer = self.server.answer(Signed(self.command, path, query, headers, body))
        self.send_response(status)
        for name, value in {**told, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 (the base class's names)

    def log_message(self, *_: object) -> None:
        pass


def echo(event: dict[str, Any]) -> Mapping[str, Any]:
    """A function that answers any request with its path and query."""
    body = json.dumps({"path": event["rawPath"], "query": event["rawQueryString"]})
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
