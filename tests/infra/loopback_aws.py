"""AWS on loopback, for processes that the tests start: moto in this process, asked over HTTP.

What moto has no answer for is answered here: IAM's SimulatePrincipalPolicy, which allows everything, and Lambda's
Invoke and AWS IoT's UpdateEventConfigurations, which only keep what they were asked. Use it inside `mock_aws`: the
test's own clients then see the same account.
"""

import json
import re
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

from botocore.awsrequest import AWSRequest
from moto.core.models import botocore_stubber

REGION = "us-east-1"
SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([a-z0-9-]+)/aws4_request")
HOSTS = {"iam": "iam.amazonaws.com", "iotdata": f"data.iot.{REGION}.amazonaws.com"}
ALLOWED = """<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults><member>
<EvalActionName>iam:PassRole</EvalActionName><EvalDecision>allowed</EvalDecision><EvalResourceName>*</EvalResourceName>
</member></EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"""


class LoopbackAws(HTTPServer):
    """Takes requests to any service.

    Attributes:
        url: For `AWS_ENDPOINT_URL`.
        invoked: Function and payload of Lambda's Invoke, in order.
        event_configurations: What UpdateEventConfigurations was asked last.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.invoked: list[tuple[str, Any]] = []
        self.event_configurations: Any = None

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any], bytes]:
        scope = SCOPE.search(headers.get("Authorization", ""))
        assert scope, f"{method} {path} is not signed"
        service = scope[1]
        if service == "iam" and parse_qs(body.decode())["Action"] == ["SimulatePrincipalPolicy"]:
            return 200, {"Content-Type": "text/xml"}, ALLOWED.encode()
        if service == "lambda":
            self.invoked.append((path.split("/")[-2], json.loads(body)))
            return 202, {}, b""
        if (service, method, path) == ("iot", "PATCH", "/event-configurations"):
            self.event_configurations = json.loads(body)["eventConfigurations"]
            return 200, {}, b"{}"
        host = HOSTS.get(service, f"{service}.{REGION}.amazonaws.com")
        request = AWSRequest(method, f"https://{host}{path}", {**headers, "Host": host}, body).prepare()
        answer = botocore_stubber("before-send", request)
        assert answer, f"moto has no {service}"
        return answer.status_code, dict(answer.headers), answer.content


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackAws

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, content = self.server.answer(self.command, self.path, dict(self.headers), body)
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "server", "date", "transfer-encoding"):
                self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 (the base class's names)

    def log_message(self, *_: object) -> None:
        pass
