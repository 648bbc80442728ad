"""Methods of explanation and the limits of their checks. Standard library only."""

from __future__ import annotations

__all__ = ["CHECK_LIMITS", "INTEGRATION_STEPS", "METHODS"]

METHODS = ("attention", "grad-cam", "integrated-gradients")
"""Guided backpropagation is not among them: its maps hardly change when the weights are randomised."""

INTEGRATION_STEPS = 32
"""Steps of integrated gradients from healthy lungs to the scan; the benchmark takes as many as an analysis."""

CHECK_LIMITS = {
    "completeness": 0.05,
    "randomisation": 0.5,
    "stability-noise": 0.8,
    "stability-flip": 0.7,
    "pointing": 1.0,
    "dice": 0.25,
    "mass": 0.10,
    "deletion": 0.05,
    "healthy-control": 0.5,
}
"""Completeness, randomisation and healthy control must stay at or below their limit, the others reach it. Those of Dice
and mass are parts of the way from chance to 1."""
