"""The constructs' templates are handed to the function behind them, over AWS as moto plays it."""

import app  # sets JSII_NODE before the CDK is imported
from tests.aws.conftest import aws, clients, clock, parts, settings

__all__ = ["app", "aws", "clients", "clock", "parts", "settings"]
