"""The MQTT broker of the embedded home.

`packets` are what is said, `encode` and `decode` put it into bytes and back, `topics` finds subscribers, `session` is
what is kept of a client, `connection` is its wire, and `broker` is what happens.
"""

from warden.embedded.broker.broker import Broker, Stats
from warden.embedded.broker.publication import Publication

__all__ = ["Broker", "Publication", "Stats"]
