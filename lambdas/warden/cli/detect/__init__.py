"""What people ask a home every day, and tell it: profiles, violations, events, things, metrics, replies."""
