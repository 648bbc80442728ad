"""Schedules of a DISA training: the learning rate and the weight of the mean error."""

from __future__ import annotations

import math

from mambamed.training.schedule import TrainingClock

__all__ = ["learning_rate_factor", "offset_weight"]


def learning_rate_factor(clock: TrainingClock, decay_from: float) -> float:
    """Share of the full learning rate at this moment of a training.

    Args:
        clock: how far the training has come, by steps or time.
        decay_from: progress at which the cosine begins; 0 means right away.

    Returns:
        Rises linearly over the clock's warm-up, stays 1, and falls to 0 along half a cosine.
    """
    rise = min(1.0, (clock.done + 1) / clock.warm_up_iterations) if clock.warm_up_iterations else 1.0
    return rise * 0.5 * (1.0 + math.cos(math.pi * _through_decay(clock, decay_from)))


def offset_weight(clock: TrainingClock, decay_from: float, before: float) -> float:
    """How much the square of the mean error counts at this moment of a training.

    It is small while descriptors part from each other, and becomes 1, that of the mean squared error, while the
    learning rate falls: by then descriptors are no longer alike, and the constant that all similarities share goes.

    Args:
        clock: how far the training has come.
        decay_from: progress at which it begins to rise.
        before: its value until then.

    Returns:
        ``before``, then rising linearly to 1.
    """
    return before + (1.0 - before) * _through_decay(clock, decay_from)


def _through_decay(clock: TrainingClock, decay_from: float) -> float:
    """Share of the decay that is over, 0 to 1."""
    return min(1.0, max(0.0, clock.progress - decay_from) / max(1e-12, 1.0 - decay_from))
