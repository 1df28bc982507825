"""A boto3 client of `iot` that takes Device Defender's operations to a deployed control API."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import boto3
from botocore.model import OperationModel

from warden.clients.endpoint import check_endpoint, find_endpoint, region_of
from warden.clients.gateway import told_as_iot
from warden.control_api.http import HttpResponse
from warden.control_api.operations import DEVICE_DEFENDER, NAMES, TAGS
from warden.control_api.tags import is_device_defenders

if TYPE_CHECKING:
    from mypy_boto3_iot import IoTClient

SIGNED_FOR = "execute-api"

_OURS = "thingwarden"


def client(
    stage: str = "prod",
    session: boto3.Session | None = None,
    *,
    endpoint_url: str | None = None,
    **kwargs: Any,
) -> "IoTClient":
    """A boto3 client for all of AWS IoT, whose Device Defender is a stage of Thingwarden.

    Device Defender's operations, and those on the tags of its resources, go to the stage's control API, signed as
    API Gateway wants it. All others go to AWS IoT itself.

    Args:
        stage: The stage; its control API is found by the parameter `/thingwarden/STAGE/endpoint`.
        session: Whose credentials and Region; boto3's default session where it is None. One that knows no Region gets
            that of AWS_REGION, which boto3 does not read.
        endpoint_url: The control API's URL, instead of looking it up.
        **kwargs: What boto3's `client` takes else, such as `region_name` and `config`.

    Raises:
        NoSuchStage: The stage is not deployed in this account and Region.
        ValueError: The endpoint is no URL, or one that requests would reach in the clear.
        ClientError, BotoCoreError: What boto3 raises.
    """
    make: Any = session.client if session else boto3.client
    if not (session or boto3.DEFAULT_SESSION or boto3.Session()).region_name:
        kwargs.setdefault("region_name", os.environ.get("AWS_REGION"))
    endpoint = check_endpoint(endpoint_url) if endpoint_url else find_endpoint(make("ssm", **kwargs), stage)
    iot: IoTClient = make("iot", **kwargs)
    _redirect(iot, endpoint)
    return iot


def _redirect(iot: "IoTClient", endpoint: str) -> None:
    to, signing = urlsplit(endpoint), {"signing_name": SIGNED_FOR, "region": region_of(endpoint, iot.meta.region_name)}

    def mark(params: Mapping[str, Any], model: OperationModel, context: dict[str, Any], **_: object) -> None:
        tags_of_ours = model.name in TAGS and is_device_defenders(params.get("resourceArn"))
        context[_OURS] = tags_of_ours or model.name in DEVICE_DEFENDER

    def send(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        if context[_OURS]:
            url = urlsplit(params["url"])
            params["url"] = urlunsplit((to.scheme, to.netloc, to.path + url.path, url.query, ""))
            context["signing"] = {**context.get("signing", {}), **signing}

    def parse(response_dict: dict[str, Any], operation_model: OperationModel, **_: object) -> None:
        headers = response_dict["headers"]
        from_iot = operation_model.name in TAGS and "x-amzn-errortype" in headers  # which names its errors only there
        if operation_model.name in NAMES and not from_iot:
            response = HttpResponse(response_dict["status_code"], headers, response_dict["body"])
            told = told_as_iot(response)
            if told is not response:
                response_dict["status_code"], response_dict["body"] = told.status, told.body
                headers.update(told.headers)

    iot.meta.events.register_last("before-parameter-build.iot", mark)
    iot.meta.events.register_last("before-call.iot", send)
    iot.meta.events.register_last("before-parse.iot", parse)
