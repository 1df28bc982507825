"""Wiring of constructs; no resource is born here."""
