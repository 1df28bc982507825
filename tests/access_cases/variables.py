"""Policy variables, put in and unresolved."""

from dataclasses import replace
from typing import Any

from tests.access_cases.given import (
    ALLOWED,
    CERTIFICATE,
    D1,
    IMPLICIT,
    NOBODY,
    THING,
    allow,
    deny,
    publishes,
    receives,
    unattached,
)
from warden.domain.access.variables import Context, Thing


def _filled(variable: str, value: str) -> tuple[Any, ...]:
    return (
        allow("Publish", f"topic/x/${{{variable}}}/y"),
        publishes(f"x/{value}/y", ALLOWED),
        publishes("x/other/y", IMPLICIT),
        publishes(f"x/${{{variable}}}/y", IMPLICIT),
    )


def _unresolved(variable: str, value: str, context: Context = D1) -> tuple[Any, ...]:
    """Neither what the value might have been matches, nor the variable's text, nor nothing."""
    return (
        allow("Publish", f"topic/x/${{{variable}}}"),
        allow("Receive", "*"),
        deny("Receive", f"topic/x/${{{variable}}}"),
        publishes(f"x/{value}", IMPLICIT, context=context),
        publishes(f"x/${{{variable}}}", IMPLICIT, context=context),
        publishes("x/", IMPLICIT, context=context),
        receives(f"x/{value}", ALLOWED, context=context),
        receives(f"x/${{{variable}}}", ALLOWED, context=context),
    )


VARIABLES = {
    "the client ID": _filled("iot:ClientId", "d1"),
    "the client's address": _filled("aws:SourceIp", "127.0.0.1"),
    "the thing's name": _filled("iot:Connection.Thing.ThingName", "d1"),
    "the thing's type": _filled("iot:Connection.Thing.ThingTypeName", "camera"),
    "a thing's attribute": _filled("iot:Connection.Thing.Attributes[room]", "attic"),
    "an attribute with odd characters": _filled("iot:Connection.Thing.Attributes[zone#]", "a:b"),
    "whether the thing is attached": _filled("iot:Connection.Thing.IsAttached", "true"),
    "the certificate's ID": _filled("iot:CertificateId", CERTIFICATE.id),
    "the certificate's serial number": _filled("iot:Certificate.SerialNumber", "0102"),
    "a field of the subject": _filled("iot:Certificate.Subject.Country", "NL"),
    "a field of the issuer": _filled("iot:Certificate.Issuer.CommonName", "Our CA"),
    "an alternative name": _filled("iot:Certificate.Subject.AlternativeName.DNSName", "d1.example.com"),
    "the first of several values": _filled("iot:Certificate.Subject.CommonName", "first"),
    "the second of several values": _filled("iot:Certificate.Subject.CommonName.1", "second"),
    "the fifth of several values": _filled("iot:Certificate.Subject.CommonName.4", "fifth"),
    "a variable in another case": _filled("IOT:clientid", "d1"),
    "a variable without a type of thing": _unresolved(
        "iot:Connection.Thing.ThingTypeName", "None", replace(D1, thing=Thing("d1"))
    ),
    "an attribute that the thing has not": _unresolved("iot:Connection.Thing.Attributes[colour]", "attic"),
    "an attribute in another case": _unresolved("iot:Connection.Thing.Attributes[Room]", "attic"),
    "a thing that is not attached": _unresolved("iot:Connection.Thing.ThingName", "x9", NOBODY),
    "a field that the certificate has not": _unresolved("iot:Certificate.Subject.State", "NL"),
    "a value that is not there": _unresolved("iot:Certificate.Subject.Country.1", "NL"),
    "the sixth of several values": _unresolved("iot:Certificate.Subject.CommonName.5", "sixth"),
    "a certificate's value with a wildcard": _unresolved("iot:Certificate.Subject.Organization", "Acme + Sons"),
    "a certificate's value of more than 1024 characters": _unresolved("iot:Certificate.Subject.Title", "x" * 1025),
    "a certificate's value of 1024 characters": _filled("iot:Certificate.Issuer.Title", "x" * 1024),
    **{
        f"a certificate's value with {character}": _unresolved(
            "iot:Certificate.SerialNumber",
            f"a{character}",
            replace(D1, certificate=replace(CERTIFICATE, serial_number=f"a{character}")),
        )
        for character in "*$+?#"
    },
    "no certificate": _unresolved("iot:CertificateId", CERTIFICATE.id, replace(D1, certificate=None)),
    "a Cognito identity's variable": _unresolved("cognito-identity.amazonaws.com:sub", "d1"),
    "an unresolved variable takes only its own resource away": (
        allow("Publish", "topic/${iot:Connection.Thing.ThingName}", "topic/all"),
        publishes("all", ALLOWED, context=NOBODY),
        publishes("x9", IMPLICIT, context=NOBODY),
    ),
    "a star in a client ID is a plain character": (
        allow("Publish", "topic/${iot:ClientId}"),
        publishes("anything", IMPLICIT, context=unattached("*")),
        publishes("*", ALLOWED, context=unattached("*")),
    ),
    "a client ID that looks like a variable is a plain text": (
        allow("Publish", "topic/${iot:ClientId}"),
        publishes("127.0.0.1", IMPLICIT, context=unattached("${aws:SourceIp}")),
        publishes("${aws:SourceIp}", ALLOWED, context=unattached("${aws:SourceIp}")),
    ),
    "the exclusively attached thing has another name than the client": (
        allow("Publish", "topic/${iot:Connection.Thing.ThingName}"),
        publishes("d1", ALLOWED, context=replace(D1, client_id="session-7")),
    ),
}

HTTP = Context(source_ip="127.0.0.1", certificate=CERTIFICATE, thing=D1.thing, is_attached=True)
NOTHING_OF_A_CONNECTION = {
    f"over HTTP there is no {name}": _unresolved(name, value, HTTP)
    for name, value in [
        ("iot:ClientId", "None"),
        (f"{THING}.ThingName", "d1"),
        (f"{THING}.Attributes[room]", "attic"),
        (f"{THING}.IsAttached", "true"),
    ]
}
