"""The home that these commands talk to."""

from tests.cli.homes import home, shared_home

__all__ = ["home", "shared_home"]  # fixtures
