"""AWS Lambda as a function sees it that invokes another one."""

import json
from typing import Any

from botocore.response import StreamingBody
from botocore.stub import Stubber

from tests.sessions import STOCK

REGION = "us-east-1"


def new_client(service: str) -> Any:
    return STOCK.client(
        service,  # type: ignore[call-overload]
        region_name=REGION,
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
    )


class Invocations:
    """AWS Lambda: keeps what is invoked."""

    def __init__(self) -> None:
        self.client = new_client("lambda")
        self.events: list[tuple[str, Any]] = []
        self._stub = Stubber(self.client)
        self._stub.activate()
        self.client.meta.events.register("provide-client-params.lambda.Invoke", self._keep)

    def _keep(self, params: dict[str, Any], **_: Any) -> None:
        assert params["InvocationType"] == "Event"
        self.events.append((params["FunctionName"], json.loads(params["Payload"])))
        self._stub.add_response("invoke", {"StatusCode": 202, "Payload": StreamingBody(None, 0)})
