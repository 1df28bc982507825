"""Who is behind a connection, and the policy variables that say it.

Source: AWS IoT Core Developer Guide, AWS IoT Core policy variables.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

PERSISTENT_CONNECT: Final = "PersistentConnect"
LAST_WILL: Final = "LastWill"

MAX_VALUES: Final = 5
"""Values of one certificate attribute that policies see."""

MAX_LENGTH: Final = 1024
"""Characters of a certificate's value that is put into a policy."""

_UNSAFE = frozenset("*$+?#")
_NAMES = (
    "DistinguishedNameQualifier",
    "Country",
    "Organization",
    "OrganizationalUnit",
    "State",
    "CommonName",
    "SerialNumber",
    "Title",
    "Surname",
    "GivenName",
    "Initials",
    "Pseudonym",
    "GenerationQualifier",
)
_ALTERNATIVE_NAMES = ("RFC822Name", "DNSName", "DirectoryName", "UniformResourceIdentifier", "IPAddress")
FIELDS: Final = (*_NAMES, *(f"AlternativeName.{name}" for name in _ALTERNATIVE_NAMES))
"""What a certificate may say of its subject and of its issuer, as the variables name it."""

_FIELD_NAMED = {field.lower(): field for field in FIELDS}


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing of the registry.

    Attributes:
        name: Its name.
        type_name: Its thing type, where it has one.
        attributes: Values by name.
    """

    name: str
    type_name: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What policies see of a client certificate.

    Attributes:
        id: AWS IoT's certificateId, 64 hex digits.
        serial_number: As the caller writes it; policies compare its text.
        subject: Values in the certificate's order, by name out of FIELDS.
        issuer: The same of whoever signed it.
    """

    id: str
    serial_number: str | None = None
    subject: Mapping[str, Sequence[str]] = field(default_factory=dict)
    issuer: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """Who is behind a connection, or behind an HTTP request.

    Attributes:
        client_id: MQTT's; None over HTTP.
        source_ip: The client's address.
        domain_name: The name that the client asked TLS for, where it did.
        certificate: None for who has none.
        thing: The one that the connection is tied to: named as the client ID and attached to the certificate, or
            attached to it exclusively.
        is_attached: Whether the certificate is attached to the thing named as the client ID.
        connect_attributes: Of PERSISTENT_CONNECT and LAST_WILL, what CONNECT asked for.
    """

    client_id: str | None = None
    source_ip: str | None = None
    domain_name: str | None = None
    certificate: Certificate | None = None
    thing: Thing | None = None
    is_attached: bool = False
    connect_attributes: frozenset[str] = frozenset()


Values = tuple[str, ...]
Reader = Callable[[Context], Values]


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable, which is also a condition key.

    Attributes:
        values: What it is on a connection; nothing where the connection has none.
        is_set: Whether it has several values at once, so that only conditions can speak of it.
        is_certificates: Whether a certificate's signer chose the value, so that not every text can be put in.
    """

    values: Reader
    is_set: bool = False
    is_certificates: bool = False

    def text(self, context: Context) -> str | None:
        """What is put into a policy in its place; None where it stays unresolved, so that nothing matches it."""
        values = self.values(context)
        if len(values) != 1:
            return None
        value = values[0]
        if self.is_certificates and (len(value) > MAX_LENGTH or not _UNSAFE.isdisjoint(value)):
            return None
        return value


def _one(value: str | None) -> Values:
    return () if value is None else (value,)


def _of_thing(read: Callable[[Thing], str | None]) -> Reader:
    def values(context: Context) -> Values:
        return () if context.thing is None or context.client_id is None else _one(read(context.thing))

    return values


def _of_certificate(read: Callable[[Certificate], Values]) -> Reader:
    return lambda context: () if context.certificate is None else read(context.certificate)


def _is_attached(context: Context) -> Values:
    return () if context.client_id is None else ("true" if context.is_attached else "false",)


def _available(certificate: Certificate) -> Values:
    """The names of the certificate's variables that have a value."""
    named = [("Subject", certificate.subject), ("Issuer", certificate.issuer)]
    names = [f"iot:Certificate.{whose}.{each}" for whose, fields in named for each in FIELDS if fields.get(each)]
    return (*names, *(["iot:Certificate.SerialNumber"] if certificate.serial_number is not None else []))


_PLAIN: Final[Mapping[str, Variable]] = {
    "iot:ClientId": Variable(lambda context: _one(context.client_id)),
    "iot:DomainName": Variable(lambda context: _one(context.domain_name)),
    "aws:SourceIp": Variable(lambda context: _one(context.source_ip)),
    "iot:Connection.Thing.ThingName": Variable(_of_thing(lambda thing: thing.name)),
    "iot:Connection.Thing.ThingTypeName": Variable(_of_thing(lambda thing: thing.type_name)),
    "iot:Connection.Thing.IsAttached": Variable(_is_attached),
    "iot:ConnectAttributes": Variable(lambda context: tuple(sorted(context.connect_attributes)), is_set=True),
    "iot:CertificateId": Variable(_of_certificate(lambda certificate: (certificate.id,))),
    "iot:Certificate.SerialNumber": Variable(
        _of_certificate(lambda certificate: _one(certificate.serial_number)), is_certificates=True
    ),
    "iot:Certificate.AvailableKeys": Variable(_of_certificate(_available), is_set=True),
    # Those of Amazon Cognito identities, which nobody has who comes with a certificate.
    **{f"cognito-identity.amazonaws.com:{name}": Variable(lambda _: ()) for name in ("sub", "aud", "amr")},
}
_BY_NAME = {name.lower(): variable for name, variable in _PLAIN.items()}
_ATTRIBUTE = re.compile(r"iot:connection\.thing\.attributes\[([^\]]{1,128})\]", re.IGNORECASE)
_FIELD = re.compile(
    rf"iot:certificate\.(subject|issuer)\.({'|'.join(map(re.escape, FIELDS))})(?:\.(list|[1-9][0-9]{{0,2}}))?",
    re.IGNORECASE,
)

KNOWN: Final = ", ".join(
    [
        *(name for name in _PLAIN if name.startswith(("iot", "aws"))),
        "iot:Connection.Thing.Attributes[NAME]",
        "iot:Certificate.Subject.FIELD, iot:Certificate.Issuer.FIELD, each also with .1 to .4 and .List",
    ]
)
"""The variables there are, for who asked for another one."""


@lru_cache(512)
def variable(name: str) -> Variable | None:
    """A variable by its name, in any case but for a thing attribute's own; None where there is no such variable.

    A field of a certificate is its first value; `.1` is the second one, and so on; `.List` is all of them.
    """
    if found := _BY_NAME.get(name.lower()):
        return found
    if attribute := _ATTRIBUTE.fullmatch(name):
        return Variable(_of_thing(lambda thing: thing.attributes.get(attribute[1])))
    if named := _FIELD.fullmatch(name):
        return _certificate_field(named[1].lower(), _FIELD_NAMED[named[2].lower()], (named[3] or "0").lower())
    return None


def _certificate_field(whose: str, name: str, index: str) -> Variable:
    wanted = slice(None) if index == "list" else slice(int(index), int(index) + 1)

    def read(certificate: Certificate) -> Values:
        fields = certificate.subject if whose == "subject" else certificate.issuer
        return tuple(fields.get(name, ()))[:MAX_VALUES][wanted]

    return Variable(_of_certificate(read), is_set=index == "list", is_certificates=True)
