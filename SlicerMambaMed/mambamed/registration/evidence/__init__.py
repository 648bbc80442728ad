"""Measurements of registration on real images: capture range, accuracy, similarity maps; see docs/benchmarks."""
