"""Sets of IP networks that answer at once, however many networks they hold."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

CIDR = re.compile(r"[0-9a-fA-F:.]{2,39}(/[0-9]{1,3})?")
MAPPED_BITS = 96


def network_of(cidr: str) -> IPv4Network | IPv6Network:
    """A bare address, or one with the length of its prefix; host bits are ignored. Raises ValueError.

    IPv4-mapped networks become IPv4 ones, as the addresses that devices report do.
    """
    if not CIDR.fullmatch(cidr):
        raise ValueError("expected an IP address, or one with the length of its prefix")
    network = ip_network(cidr, strict=False)
    if isinstance(network, IPv6Network) and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - MAPPED_BITS))
    return network


class CidrSet:
    """Some CIDRs of both families. An address never matches a CIDR of the other family; a bare address is itself.

    Args:
        cidrs: Addresses or CIDRs as text; host bits are ignored.
    """

    __slots__ = ("_networks",)

    def __init__(self, cidrs: Iterable[str]) -> None:
        networks: dict[tuple[int, int], set[int]] = {}  # (bytes of an address, host bits) → network numbers
        for network in map(network_of, cidrs):
            shift = network.max_prefixlen - network.prefixlen
            number = int(network.network_address) >> shift
            networks.setdefault((network.max_prefixlen // 8, shift), set()).add(number)
        self._networks = tuple((length, shift, frozenset(found)) for (length, shift), found in networks.items())

    def __contains__(self, address: bytes) -> bool:
        """Whether an address, as its 4 or 16 bytes, lies in one of the CIDRs."""
        number = int.from_bytes(address)
        return any(len(address) == length and number >> shift in found for length, shift, found in self._networks)
