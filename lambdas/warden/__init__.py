"""Thingwarden: an open, self-hosted, drop-in replacement of AWS IoT Device Defender."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warden.clients.client import client as client

__all__ = ["client"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`warden.client`, without boto3 for those who import the package for something else."""
    if name == "client":
        return import_module("warden.clients.client").client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
