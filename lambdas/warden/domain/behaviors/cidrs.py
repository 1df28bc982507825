"""Sets of IP networks that answer at once, however many networks they hold."""

from collections.abc import Iterable
from ipaddress import ip_network


class CidrSet:
    """Some CIDRs of both families. An address never matches a CIDR of the other family; a bare address is itself.

    Args:
        cidrs: Addresses or CIDRs as text; host bits are ignored.
    """

    __slots__ = ("_networks",)

    def __init__(self, cidrs: Iterable[str]) -> None:
        networks: dict[tuple[int, int], set[int]] = {}  # (bytes of an address, host bits) → network numbers
        for cidr in cidrs:
            network = ip_network(cidr, strict=False)
            shift = network.max_prefixlen - network.prefixlen
            number = int(network.network_address) >> shift
            networks.setdefault((network.max_prefixlen // 8, shift), set()).add(number)
        self._networks = tuple((length, shift, frozenset(found)) for (length, shift), found in networks.items())

    def __contains__(self, address: bytes) -> bool:
        """Whether an address, as its 4 or 16 bytes, lies in one of the CIDRs."""
        number = int.from_bytes(address)
        return any(len(address) == length and number >> shift in found for length, shift, found in self._networks)
