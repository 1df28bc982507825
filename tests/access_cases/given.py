"""A case of access, and what the rows are written with."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from warden.domain.access.decision import Decision
from warden.domain.access.variables import Certificate, Context, Thing
from warden.domain.alerts.target import Home

HOME = Home("aws", "us-east-1", "000000000000")
ALLOWED, EXPLICIT, IMPLICIT = Decision.ALLOWED, Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY
VERSION = "2012-10-17"

CERTIFICATE = Certificate(
    id="c0ffee" + "0" * 58,
    serial_number="0102",
    subject={
        "CommonName": ("first", "second", "third", "fourth", "fifth", "sixth"),
        "Country": ("NL",),
        "Organization": ("Acme + Sons",),
        "Title": ("x" * 1025,),
        "AlternativeName.DNSName": ("d1.example.com",),
    },
    issuer={"CommonName": ("Our CA",), "Title": ("x" * 1024,)},
)
D1 = Context(
    client_id="d1",
    source_ip="127.0.0.1",
    certificate=CERTIFICATE,
    thing=Thing("d1", "camera", {"room": "attic", "zone#": "a:b"}),
    is_attached=True,
)
"""Thing `d1`, to which the certificate is attached, connects under its name."""


def unattached(client_id: str) -> Context:
    """The same certificate under a client ID that is not its thing's."""
    return replace(D1, client_id=client_id, thing=None, is_attached=False)


@dataclass(frozen=True)
class Try:
    """One thing that a client tries: to connect, or, on a connection, to publish, subscribe or receive.

    `on` is the topic or the filter, for `connect` the will's topic, where there is a will.
    """

    operation: Literal["connect", "publish", "subscribe", "receive"]
    on: str | None
    expected: Decision
    retain: bool = False
    context: Context = D1


@dataclass(frozen=True)
class Case:
    """A name, the documents of the policies, and the try."""

    name: str
    documents: tuple[str, ...]
    tried: Try


def connects(expected: Decision, as_: str | None = None, context: Context = D1, will: str | None = None,
             retain: bool = False) -> Try:  # fmt: skip
    """Under `d1`, or under another client ID, which is no thing of the certificate's."""
    return Try("connect", will, expected, retain, context if as_ is None else unattached(as_))


def publishes(topic: str, expected: Decision, *, retain: bool = False, context: Context = D1) -> Try:
    return Try("publish", topic, expected, retain, context)


def subscribes(topic_filter: str, expected: Decision, context: Context = D1) -> Try:
    return Try("subscribe", topic_filter, expected, context=context)


def receives(topic: str, expected: Decision, context: Context = D1) -> Try:
    return Try("receive", topic, expected, context=context)


def statement(effect: str, action: str, *resources: str, when: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Of `iot:` actions, separated by blanks; resources without the ARN's beginning, or `*`."""
    arns = [each if each == "*" or each.startswith("arn:") else HOME.iot_arn(each) for each in resources]
    found = {"Effect": effect, "Action": [f"iot:{each}" for each in action.split()], "Resource": arns}
    return found | ({"Condition": when} if when else {})


def allow(action: str, *resources: str, when: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return statement("Allow", action, *resources, when=when)


def deny(action: str, *resources: str, when: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return statement("Deny", action, *resources, when=when)


def document(*statements: object, version: str | None = VERSION) -> str:
    return json.dumps(({"Version": version} if version else {}) | {"Statement": list(statements)})


def cases(rows: Mapping[str, tuple[Any, ...]]) -> Iterator[Case]:
    """A row is a name, statements of one policy (or whole documents, each a policy), and tries."""
    for name, row in rows.items():
        documents = tuple(each for each in row if isinstance(each, str))
        statements = [each for each in row if isinstance(each, dict)]
        of = (*documents, *((document(*statements),) if statements else ()))
        tries = [each for each in row if isinstance(each, Try)]
        for number, tried in enumerate(tries, 1):
            yield Case(name if len(tries) == 1 else f"{name} ({number})", of, tried)


NOBODY = unattached("x9")
THING = "iot:Connection.Thing"
