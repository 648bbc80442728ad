"""Kernels of the large manufacturers are told apart."""

from __future__ import annotations

import pytest
from mambamed.emphysema.kernels import kernel_sharpness


@pytest.mark.parametrize(
    ("kernel", "manufacturer", "expected"),
    [
        ("B31f", "SIEMENS", "soft"),
        ("B30f", None, "soft"),
        ("Br36d\\3", "SIEMENS", "soft"),
        ("B45f", "SIEMENS", "medium"),
        ("B70f", "SIEMENS", "sharp"),
        ("I70f", "SIEMENS", "sharp"),
        ("Bl57", "Siemens Healthineers", "sharp"),
        ("['B60f', '3']", "SIEMENS", "sharp"),
        ("STANDARD", "GE MEDICAL SYSTEMS", "soft"),
        ("LUNG", "GE MEDICAL SYSTEMS", "sharp"),
        ("BONEPLUS", "GE MEDICAL SYSTEMS", "sharp"),
        ("B", "Philips", "soft"),
        ("L", "Philips", "sharp"),
        ("L", None, "sharp"),
        ("YC", "Philips", "sharp"),
        ("FC01", "TOSHIBA", "soft"),
        ("FC51", "TOSHIBA", "sharp"),
        ("FC86", "CANON", "sharp"),
        ("something new", "SIEMENS", "unknown"),
        ("", None, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_sharpness(kernel, manufacturer, expected):
    assert kernel_sharpness(kernel, manufacturer) == expected
