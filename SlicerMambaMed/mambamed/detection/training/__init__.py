"""Training of the oriented detector."""
