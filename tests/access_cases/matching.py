"""How patterns, ARNs and versions match."""

from tests.access_cases.given import ALLOWED, IMPLICIT, allow, connects, document, publishes, receives, subscribes

MATCHING = {
    "a star is any characters, slashes too, or none": (
        allow("Publish", "topic/a*z"),
        publishes("az", ALLOWED),
        publishes("a/b/c/z", ALLOWED),
        publishes("a/b/c", IMPLICIT),
        publishes("xaz", IMPLICIT),
    ),
    "what stands on both sides of a star does not overlap": (
        allow("Publish", "topic/ab*b*bc"),
        publishes("abc", IMPLICIT),
        publishes("abbc", IMPLICIT),
        publishes("abbbc", ALLOWED),
    ),
    "a question mark is exactly one character": (
        allow("Publish", "topic/a?c"),
        publishes("abc", ALLOWED),
        publishes("a/c", ALLOWED),
        publishes("ac", IMPLICIT),
        publishes("abbc", IMPLICIT),
    ),
    "a plus is a plus": (
        allow("Publish Subscribe", "topic/a/+/c", "topicfilter/a/+/c"),
        publishes("a/b/c", IMPLICIT),
        subscribes("a/b/c", IMPLICIT),
        subscribes("a/+/c", ALLOWED),
    ),
    "a hash is a hash": (
        allow("Receive Subscribe", "topic/a/#", "topicfilter/a/#"),
        receives("a/b", IMPLICIT),
        subscribes("a/b", IMPLICIT),
        subscribes("a/#", ALLOWED),
    ),
    "a plus and a hash are plain in a client too": (
        allow("Connect", "client/+", "client/a#"),
        connects(IMPLICIT),
        connects(ALLOWED, as_="+"),
        connects(ALLOWED, as_="a#"),
    ),
    "brackets are plain": (
        allow("Publish", "topic/[ab]", "topic/!x"),
        publishes("a", IMPLICIT),
        publishes("[ab]", ALLOWED),
        publishes("!x", ALLOWED),
    ),
    "a dot is a dot, a backslash a backslash": (
        allow("Publish", "topic/a.c", "topic/\\d*"),
        publishes("abc", IMPLICIT),
        publishes("a.c", ALLOWED),
        publishes("1", IMPLICIT),
        publishes("\\d1", ALLOWED),
    ),
    "topics' case counts": (allow("Publish", "topic/Room/*"), publishes("room/1", IMPLICIT)),
    "actions' case does not": (
        {"Effect": "Allow", "Action": "IOT:publish", "Resource": "*"},
        publishes("a", ALLOWED),
    ),
    "an action may be a pattern": (
        allow("Pub*", "*"),
        publishes("a", ALLOWED),
        publishes("a", IMPLICIT, retain=True),
        connects(IMPLICIT),
    ),
    "iot:* is every action": (allow("*", "*"), connects(ALLOWED), publishes("a", ALLOWED, retain=True)),
    "a star alone is every action": (
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        subscribes("#", ALLOWED),
    ),
    "another service's action is none of ours": (
        {"Effect": "Allow", "Action": ["greengrass:*"], "Resource": "*"},
        connects(IMPLICIT),
    ),
    "escaped wildcards are plain": (
        allow("Publish", "topic/a${*}", "topic/b${?}", "topic/c${$}{iot:ClientId}"),
        publishes("a*", ALLOWED),
        publishes("ab", IMPLICIT),
        publishes("b?", ALLOWED),
        publishes("bb", IMPLICIT),
        publishes("c${iot:ClientId}", ALLOWED),
        publishes("cd1", IMPLICIT),
    ),
    "a filter is a text: a pattern covers wildcards below it": (
        allow("Subscribe", "topicfilter/a/*"),
        subscribes("a/b", ALLOWED),
        subscribes("a/#", ALLOWED),
        subscribes("a/+/c", ALLOWED),
        subscribes("#", IMPLICIT),
        subscribes("a", IMPLICIT),
    ),
    "another account's or Region's resources are not these": (
        allow("Connect", "arn:aws:iot:us-east-1:111111111111:client/*"),
        allow("Publish", "arn:aws:iot:eu-west-1:000000000000:topic/*"),
        allow("Subscribe", "arn:aws:sns:us-east-1:000000000000:topicfilter/*"),
        connects(IMPLICIT),
        publishes("a", IMPLICIT),
        subscribes("a", IMPLICIT),
    ),
    "an ARN's parts may be patterns": (
        allow("Publish", "arn:aws*:iot:*:*:topic/a"),
        publishes("a", ALLOWED),
        publishes("b", IMPLICIT),
    ),
    "a pattern reaches no further than its part of the ARN": (
        allow("Publish", "arn:aws:iot:*:*:topic/a"),
        publishes("b:topic/a", IMPLICIT),
    ),
    "without a Version a variable is plain text": (
        document(allow("Publish", "topic/${iot:ClientId}"), version=None),
        publishes("d1", IMPLICIT),
        publishes("${iot:ClientId}", ALLOWED),
    ),
    "the old Version knows no variables": (
        document(allow("Publish", "topic/${iot:ClientId}"), version="2008-10-17"),
        publishes("d1", IMPLICIT),
        publishes("${iot:ClientId}", ALLOWED),
    ),
    "each document has its own Version": (
        document(allow("Publish", "topic/${iot:ClientId}/a"), version="2008-10-17"),
        document(allow("Publish", "topic/${iot:ClientId}/b")),
        publishes("d1/a", IMPLICIT),
        publishes("d1/b", ALLOWED),
    ),
}
