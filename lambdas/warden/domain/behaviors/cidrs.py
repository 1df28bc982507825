"""Sets of IP networks that answer at once, however many networks they hold."""

from collections.abc import Iterable
from ipaddress import IPv4Network, ip_address, ip_network


class CidrSet:
    """Some CIDRs of both families. An address never matches a CIDR of the other family; a bare address is itself.

    Args:
        cidrs: Addresses or CIDRs as text; host bits are ignored.
    """

    __slots__ = ("_networks",)

    def __init__(self, cidrs: Iterable[str]) -> None:
        networks: dict[tuple[int, int], set[int]] = {}  # (version, host bits) → network numbers
        for cidr in cidrs:
            network = ip_network(cidr, strict=False)
            width = 32 if isinstance(network, IPv4Network) else 128
            shift = width - network.prefixlen
            networks.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)
        self._networks = tuple((version, shift, frozenset(found)) for (version, shift), found in networks.items())

    def __contains__(self, host: str) -> bool:
        """Whether an address, as text without a port, lies in one of the CIDRs."""
        address = ip_address(host)
        number = int(address)
        return any(
            version == address.version and number >> shift in networks for version, shift, networks in self._networks
        )
