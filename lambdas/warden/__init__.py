"""Thingwarden: an open, self-hosted, drop-in replacement of AWS IoT Device Defender."""

__version__ = "0.1.0"
