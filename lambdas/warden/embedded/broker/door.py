"""The ports that clients come to, and how many clients this process has room for."""

import asyncio
import os
import resource
import socket
from collections.abc import Callable
from typing import NamedTuple

BACKLOG = 1024
ACCEPTED_AT_ONCE = 16
"""In one turn of the loop, some turns before they can be turned away; and so often asyncio tries, in vain, where no
descriptor is left."""

RESERVED = 128
"""Descriptors for all that is no client: databases, the channel, questions to the registry."""

MOST_UNFINISHED = 1_000
"""TLS handshakes at a time, where there is room for many more connections."""


class Places(NamedTuple):
    """How many clients there may be: with a connection, and still in their TLS handshake."""

    connections: int
    handshakes: int


def make_room() -> Places:
    """Have as many descriptors as this user may. Returns: The clients that there is room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # macOS says "unlimited", and means less
            hard = soft
    return places_of(hard if hard != resource.RLIM_INFINITY else 1 << 20)


def places_of(descriptors: int) -> Places:
    """The clients that there is room for with so many descriptors."""
    handshakes = min(MOST_UNFINISHED, descriptors // 8)
    return Places(max(1, descriptors - handshakes - RESERVED), max(1, handshakes))


async def listen(protocol: Callable[[], asyncio.Protocol], host: str, port: int) -> asyncio.Server:
    """Take connections. Raises OSError where the port is not to be had."""
    server = await asyncio.get_running_loop().create_server(protocol, host, port, backlog=ACCEPTED_AT_ONCE)
    for each in server.sockets:
        with socket.socket(fileno=os.dup(each.fileno())) as listening:
            listening.listen(BACKLOG)  # what the kernel keeps for us is another matter
    return server


def port_of(server: asyncio.Server) -> int:
    """The port that a server listens on."""
    port: int = server.sockets[0].getsockname()[1]
    return port
