"""Dead letters as AWS and the functions write them, and queues to put them into."""

import base64
import json
from typing import Any

from tests.cli.conftest import EVALUATE, bodies
from warden.handlers.parts import Clients, Parts

TOPIC = "warden/things/pump-7/defender/metrics/json"


def report(number: int) -> bytes:
    return json.dumps({"header": {"report_id": number, "version": "1.0"}, "metrics": {}}).encode()


def rule_error(number: int, topic: str = TOPIC) -> str:
    """What a metrics rule's error action sends. Source: AWS IoT Developer Guide, Error handling (error action)."""
    return json.dumps(
        {
            "ruleName": "thingwarden_test_metrics",
            "topic": topic,
            "cloudwatchTraceId": "7e146a2c-95b5-6caf-98b9-50e3969734c7",
            "clientId": "pump-7",
            "base64OriginalPayload": base64.b64encode(report(number)).decode(),
            "failures": [{"failedAction": "LambdaAction", "failedResource": EVALUATE, "errorMessage": "denied"}],
        }
    )


def failed_invocation(number: int, at: int, function: str = EVALUATE) -> str:
    """What Lambda sends of an asynchronous invocation that failed. Source: AWS Lambda Developer Guide, Capturing
    records of asynchronous invocations."""
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": "2026-11-14T18:16:05.568Z",
            "requestContext": {
                "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
                "functionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{function}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": {
                "payload": base64.b64encode(report(number)).decode(),
                "topic": TOPIC,
                "client_id": "pump-7",
                "principal": "c0ffee",
                "at": at,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": "RequestId: e4b46cbf Process exited"},
        }
    )


def counted(parts: Parts) -> list[tuple[int, int]]:
    """(report id, time) of pump-7's reports, in the order of its log."""
    entries = [logged.entry for logged in parts.thing_log.recent("pump-7", 100)]
    return [(entry.report_id, entry.at) for entry in reversed(entries)]


def dead(aws: Clients, kind: str) -> str:
    url: str = aws("sqs").get_queue_url(QueueName=f"thingwarden-test-dead-{kind}")["QueueUrl"]
    return url


def send(aws: Clients, kind: str, *messages: str) -> None:
    for message in messages:
        aws("sqs").send_message(QueueUrl=dead(aws, kind), MessageBody=message)


def waiting(aws: Clients, kind: str) -> list[str]:
    """The dead letters that anybody else sees now."""
    return bodies(aws("sqs"), dead(aws, kind))


def sent_at(aws: Clients, kind: str) -> list[int]:
    messages = aws("sqs").receive_message(
        QueueUrl=dead(aws, kind),
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["SentTimestamp"],
        VisibilityTimeout=0,
    )["Messages"]
    return [int(message["Attributes"]["SentTimestamp"]) for message in messages]


def failure(records: list[Any], *, as_text: bool = True) -> bytes:
    """What Lambda puts into the bucket. Source: AWS Lambda Developer Guide, Retaining discarded batches (DynamoDB)."""
    payload = {"Records": records}
    return json.dumps(
        {
            "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 6},
            "DDBStreamBatchInfo": {"shardId": "shardId-00000001573689847184-864758bb", "batchSize": len(records)},
            "payload": json.dumps(payload) if as_text else payload,
        }
    ).encode()
