"""Topics, topic filters, and who is subscribed to what, in AWS IoT's ways where they differ from the standard's.

Source: MQTT 3.1.1, section 4.7; AWS IoT Developer Guide, MQTT and Reserved topics; AWS IoT Core quotas.
"""

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from warden.embedded.broker.packets import NO_LOCAL, QOS, RETAIN_AS_PUBLISHED

MAX_BYTES = 256
MAX_SLASHES = 7
_BYTES_OF_A_CHARACTER = 4  # at most

Subscriber = TypeVar("Subscriber")


def is_filter(text: str) -> bool:
    """Whether a text is a topic filter: not empty, each wildcard a level of its own, `#` only the last."""
    if is_plain(text):
        return bool(text)
    *parents, last = text.split("/")
    return (last in ("+", "#") or is_plain(last)) and all(level == "+" or is_plain(level) for level in parents)


def is_plain(text: str) -> bool:
    """Whether a text has no wildcard."""
    return "+" not in text and "#" not in text


def is_within_limits(topic: str) -> bool:
    """Whether a topic or a topic filter has at most 256 bytes of UTF-8 and 7 slashes."""
    return topic.count("/") <= MAX_SLASHES and (
        len(topic) <= MAX_BYTES // _BYTES_OF_A_CHARACTER or len(topic.encode()) <= MAX_BYTES
    )


def is_reserved(topic: str) -> bool:
    """Whether only the broker's own services may take or send messages on a topic: those that begin with `$`."""
    return topic.startswith("$")


def is_shared(topic_filter: str) -> bool:
    """Whether a filter is a shared subscription's."""
    return topic_filter == "$share" or topic_filter.startswith("$share/")


def may_subscribe(topic_filter: str) -> bool:
    """Whether AWS IoT has such a subscription: within the limits, and not of defender reports; we have no shared one.

    A device publishes its reports on `$aws/things/THING/defender/metrics/FORMAT` and may subscribe only to the
    replies, which are a level further down.
    """
    if is_shared(topic_filter) or not is_within_limits(topic_filter):
        return False
    return not _is_of_reports(topic_filter.split("/"))


def _is_of_reports(levels: list[str]) -> bool:
    match levels:
        case ["$aws", "things", _, "defender", "metrics", last]:
            return last != "#"
        case _:
            return False


class _Node(Generic[Subscriber]):
    """The filters that share their first levels: those that end here, and those that go on."""

    __slots__ = ("children", "subscribers")

    def __init__(self) -> None:
        self.children: dict[str, _Node[Subscriber]] = {}
        self.subscribers: dict[Subscriber, int] = {}


class Subscriptions(Generic[Subscriber]):
    """Who subscribed to which filter with which options; finds the subscribers of a topic.

    Filters without a wildcard are looked up whole; the others are a tree of levels, walked along the topic.
    """

    def __init__(self) -> None:
        self._exact: dict[str, dict[Subscriber, int]] = {}
        self._wild: _Node[Subscriber] = _Node()

    def add(self, topic_filter: str, subscriber: Subscriber, options: int) -> None:
        """Subscribe, or replace the options of that subscription."""
        if is_plain(topic_filter):
            self._exact.setdefault(topic_filter, {})[subscriber] = options
            return
        node = self._wild
        for level in topic_filter.split("/"):
            node = node.children.setdefault(level, _Node())
        node.subscribers[subscriber] = options

    def remove(self, topic_filter: str, subscriber: Subscriber) -> None:
        """Forget a subscription; no error where there is none."""
        if not is_plain(topic_filter):
            self._remove_wild(topic_filter.split("/"), subscriber)
        elif subscribers := self._exact.get(topic_filter):
            subscribers.pop(subscriber, None)
            if not subscribers:
                del self._exact[topic_filter]

    def _remove_wild(self, levels: Iterable[str], subscriber: Subscriber) -> None:
        node, path = self._wild, []
        for level in levels:
            if level not in node.children:
                return
            path.append((node, level))
            node = node.children[level]
        node.subscribers.pop(subscriber, None)
        for parent, level in reversed(path):
            child = parent.children[level]
            if child.children or child.subscribers:
                return
            del parent.children[level]

    def match(self, topic: str) -> Mapping[Subscriber, int]:
        """Each subscriber of a topic once, with the options of its subscriptions that match, as if they were one.

        As in AWS IoT, `a/#` does not match `a`. A filter that begins with a wildcard matches no topic that begins
        with `$`.
        """
        found = self._exact.get(topic, {})
        if not self._wild.children:
            return found
        found = dict(found)
        for node in self._wild_nodes(topic):
            for subscriber, options in node.subscribers.items():
                found[subscriber] = _merged(options, found[subscriber]) if subscriber in found else options
        return found

    def _wild_nodes(self, topic: str) -> Iterable[_Node[Subscriber]]:
        """The nodes whose filters match; a filter has at most 8 levels, so at most 2^8 are looked at for a topic."""
        reached, found = [self._wild], []
        for depth, level in enumerate(topic.split("/")):
            names = [level]
            if depth > 0 or not is_reserved(topic):
                names.append("+")
                found += [node.children["#"] for node in reached if "#" in node.children]
            reached = [node.children[name] for node in reached for name in names if name in node.children]
        return found + reached


def _merged(one: int, other: int) -> int:
    """The options of two subscriptions: whatever either of them asked for."""
    qos = max(one & QOS, other & QOS)
    return qos | (one & other & NO_LOCAL) | ((one | other) & RETAIN_AS_PUBLISHED)
