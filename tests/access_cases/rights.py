"""Which packet asks for which action on which resource, how policies add up, and AWS's examples."""

from tests.access_cases.given import (
    ALLOWED,
    EXPLICIT,
    IMPLICIT,
    THING,
    allow,
    connects,
    deny,
    document,
    publishes,
    receives,
    subscribes,
    unattached,
)

ACTIONS_AND_RESOURCES = {
    "nothing is allowed without policies": (
        connects(IMPLICIT),
        publishes("a", IMPLICIT),
        subscribes("a", IMPLICIT),
        receives("a", IMPLICIT),
    ),
    "connecting takes the client": (allow("Connect", "client/d1"), connects(ALLOWED), connects(IMPLICIT, as_="d2")),
    "a topic is no client": (allow("Connect", "topic/d1", "topicfilter/d1"), connects(IMPLICIT)),
    "publishing takes the topic": (
        allow("Publish", "topic/a/b"),
        publishes("a/b", ALLOWED),
        publishes("a/b/c", IMPLICIT),
        receives("a/b", IMPLICIT),
    ),
    "topic never allows to subscribe": (allow("Subscribe", "topic/*"), subscribes("a", IMPLICIT)),
    "topicfilter never allows to publish or receive": (
        allow("Publish Receive", "topicfilter/*"),
        publishes("a", IMPLICIT),
        receives("a", IMPLICIT),
    ),
    "topic never denies a subscription": (
        allow("Subscribe", "*"),
        deny("Subscribe", "topic/*"),
        subscribes("a", ALLOWED),
    ),
    "subscribing is not receiving": (
        allow("Subscribe", "*"),
        subscribes("a", ALLOWED),
        receives("a", IMPLICIT),
    ),
    "the will needs to be published": (
        allow("Connect", "client/d1"),
        allow("Publish", "topic/gone"),
        connects(ALLOWED, will="gone"),
        connects(IMPLICIT, will="other"),
    ),
    "a retained will needs RetainPublish too": (
        allow("Connect", "client/d1"),
        allow("Publish", "topic/*"),
        allow("RetainPublish", "topic/kept"),
        connects(ALLOWED, will="kept", retain=True),
        connects(IMPLICIT, will="other", retain=True),
    ),
    "a will alone does not connect": (allow("Publish RetainPublish", "*"), connects(IMPLICIT, will="a", retain=True)),
    "a denied will is an explicit denial": (
        allow("Connect Publish", "*"),
        deny("Publish", "topic/a"),
        connects(EXPLICIT, will="a"),
    ),
    "RetainPublish without Publish is not enough": (
        allow("RetainPublish", "*"),
        publishes("a", IMPLICIT, retain=True),
    ),
    "a retained message needs both": (allow("Publish RetainPublish", "*"), publishes("a", ALLOWED, retain=True)),
    "a denial of RetainPublish leaves the rest": (
        allow("Publish RetainPublish", "*"),
        deny("RetainPublish", "*"),
        publishes("a", ALLOWED),
        publishes("a", EXPLICIT, retain=True),
    ),
    "an explicit denial of one of two outweighs the other's implicit one": (
        deny("RetainPublish", "*"),
        publishes("a", EXPLICIT, retain=True),
    ),
    "reserved topics need a right as any other": (
        allow("Publish", "topic/$aws/things/d1/*"),
        allow("Subscribe", "topicfilter/$aws/events/*"),
        publishes("$aws/things/d1/defender/metrics/json", ALLOWED),
        publishes("$aws/things/d2/defender/metrics/json", IMPLICIT),
        subscribes("$aws/events/presence/#", ALLOWED),
    ),
    "a shared subscription is judged by its whole text": (
        allow("Subscribe", "topicfilter/a/*"),
        subscribes("$share/g/a/b", IMPLICIT),
    ),
}

DECIDING = {
    "a denial wins in any order": (
        deny("Publish", "topic/a"),
        allow("Publish", "topic/*"),
        deny("Publish", "topic/b"),
        publishes("a", EXPLICIT),
        publishes("b", EXPLICIT),
        publishes("c", ALLOWED),
    ),
    "a denial wins over another policy": (
        document(allow("*", "*")),
        document(deny("Publish", "topic/a")),
        publishes("a", EXPLICIT),
        publishes("b", ALLOWED),
    ),
    "a denial without a permission is explicit too": (deny("Publish", "*"), publishes("a", EXPLICIT)),
    "permissions of several policies add up": (
        document(allow("Connect", "*")),
        document(allow("Publish", "topic/a")),
        connects(ALLOWED),
        publishes("a", ALLOWED),
        publishes("b", IMPLICIT),
    ),
}

EXAMPLES = {
    "a thing connects under its own name only": (
        allow("Connect", "client/${iot:Connection.Thing.ThingName}"),
        connects(ALLOWED),
        connects(IMPLICIT, as_="d2"),
    ),
    "a client publishes below its own name only": (
        allow("Publish", "topic/dt/${iot:ClientId}/*"),
        publishes("dt/d1/a/b", ALLOWED),
        publishes("dt/d1", IMPLICIT),
        publishes("dt/d2/a", IMPLICIT),
    ),
    "a denied filter is got around by a wildcard": (
        allow("Subscribe", "topicfilter/room/*"),
        deny("Subscribe", "topicfilter/room/secret"),
        allow("Receive", "topic/room/*"),
        subscribes("room/secret", EXPLICIT),
        subscribes("room/+", ALLOWED),
        receives("room/secret", ALLOWED),
    ),
    "a denied delivery is not": (
        allow("Subscribe", "topicfilter/room/*"),
        allow("Receive", "topic/room/*"),
        deny("Receive", "topic/room/secret"),
        subscribes("room/+", ALLOWED),
        receives("room/secret", EXPLICIT),
        receives("room/other", ALLOWED),
    ),
    "a denial with an MQTT wildcard denies nothing": (
        deny("Publish", "topic/fw/+/cmd"),
        allow("Publish", "topic/*"),
        publishes("fw/d1/cmd", ALLOWED),
    ),
    "a denial with a policy's wildcard does": (
        deny("Publish", "topic/fw/*/cmd"),
        allow("Publish", "topic/*"),
        publishes("fw/d1/cmd", EXPLICIT),
    ),
    "a retained message needs more than Publish": (
        allow("Publish", "topic/s/*"),
        publishes("s/1", ALLOWED),
        publishes("s/1", IMPLICIT, retain=True),
    ),
    "a client ID can be an MQTT wildcard": (
        allow("Connect", "client/*"),
        allow("Subscribe", "topicfilter/my/${iot:ClientId}/in"),
        allow("Receive", "topic/my/*"),
        connects(ALLOWED, as_="+"),
        subscribes("my/+/in", ALLOWED, unattached("+")),
        receives("my/d2/in", ALLOWED, unattached("+")),
        subscribes("my/+/in", IMPLICIT),
    ),
    "only an attached thing connects": (
        allow("Connect", "client/*", when={"Bool": {f"{THING}.IsAttached": "true"}}),
        connects(ALLOWED),
        connects(IMPLICIT, as_="x9"),
    ),
}
