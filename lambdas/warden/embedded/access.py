"""Who may do what at the broker: the records of access, and what a client shows, put together."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from warden.domain.access.decision import Policies
from warden.domain.access.document import Document, read
from warden.domain.access.rights import Rights
from warden.domain.access.variables import LAST_WILL, PERSISTENT_CONNECT, Certificate, Context, Thing
from warden.domain.alerts.target import Home
from warden.embedded.broker.packets import Connect
from warden.embedded.broker.rights import EVERYTHING, Peer
from warden.embedded.broker.rights import Rights as BrokerRights
from warden.storage import access
from warden.storage.access import AccessRecords, Kind, Subject

ACTIVE = "ACTIVE"
DOCUMENTS_REMEMBERED = 1_024

FIELDS: Final[Mapping[str, str]] = {
    "dnQualifier": "DistinguishedNameQualifier",
    "countryName": "Country",
    "organizationName": "Organization",
    "organizationalUnitName": "OrganizationalUnit",
    "stateOrProvinceName": "State",
    "commonName": "CommonName",
    "serialNumber": "SerialNumber",
    "title": "Title",
    "surname": "Surname",
    "givenName": "GivenName",
    "initials": "Initials",
    "pseudonym": "Pseudonym",
    "generationQualifier": "GenerationQualifier",
}
"""A name's parts as OpenSSL calls them, and as policies do."""

ALTERNATIVE_NAMES: Final[Mapping[str, str]] = {
    "email": "AlternativeName.RFC822Name",
    "DNS": "AlternativeName.DNSName",
    "URI": "AlternativeName.UniformResourceIdentifier",
    "IP Address": "AlternativeName.IPAddress",
}
"""The same of alternative names. A directory name has no one text, and is left out."""


class Access:
    """Decides on clients with certificates. It reads what is on record at that moment, and remembers no client.

    Args:
        records: What the registry says.
        home: Whose clients and topics these are.
    """

    def __init__(self, records: AccessRecords, home: Home) -> None:
        self._records = records
        self._home = home
        self._document = lru_cache(DOCUMENTS_REMEMBERED)(read)

    def is_active(self, certificate_id: str) -> bool:
        """Whether a certificate may be used."""
        found = self._records.get(access.Certificate, certificate_id)
        return found is not None and found.status == ACTIVE

    def rights(self, peer: Peer, connect: Connect) -> BrokerRights | None:
        """What a client may do; None where it may not connect. The broker's `authorise`.

        Who comes without TLS came through the plain port, which is this machine's own, and may do everything.
        """
        if not peer.certificate_id:
            return EVERYTHING
        found = self._records.get(access.Certificate, peer.certificate_id)
        if found is None or found.status != ACTIVE:
            return None
        client_id = connect.client_id
        is_attached = client_id in found.things
        thing = self._records.get(access.Thing, client_id) if is_attached else None
        persistent = not connect.clean or bool(connect.properties.session_expiry)
        asked = {PERSISTENT_CONNECT: persistent, LAST_WILL: connect.will is not None}
        context = Context(
            client_id=client_id,
            source_ip=peer.address,
            certificate=_certificate(peer.certificate_id, peer.tls),
            thing=Thing(client_id, thing.type_name or None, thing.attributes) if thing else None,
            is_attached=is_attached,
            connect_attributes=frozenset(name for name, is_asked in asked.items() if is_asked),
        )
        groups = thing.groups if thing else ()
        policies = self._policies(found, groups)
        rights = Rights(Policies(self._documents(policies), context), self._home, client_id)
        if not rights.may_connect().is_allowed:
            return None
        subjects = {Subject(Kind.CERTIFICATE, peer.certificate_id)}
        subjects |= {Subject(Kind.THING, client_id)} if is_attached else set()
        subjects |= {Subject(Kind.GROUP, name) for name in groups} | {Subject(Kind.POLICY, name) for name in policies}
        return ClientRights(rights, frozenset(subjects))

    def _policies(self, certificate: access.Certificate, groups: Iterable[str]) -> Collection[str]:
        names = dict.fromkeys(certificate.policies)
        for group in groups:
            if found := self._records.get(access.Group, group):
                names |= dict.fromkeys(found.policies)
        return names

    def _documents(self, policies: Iterable[str]) -> Iterable[Document]:
        found = (self._records.get(access.Policy, name) for name in policies)
        return [self._document(policy.document) for policy in found if policy]


class ClientRights:
    """Port of the broker: what one client may do, as its policies say.

    Attributes:
        subjects: What was said of these decided it.
    """

    __slots__ = ("_rights", "subjects")

    def __init__(self, rights: Rights, subjects: frozenset[Subject]) -> None:
        self._rights = rights
        self.subjects = subjects

    def may_publish(self, topic: str, *, retain: bool) -> bool:
        """See the broker's `Rights`."""
        return self._rights.may_publish(topic, retain=retain).is_allowed

    def may_subscribe(self, topic_filter: str) -> bool:
        """See the broker's `Rights`."""
        return self._rights.may_subscribe(topic_filter).is_allowed

    def may_receive(self, topic: str) -> bool:
        """See the broker's `Rights`."""
        return self._rights.may_receive(topic).is_allowed


def _certificate(certificate_id: str, shown: Any) -> Certificate:
    """A certificate that a client showed, as `ssl.SSLSocket.getpeercert` describes it."""
    return Certificate(
        id=certificate_id,
        serial_number=shown.get("serialNumber"),
        subject=_fields(shown.get("subject", ()), shown.get("subjectAltName", ())),
        issuer=_fields(shown.get("issuer", ()), ()),
    )


def _fields(name: Iterable[Any], alternatives: Iterable[Any]) -> Mapping[str, Sequence[str]]:
    found: Mapping[str, list[str]] = defaultdict(list)
    for part in name:
        for kind, value in part:
            if kind in FIELDS:
                found[FIELDS[kind]].append(value)
    for kind, value in alternatives:
        if kind in ALTERNATIVE_NAMES:
            found[ALTERNATIVE_NAMES[kind]].append(value)
    return found
