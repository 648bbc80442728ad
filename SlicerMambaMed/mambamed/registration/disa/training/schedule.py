"""Learning rate of a DISA training: warm-up, plateau, cosine."""

from __future__ import annotations

import math

from mambamed.training.schedule import TrainingClock

__all__ = ["learning_rate_factor"]


def learning_rate_factor(clock: TrainingClock, decay_from: float) -> float:
    """Share of the full learning rate at this moment of a training.

    Args:
        clock: how far the training has come, by steps or time.
        decay_from: progress at which the cosine begins; 0 means right away.

    Returns:
        Rises linearly over the clock's warm-up, stays 1, and falls to 0 along half a cosine.
    """
    rise = min(1.0, (clock.done + 1) / clock.warm_up_iterations) if clock.warm_up_iterations else 1.0
    if clock.progress <= decay_from:
        return rise
    through = (clock.progress - decay_from) / max(1e-12, 1.0 - decay_from)
    return rise * 0.5 * (1.0 + math.cos(math.pi * min(1.0, through)))
