"""The remote address of a connection, in each form that clients write it.

| form                   | example                    | written by                                 |
|------------------------|----------------------------|--------------------------------------------|
| IPv4:port              | 198.51.100.4:443           | all                                        |
| [IPv6]:port            | [2001:db8::1]:443          | AWS's Python agent                         |
| IPv6:port, no brackets | 2001:db8::1:443            | AWS's C agent; the Python one before 2021  |

The last colon is what separates the port. An address is kept as its 4 or 16 bytes: short in a log, and a number at
once for what compares it with networks. An IPv4-mapped address (::ffff:198.51.100.4), which is how a dual-stack
socket shows an IPv4 peer, becomes the IPv4 address, so that IPv4 networks match it. A zone (fe80::1%eth0) is dropped:
it names a link of the device and says nothing of the peer.
"""

from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from warden.domain.reports.report import MAX_PORT

_MAX_LENGTH = 100  # [, 45 characters of address, a zone, ], a colon, 5 digits
_HOSTS_REMEMBERED = 8192
_MAPPED = bytes(10) + b"\xff\xff"


class _Hosts(dict[str, bytes]):
    """Remote addresses to hosts, as far as they were asked for: a look-up costs less than a call of ours would."""

    def __missing__(self, remote_addr: str) -> bytes:
        if len(self) >= _HOSTS_REMEMBERED:
            self.clear()
        found = self[remote_addr] = _read(remote_addr)
        return found


host = _Hosts().__getitem__
"""The address alone, as its bytes. Raises ValueError where a remote address is in none of the forms."""


def _read(remote_addr: str) -> bytes:
    address, _, port = remote_addr.rpartition(":")
    if len(remote_addr) > _MAX_LENGTH or not is_port(port):
        raise ValueError("expected ip:port")
    try:
        if address.startswith("[") and address.endswith("]"):
            return _ipv6(address[1:-1])
        return packed(address)
    except ValueError as error:
        raise ValueError("expected ip:port") from error


def packed(address: str) -> bytes:
    """An IPv4 or IPv6 address without port, as its bytes. Raises ValueError."""
    return _ipv6(address) if ":" in address else _packed(AF_INET, address)


def text(address: bytes) -> str:
    """The canonical text of an address."""
    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


def is_port(digits: str) -> bool:
    """Whether a text is a port, 0 to 65535, in decimal digits."""
    return digits.isascii() and digits.isdecimal() and len(digits) <= 5 and int(digits) <= MAX_PORT


def _ipv6(written: str) -> bytes:
    address, percent, zone = written.partition("%")
    if percent and not zone:
        raise ValueError("expected an IP address, its zone not empty")
    return _packed(AF_INET6, address).removeprefix(_MAPPED)


def _packed(family: int, address: str) -> bytes:
    try:
        return inet_pton(family, address)
    except (OSError, ValueError) as error:  # ValueError for NUL and lone surrogates
        raise ValueError("expected an IP address") from error
