"""The device metrics report: its model, the limits of its values, and the names devices use.

A decoded report is always in the long-name form, whichever names and format came in; its numbers are whole where the
report's are. Source: AWS IoT Developer Guide, Device-side metrics.
"""

import sys
from typing import Annotated, Any

from msgspec import Meta, Struct

MAX_BYTES = 128 * 1024  # what AWS IoT Core takes as an MQTT payload
MAX_DEPTH = 16  # objects and arrays within each other; a report needs 6
MAX_VALUES = 30_000  # of all kinds; bounds the time that a report can cost
MAX_ITEMS = 5_000  # ports or connections in one list; more hardly fit into 128 KB
MAX_NUMBER = sys.float_info.max
MAX_COUNT = 2**64 - 1
MAX_PORT = 65_535
MAX_INTERFACE_LENGTH = 256

SHORT = {
    "header": "hed",
    "report_id": "rid",
    "version": "v",
    "metrics": "met",
    "custom_metrics": "cmet",
    "listening_tcp_ports": "tp",
    "listening_udp_ports": "up",
    "ports": "pts",
    "port": "pt",
    "interface": "if",
    "total": "t",
    "network_stats": "ns",
    "bytes_in": "bi",
    "bytes_out": "bo",
    "packets_in": "pi",
    "packets_out": "po",
    "tcp_connections": "tc",
    "established_connections": "ec",
    "connections": "cs",
    "remote_addr": "rad",
    "local_port": "lp",
    "local_interface": "li",
}
"""Long name to short name. Metrics' names and the keys of custom values have no short form."""

# msgspec bounds integers by 63 bits only; what is above goes the tolerant way, which knows the real bound.
_SIGNED_MAX = 2**63 - 1
ReportId = Annotated[int, Meta(ge=1, le=_SIGNED_MAX)]
Count = Annotated[int, Meta(ge=0, le=_SIGNED_MAX)]
ListeningPort = Annotated[int, Meta(ge=1, le=MAX_PORT)]
LocalPort = Annotated[int, Meta(ge=0, le=MAX_PORT)]
Interface = Annotated[str, Meta(max_length=MAX_INTERFACE_LENGTH)]


class Part(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """An object of a report. An optional field that is absent or null is None.

    Fields are in the order in which AWS's agents write them, for `from_json` to know their reports again.
    """


class Header(Part, frozen=True):
    """Which report this is.

    Attributes:
        report_id: 1 to 2^64 - 1; in no order, since some clients count from their last boot.
        version: "1.x".
    """

    report_id: ReportId
    version: str


class Port(Part, frozen=True):
    """A port that is listened on, 1 to 65535, and the interface or address it is bound to, as the device names it."""

    port: ListeningPort
    interface: Interface | None = None


class ListeningPorts(Part, frozen=True):
    """Listening ports of one protocol.

    Attributes:
        ports: At most 5,000, perhaps a sample; a port appears once per interface. Empty is a datapoint, None is none.
        total: How many there are, 0 to 2^64 - 1; nobody promises that it is at least the length of the list.
    """

    ports: Annotated[list[Port], Meta(max_length=MAX_ITEMS)] | None = None
    total: Count | None = None


class NetworkStats(Part, frozen=True):
    """Traffic since the device's last report, each 0 to 2^64 - 1."""

    bytes_in: Count | None = None
    bytes_out: Count | None = None
    packets_in: Count | None = None
    packets_out: Count | None = None


class Connection(Part, frozen=True):
    """An established TCP connection.

    Attributes:
        remote_addr: Address and port in a form that `addresses.host` reads.
        local_interface: As the device names it.
        local_port: 0 to 65535.
    """

    remote_addr: str
    local_interface: Interface | None = None
    local_port: LocalPort | None = None


class EstablishedConnections(Part, frozen=True):
    """Established TCP connections, perhaps a sample, and their number; as in `ListeningPorts`."""

    connections: Annotated[list[Connection], Meta(max_length=MAX_ITEMS)] | None = None
    total: Count | None = None


class TcpConnections(Part, frozen=True):
    """TCP connections by state; reports know one state."""

    established_connections: EstablishedConnections | None = None


class Metrics(Part, frozen=True):
    """The metrics AWS defines."""

    network_stats: NetworkStats | None = None
    tcp_connections: TcpConnections | None = None
    listening_tcp_ports: ListeningPorts | None = None
    listening_udp_ports: ListeningPorts | None = None


class Report(Part, frozen=True):
    """A report that was taken: at least one of its two blocks is there.

    Attributes:
        header: Required.
        metrics: May be empty.
        custom_metrics: Metric name to a list of at most one object; none is no datapoint. What the object holds is
            held to nothing but depth, JSON's types and the range of a double: a value that breaks its metric's rules
            costs only itself, when it is evaluated.
    """

    header: Header
    metrics: Metrics | None = None
    custom_metrics: dict[str, Annotated[list[dict[str, Any]], Meta(max_length=1)]] | None = None


class Dropped(Struct, frozen=True):
    """A custom metric of a report that counts, which is not used; and why: what was expected, what was there."""

    metric: str
    reason: str


class Decoded(Struct, frozen=True, gc=False):
    """A report that was taken, and what was read from its texts to check them.

    Attributes:
        report: The report.
        hosts: The peers of its connections as the bytes of their addresses; None where it lists no connections.
    """

    report: Report
    hosts: frozenset[bytes] | None
