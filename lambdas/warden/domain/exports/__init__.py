"""Metrics that leave for an MQTT topic: what is exported, in which messages, to which topics."""
