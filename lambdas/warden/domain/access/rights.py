"""What an MQTT client may do: each of its packets, put as actions on resources.

Shared subscriptions are left out: a filter that begins with `$share/` is judged by its text, as any other.
Source: AWS IoT Core Developer Guide, AWS IoT Core policy actions, and Action resources.
"""

from warden.domain.access.decision import Decision, Policies
from warden.domain.alerts.target import Home


class Rights:
    """The rights of one connection.

    Args:
        policies: The connection's.
        home: Whose clients and topics these are.
        client_id: The connection's.
    """

    __slots__ = ("_client", "_filter", "_policies", "_topic")

    def __init__(self, policies: Policies, home: Home, client_id: str) -> None:
        self._policies = policies
        self._client = home.iot_arn(f"client/{client_id}")
        self._topic = home.iot_arn("topic/")
        self._filter = home.iot_arn("topicfilter/")

    def may_connect(self, will: str | None = None, *, retain: bool = False) -> Decision:
        """Whether it may connect: under its client ID, and with its will.

        Args:
            will: The will's topic; None without a will.
            retain: Whether the will is to be retained.
        """
        decision = self._policies.decide("iot:Connect", self._client)
        return decision if will is None else max(decision, self.may_publish(will, retain=retain))

    def may_publish(self, topic: str, *, retain: bool = False) -> Decision:
        """Whether it may publish on a topic; a message to be retained takes iot:RetainPublish beside iot:Publish."""
        decision = self._policies.decide("iot:Publish", self._topic + topic)
        return max(decision, self._policies.decide("iot:RetainPublish", self._topic + topic)) if retain else decision

    def may_subscribe(self, topic_filter: str) -> Decision:
        """Whether it may subscribe to a topic filter, which is compared as a text: its `+` and `#` are characters."""
        return self._policies.decide("iot:Subscribe", self._filter + topic_filter)

    def may_receive(self, topic: str) -> Decision:
        """Whether a message on a topic may be delivered to it."""
        return self._policies.decide("iot:Receive", self._topic + topic)
