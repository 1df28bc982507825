"""The MQTT broker of the embedded home.

`packets` and `properties` are what is said; `encode`, and `decode` with `parse` and `body`, put it into bytes and back.
`connection` is a client's wire. `entrance` deals with its CONNECT, `requests` with all that it sends then, `router`
with what it is sent; `sessions`, `topics`, `wills` and `retained` are what is kept. `rights` and `limits` are what the
program around may decide, `events` what it is told. `broker` puts them together.
"""

from warden.embedded.broker.broker import Broker
from warden.embedded.broker.connection import Reason
from warden.embedded.broker.publication import Publication
from warden.embedded.broker.rights import Authorise, Peer, PeerOf, Rights
from warden.embedded.broker.stats import Stats

__all__ = ["Authorise", "Broker", "Peer", "PeerOf", "Publication", "Reason", "Rights", "Stats"]
