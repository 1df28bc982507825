"""The SQL of the AWS IoT topic rules, version 2016-03-23: infra and handlers make rules of it, tests run it.

A payload leaves a rule for Lambda only as base64: it may be CBOR, and what is no JSON does not leave it otherwise.
"""


def metrics_sql(prefix: str) -> str:
    """What selects metrics reports below a first topic level, for the handler `evaluate`."""
    return (
        "SELECT encode(*, 'base64') AS payload, topic() AS topic, clientid() AS client_id, "  # noqa: S608 (no database)
        f"principal() AS principal, timestamp() AS at FROM '{prefix}/things/+/defender/metrics/+'"
    )


REGISTRY_SQL = {
    "thing": "SELECT topic() AS topic FROM '$aws/events/thing/+/+' WHERE topic(5) <> 'updated'",
    "thingGroup": "SELECT topic() AS topic FROM '$aws/events/thingGroup/+/deleted'",
    "thingGroupMembership": ("SELECT topic() AS topic FROM '$aws/events/thingGroupMembership/thingGroup/+/thing/+/+'"),
    "thingGroupHierarchy": (
        "SELECT topic() AS topic FROM '$aws/events/thingGroupHierarchy/thingGroup/+/childThingGroup/+/+'"
    ),
}
"""What selects the registry's events, for the queue of the handler `registry`; by the event's first topic level.

Names hold no slash, so each is one level. Only the topic leaves the rule: an event names what to ask the registry
about, and anybody who may publish to a rule could have written the rest. An update of a thing changes neither its id
nor its groups, and one of a group changes nobody's.
Source: Developer Guide, Registry events.
"""


def delivery_sql(secret: str) -> str:
    """What passes on the messages of those who know a delivery rule's secret. It has no FROM: nothing but a publication
    to the rule's own name reaches it, and its output is the message as it came."""
    return f"SELECT * WHERE topic(1) = '{secret}'"


EXPORT_FILTER = {
    "eventName": ["INSERT"],
    "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "LOG#"}]}}, "NewImage": {"export": {"S": [{"exists": True}]}}},
}
"""What of table `log`'s stream invokes the export: new entries with datapoints that are exported."""

OUTBOX_FILTER = {
    "eventName": ["INSERT"],
    "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "LOG#"}]}}, "NewImage": {"outbox": {"S": [{"exists": True}]}}},
}
"""What of table `log`'s stream invokes dispatch: new entries with transitions. Moving or removing the mark, and expiry,
do not."""
