"""CDK constructs of what a Thingwarden in the same account and Region looks for. Needs the extra `cdk`."""

from warden.cdk.constructs import CustomMetric, Dimension, SecurityProfile

__all__ = ["CustomMetric", "Dimension", "SecurityProfile"]
