"""Training of the one-pass registration networks."""
