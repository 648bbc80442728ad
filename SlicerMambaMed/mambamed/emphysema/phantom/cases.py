"""Draw phantoms at random: which pattern, how much of it, which kernel and dose; one integer names each case."""

from __future__ import annotations

import dataclasses

import numpy as np

from mambamed.emphysema.phantom.settings import EXTENT_RANGES_PERCENT
from mambamed.emphysema.phantom.settings import KERNELS
from mambamed.emphysema.phantom.settings import PATTERNS
from mambamed.emphysema.phantom.settings import SEVERITIES
from mambamed.emphysema.phantom.settings import ChestPhantomSettings

__all__ = ["draw_case"]


def draw_case(
    seed: int, severity: str | None = None, base: ChestPhantomSettings | None = None, pattern: str | None = None
) -> ChestPhantomSettings:
    """Draw the settings of one case.

    Args:
        seed: Names the case; also the seed of its anatomy.
        severity: ``none``, ``mild``, ``moderate`` or ``severe``; drawn if None.
        base: Where grid and what is not drawn come from.
        pattern: Kind of lesions; drawn if None.

    Returns:
        Settings with pattern, extent (from ``EXTENT_RANGES_PERCENT``), kernel, dose (0.15 to 1.5) and gas drawn.
    """
    random = np.random.default_rng((seed, 5))
    drawn_severity = SEVERITIES[int(random.integers(len(SEVERITIES)))]
    drawn_pattern = PATTERNS[1 + int(random.integers(len(PATTERNS) - 1))]
    share, kernel, log_dose, gas = random.random(), int(random.integers(len(KERNELS))), random.random(), random.random()
    severity = severity or drawn_severity
    pattern = "none" if severity == "none" else (pattern or drawn_pattern)
    extent = 0.0
    if severity != "none":
        low, high = EXTENT_RANGES_PERCENT[pattern][severity]
        extent = float(low + share * (high - low))
    return dataclasses.replace(
        base or ChestPhantomSettings(),
        seed=seed,
        pattern=pattern,
        extent_percent=extent,
        kernel=KERNELS[kernel],
        dose=float(0.15 * 10.0**log_dose),
        bowel_gas=bool(gas < 0.7),
    )
