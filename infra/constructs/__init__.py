"""One construct for each path through the system."""
