"""Condition operators and keys."""

from dataclasses import replace
from typing import Any

from tests.access_cases.given import (
    ALLOWED,
    D1,
    EXPLICIT,
    IMPLICIT,
    NOBODY,
    THING,
    allow,
    connects,
    deny,
    unattached,
)
from warden.domain.access.decision import Decision
from warden.domain.access.variables import LAST_WILL, PERSISTENT_CONNECT, Context, Thing


def _when(operator: str, key: str, value: Any, expected: Decision, context: Context = D1) -> tuple[Any, ...]:
    return (allow("Connect", "*", when={operator: {key: value}}), connects(expected, context=context))


NAMES = "iot:Certificate.Subject.CommonName.List"
CONNECT = "iot:ConnectAttributes"
PERSISTENT = replace(D1, connect_attributes=frozenset({PERSISTENT_CONNECT}))
BOTH = replace(D1, connect_attributes=frozenset({PERSISTENT_CONNECT, LAST_WILL}))
V6 = replace(D1, source_ip="2001:db8::7")

UPSTAIRS = replace(D1, thing=Thing("d1", None, {"floor": "3.5"}))
COMPARED = [
    ("NumericEquals", "3.50", ALLOWED),
    ("NumericEquals", 3, IMPLICIT),
    ("NumericNotEquals", 3, ALLOWED),
    ("NumericNotEquals", 3.5, IMPLICIT),
    ("NumericLessThan", 3.5, IMPLICIT),
    ("NumericLessThan", 10, ALLOWED),
    ("NumericLessThanEquals", 3.5, ALLOWED),
    ("NumericLessThanEquals", 3.4, IMPLICIT),
    ("NumericGreaterThan", 3.5, IMPLICIT),
    ("NumericGreaterThan", -10, ALLOWED),
    ("NumericGreaterThanEquals", 3.5, ALLOWED),
    ("NumericGreaterThanEquals", 3.6, IMPLICIT),
]

CONDITIONS = {
    "StringEquals": _when("StringEquals", "iot:ClientId", "d1", ALLOWED),
    "StringEquals, one of several": _when("StringEquals", "iot:ClientId", ["x", "d1"], ALLOWED),
    "StringEquals, another": _when("StringEquals", "iot:ClientId", "d2", IMPLICIT),
    "StringEquals counts case": _when("StringEquals", "iot:ClientId", "D1", IMPLICIT),
    "StringEquals knows no wildcards": _when("StringEquals", "iot:ClientId", "d*", IMPLICIT),
    "StringNotEquals": _when("StringNotEquals", "iot:ClientId", ["x", "y"], ALLOWED),
    "StringNotEquals, one of several": _when("StringNotEquals", "iot:ClientId", ["x", "d1"], IMPLICIT),
    "StringEqualsIgnoreCase": _when("StringEqualsIgnoreCase", "iot:ClientId", "D1", ALLOWED),
    "StringNotEqualsIgnoreCase": _when("StringNotEqualsIgnoreCase", "iot:ClientId", "D1", IMPLICIT),
    "StringLike": _when("StringLike", "iot:ClientId", "d?", ALLOWED),
    "StringLike, another": _when("StringLike", "iot:ClientId", "e*", IMPLICIT),
    "StringNotLike": _when("StringNotLike", "iot:ClientId", "d*", IMPLICIT),
    "StringLike, escaped": _when("StringLike", "iot:ClientId", "d${?}", IMPLICIT),
    "ArnLike of what is no ARN": _when("ArnLike", "iot:ClientId", "arn:aws:iot:*:*:x", IMPLICIT),
    "ArnNotLike of what is no ARN": _when("ArnNotLike", "iot:ClientId", "arn:aws:iot:*:*:x", ALLOWED),
    "ArnEquals": _when(
        "ArnEquals",
        "iot:ClientId",
        "arn:aws:iot:*:*:x/?",
        ALLOWED,
        unattached("arn:aws:iot:r:a:x/1"),
    ),
    "ArnLike, escaped": _when(
        "ArnLike", "iot:ClientId", "arn:aws:iot:r:a:x/${*}", IMPLICIT, unattached("arn:aws:iot:r:a:x/1")
    ),
    "StringEquals of JSON's true": _when("StringEquals", f"{THING}.IsAttached", True, ALLOWED),
    "Bool of a variable": _when("Bool", f"{THING}.IsAttached", f"${{{THING}.IsAttached}}", ALLOWED),
    "IpAddress of a variable": _when("IpAddress", "aws:SourceIp", "${aws:SourceIp}", ALLOWED),
    "IpAddress of a variable that is no address": _when("IpAddress", "aws:SourceIp", "${iot:ClientId}", IMPLICIT),
    "IpAddress of what is no address": _when("IpAddress", "iot:ClientId", "0.0.0.0/0", IMPLICIT),
    "NotIpAddress of what is no address": _when("NotIpAddress", "iot:ClientId", "0.0.0.0/0", ALLOWED),
    "Bool": _when("Bool", f"{THING}.IsAttached", "true", ALLOWED),
    "Bool, as JSON's": _when("Bool", f"{THING}.IsAttached", True, ALLOWED),
    "Bool, in another case": _when("Bool", f"{THING}.IsAttached", "True", ALLOWED),
    "Bool, of a thing that has another name than the client": _when(
        "Bool", f"{THING}.IsAttached", "true", IMPLICIT, replace(D1, client_id="session-7", is_attached=False)
    ),
    "Bool, false": _when("Bool", f"{THING}.IsAttached", "false", IMPLICIT),
    "IpAddress": _when("IpAddress", "aws:SourceIp", "127.0.0.0/8", ALLOWED),
    "IpAddress, bare": _when("IpAddress", "aws:SourceIp", ["10.0.0.1", "127.0.0.1"], ALLOWED),
    "IpAddress, another": _when("IpAddress", "aws:SourceIp", "10.0.0.0/8", IMPLICIT),
    "IpAddress, of the other family": _when("IpAddress", "aws:SourceIp", "::/0", IMPLICIT),
    "IpAddress, IPv6": _when("IpAddress", "aws:SourceIp", "2001:db8::/32", ALLOWED, V6),
    "IpAddress, mapped": _when(
        "IpAddress", "aws:SourceIp", "127.0.0.0/8", ALLOWED, replace(D1, source_ip="::ffff:127.0.0.1")
    ),
    "NotIpAddress": _when("NotIpAddress", "aws:SourceIp", "127.0.0.0/8", IMPLICIT),
    "NotIpAddress, another": _when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", ALLOWED),
    **{
        f"{operator} {value}": _when(operator, f"{THING}.Attributes[floor]", value, expected, UPSTAIRS)
        for operator, value, expected in COMPARED
    },
    "a number and what is none": _when("NumericLessThan", "iot:ClientId", 5, IMPLICIT),
    "an absent key": _when("StringEquals", f"{THING}.ThingTypeName", "camera", IMPLICIT, NOBODY),
    "an absent key, negated": _when("StringNotEquals", f"{THING}.ThingTypeName", "camera", ALLOWED, NOBODY),
    "an absent key, if it exists": _when("StringEqualsIfExists", f"{THING}.ThingTypeName", "x", ALLOWED, NOBODY),
    "a key that exists, if it exists": _when("StringEqualsIfExists", f"{THING}.ThingTypeName", "x", IMPLICIT),
    "Null of what is there": _when("Null", f"{THING}.ThingName", "true", IMPLICIT),
    "Null of what is absent": _when("Null", f"{THING}.ThingName", "true", ALLOWED, NOBODY),
    "not Null, in another case": _when("Null", f"{THING}.ThingName", "False", ALLOWED),
    "not Null": _when("Null", f"{THING}.ThingName", False, ALLOWED),
    "not Null of what is absent": _when("Null", f"{THING}.ThingName", "false", IMPLICIT, NOBODY),
    "a variable in a value": _when("StringEquals", "iot:ClientId", f"${{{THING}.ThingName}}", ALLOWED),
    "a variable in a value, another": _when(
        "StringEquals", "iot:ClientId", f"${{{THING}.ThingName}}", IMPLICIT, replace(D1, client_id="d2")
    ),
    "an unresolved variable equals nothing": _when(
        "StringEquals", "iot:ClientId", f"${{{THING}.ThingName}}", IMPLICIT, NOBODY
    ),
    "an unresolved variable beside a value": _when(
        "StringEquals", "iot:ClientId", [f"${{{THING}.ThingName}}", "x9"], ALLOWED, NOBODY
    ),
    "an unresolved variable negated": _when(
        "StringNotEquals", "iot:ClientId", f"${{{THING}.ThingName}}", IMPLICIT, NOBODY
    ),
    "an unresolved variable negated, of an absent key": _when(
        "StringNotEquals", f"{THING}.ThingTypeName", f"${{{THING}.ThingName}}", IMPLICIT, NOBODY
    ),
    "a star in a value is no wildcard where it comes from a variable": _when(
        "StringLike", "aws:SourceIp", "${iot:ClientId}", IMPLICIT, unattached("*")
    ),
    "a certificate's value is compared also where it could not be put in": _when(
        "StringEquals", "iot:Certificate.Subject.Organization", "Acme + Sons", ALLOWED
    ),
    "persistent sessions allowed: a persistent one": _when(
        "ForAllValues:StringEquals", CONNECT, [PERSISTENT_CONNECT], ALLOWED, PERSISTENT
    ),
    "persistent sessions allowed: a clean one": _when(
        "ForAllValues:StringEquals", CONNECT, [PERSISTENT_CONNECT], ALLOWED
    ),
    "persistent sessions allowed: with a will": _when(
        "ForAllValues:StringEquals", CONNECT, [PERSISTENT_CONNECT], IMPLICIT, BOTH
    ),
    "no persistent sessions: a persistent one": _when(
        "ForAllValues:StringNotEquals", CONNECT, [PERSISTENT_CONNECT], IMPLICIT, PERSISTENT
    ),
    "no persistent sessions: a clean one": _when(
        "ForAllValues:StringNotEquals", CONNECT, [PERSISTENT_CONNECT], ALLOWED
    ),
    "only with a will: without": _when("ForAnyValue:StringEquals", CONNECT, LAST_WILL, IMPLICIT, PERSISTENT),
    "only with a will: neither": _when("ForAnyValue:StringEquals", CONNECT, LAST_WILL, IMPLICIT),
    "only with a will: with": _when("ForAnyValue:StringEquals", CONNECT, LAST_WILL, ALLOWED, BOTH),
    "ForAnyValue negated: one is another": _when("ForAnyValue:StringNotEquals", CONNECT, LAST_WILL, ALLOWED, BOTH),
    "ForAnyValue of nothing, if it exists": _when("ForAnyValue:StringEqualsIfExists", CONNECT, LAST_WILL, ALLOWED),
    "any of the subject's names": _when("ForAnyValue:StringEquals", NAMES, ["third", "x"], ALLOWED),
    "the sixth name is not seen": _when("ForAnyValue:StringEquals", NAMES, "sixth", IMPLICIT),
    "all of the subject's names": _when("ForAllValues:StringLike", NAMES, ["*i*", "second", "fourth"], ALLOWED),
    "not all of the subject's names": _when("ForAllValues:StringLike", NAMES, ["*i*", "second"], IMPLICIT),
    "what the certificate says": _when(
        "ForAnyValue:StringEquals", "iot:Certificate.AvailableKeys", "iot:Certificate.Subject.Country", ALLOWED
    ),
    "what the certificate does not say": _when(
        "ForAnyValue:StringEquals", "iot:Certificate.AvailableKeys", "iot:Certificate.Subject.State", IMPLICIT
    ),
    "ForAllValues of a key of one value": _when("ForAllValues:StringEquals", "iot:ClientId", ["d1"], ALLOWED),
    "an operator's and a key's case": _when("stringequals", "IOT:CLIENTID", "d1", ALLOWED),
    "all conditions have to hold": (
        allow("Connect", "*", when={"Bool": {f"{THING}.IsAttached": "true"}, "StringEquals": {"iot:ClientId": "x"}}),
        connects(IMPLICIT),
    ),
    "all keys of an operator have to hold": (
        allow("Connect", "*", when={"StringEquals": {"iot:ClientId": "d1", f"{THING}.ThingTypeName": "lamp"}}),
        connects(IMPLICIT),
    ),
    "a denial only where its condition holds": (
        allow("Connect", "*"),
        deny("Connect", "*", when={"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8"]}}),
        connects(ALLOWED),
        connects(EXPLICIT, context=V6),
    ),
}
