"""Lifecycle events as AWS IoT publishes them: topics under `$aws/events/` and their JSON.

Source: AWS IoT Developer Guide, Lifecycle events.
"""

import json
from typing import Any

from warden.embedded.broker.connection import Reason
from warden.embedded.broker.events import Connected, ConnectFailed, Disconnected, Event, Subscribed, Unsubscribed


def announcement(event: Event) -> tuple[str, bytes] | None:
    """The topic and the payload that tell of an event, or None where AWS tells nobody.

    That is of denied operations, and of all that happens to a client id with a wildcard's character in it.
    """
    more: dict[str, Any]
    if "#" in event.client_id or "+" in event.client_id:
        return None
    match event:
        case Connected():
            topic, more = "presence/connected", {"ipAddress": event.address} | _version(event)
        case ConnectFailed():
            topic = "presence/connect_failed"
            more = {"connectFailureReason": "AUTHORIZATION_FAILED", "ipAddress": event.address}
        case Disconnected(reason=reason):
            topic = "presence/disconnected"
            more = {
                "clientInitiatedDisconnect": reason is Reason.CLIENT_INITIATED_DISCONNECT,
                "disconnectReason": reason,
            } | _version(event)
        case Subscribed(topics=topics):
            topic, more = "subscriptions/subscribed", {"topics": topics}
        case Unsubscribed(topics=topics):
            topic, more = "subscriptions/unsubscribed", {"topics": topics}
        case _:
            return None
    members = _of(event) | {"eventType": topic.partition("/")[2]} | more
    return f"$aws/events/{topic}/{event.client_id}", json.dumps(members, separators=(",", ":")).encode()


def _of(event: Event) -> dict[str, Any]:
    return {
        "clientId": event.client_id,
        "timestamp": event.at,
        "sessionIdentifier": event.session_identifier,
        "principalIdentifier": event.certificate_id,
    }


def _version(event: Event) -> dict[str, Any]:
    return {"versionNumber": event.version_number}
