"""A proxy that runs, and requests to it: stock clients' and any at all."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from tests.aws.conftest import REGION
from tests.clients.gateway import Gateway
from tests.contract.iot import service_model
from tests.sessions import STOCK
from warden.clients.proxy import Proxy, one_time_key
from warden.clients.server import LoopbackServer

ONCE = Config(retries={"total_max_attempts": 1})
AWS_IOT = f"https://iot.{REGION}.amazonaws.com"


@dataclass
class Running:
    """A proxy that runs, and the key that it printed."""

    port: int
    key: Credentials
    clock: list[float] = field(default_factory=list)

    def client(self, key: Credentials | None = None, *, region: str = REGION) -> Any:
        """A stock boto3 client of its."""
        pair = key or self.key
        return STOCK.client(
            "iot",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=region,
            aws_access_key_id=pair.access_key,
            aws_secret_access_key=pair.secret_key,
            config=ONCE,
        )

    def send(
        self, method: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[int, HTTPResponse, bytes]:
        """Any request at all."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"127.0.0.1:{self.port}", **headers}.items():
            connection.putheader(name, value)
        if body and "Content-Length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, response, data

    def signed(
        self, method: str = "GET", target: str = "/security-profiles", body: bytes = b"", **more: str
    ) -> dict[str, str]:
        """The headers of a request that is signed right."""
        request = AWSRequest(method, f"http://127.0.0.1:{self.port}{target}", headers=more, data=body)
        SigV4Auth(self.key, "iot", REGION).add_auth(request)
        return dict(request.headers.items())


def start(
    gateway: Gateway, session: Any, monotonic: Callable[[], float] = time.monotonic
) -> tuple[LoopbackServer, Running]:
    key, clock = one_time_key(), [0.0]  # added to the time that it is
    proxy = Proxy(
        endpoint=gateway.url,
        region=REGION,
        key=key,
        session=session,
        service_model=service_model(),
        aws_endpoint=AWS_IOT,
        http=URLLib3Session(timeout=10),
        clock=lambda: time.time() + clock[0],
    )
    server = LoopbackServer(0, lambda request, port: proxy.handle(request, port=port), monotonic)
    return server, Running(server.port, key, clock)


def refused(proxy: Running, gateway: Gateway, *request: Any) -> tuple[int, str]:
    """How a request is refused that must never be forwarded, and that a web page must not be able to read."""
    status, response, body = proxy.send(*request)
    assert gateway.requests == []
    assert not [name for name, _ in response.getheaders() if name.lower().startswith("access-control")]
    assert proxy.key.access_key.encode() not in body
    assert proxy.key.secret_key.encode() not in body
    return status, response.headers.get("x-amzn-ErrorType", "")
