"""Requests as an API Gateway HTTP API hands them to a function: payload format 2.0, callers told by IAM.

Source: Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tests.aws.conftest import ACCOUNT
from warden.control_api.routes import routes

ALICE = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/alice"


def route_key(method: str, path: str) -> str:
    """The route that API Gateway finds for a path as sent; empty where there is none."""
    segments = path.split("/")
    keys = [key for key in routes().values() if key[0] == method and _fits(key[1].split("/"), segments)]
    return " ".join(min(keys, key=lambda key: key[1].count("{"))) if keys else ""


def _fits(route: list[str], segments: list[str]) -> bool:
    return len(route) == len(segments) and all(
        (mine.startswith("{") and given) or mine == given for mine, given in zip(route, segments, strict=True)
    )


def iam(arn: str = ALICE, account: str = ACCOUNT) -> dict[str, Any]:
    """What the IAM authoriser says of a caller."""
    caller = {"accessKey": "ASIAEXAMPLE", "accountId": account, "callerId": "AROAEXAMPLE:alice", "userArn": arn}
    return {"iam": {**caller, "userId": "AROAEXAMPLE:alice", "cognitoIdentity": None, "principalOrgId": "o-example"}}


def http_event(
    method: str,
    path: str,
    query: str = "",
    body: str | bytes = "",
    *,
    headers: Mapping[str, str] | None = None,
    authorizer: dict[str, Any] | None = None,
    route: str | None = None,
) -> dict[str, Any]:
    """One request. `path` is what the function gets; `route` is the one found for it where it is not given."""
    key = route_key(method, path) if route is None else route
    binary = isinstance(body, bytes)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "abcdefghij",
            "authorizer": iam() if authorizer is None else authorizer,
            "domainName": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "aws-cli/1.46",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": key,
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "isBase64Encoded": binary,
    }
    if query:
        event["queryStringParameters"] = dict(parse_qsl(query))
    if body:
        event["body"] = b64encode(body).decode() if isinstance(body, bytes) else body
    return event
