"""Layers of registration networks: warping, integration, losses and metrics of displacement fields."""
