"""How far a training has come, by work done and by time allowed, and the learning rate that belongs to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

__all__ = ["TrainingClock"]

_POLYNOMIAL_EXPONENT = 0.9
_FIRST_SHARE = 1 / 3


@dataclass
class TrainingClock:
    """Progress from 0 to 1: the larger of the share of iterations done and the share of the time limit used.

    A run with a time limit so always ends its schedule with a small learning rate, on a fast machine and on a slow one.

    Attributes:
        iterations: Planned training iterations in all.
        minutes: Time limit, or None.
        warm_up_iterations: Iterations over which the learning rate rises from 0.
        now: Clock in seconds; injected by tests.
    """

    iterations: int
    minutes: float | None = None
    warm_up_iterations: int = 0
    now: Callable[[], float] = time.monotonic
    done: int = 0
    _started: float = field(default=0.0, init=False)
    _done_at_start: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._started = self.now()
        self._done_at_start = self.done

    def start(self, done: int = 0) -> None:
        """Start (again) with ``done`` iterations behind; the time limit counts from here."""
        self.done = self._done_at_start = done
        self._started = self.now()

    @property
    def progress(self) -> float:
        """Share of the training that is over, 0 to 1."""
        share = self.done / max(1, self.iterations)
        if self.minutes is not None:
            share = max(share, (self.now() - self._started) / (60.0 * self.minutes))
        return min(1.0, share)

    @property
    def is_over(self) -> bool:
        """Whether all iterations are done or the time limit is reached."""
        return self.progress >= 1.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to the end, from the speed so far; None before the first iteration."""
        here = self.done - self._done_at_start
        if here <= 0:
            return None
        elapsed = self.now() - self._started
        by_work = elapsed / here * (self.iterations - self.done)
        return max(0.0, by_work if self.minutes is None else min(by_work, 60.0 * self.minutes - elapsed))

    def learning_rate(self, initial: float, progress: float | None = None) -> float:
        """Polynomial decay with exponent 0.9 as in nnU-Net, after a linear rise over the warm-up iterations.

        Args:
            initial: learning rate at the start.
            progress: share of the training that is over, if it is not this clock's.
        """
        rise = 1.0
        if self.done < self.warm_up_iterations:
            rise = (self.done + 1) / self.warm_up_iterations
        return initial * rise * (1.0 - (self.progress if progress is None else progress)) ** _POLYNOMIAL_EXPONENT

    def stepped_rate(self, initial: float, milestones: Sequence[float]) -> float:
        """Return a tenth of the rate for each milestone (progress, 0 to 1) that is reached.

        Over the warm-up iterations it rises linearly from a third of the rate, as detectors are trained.
        """
        rise = 1.0
        if self.done < self.warm_up_iterations:
            rise = _FIRST_SHARE + (1.0 - _FIRST_SHARE) * self.done / self.warm_up_iterations
        # Rounding must not move a milestone by an iteration.
        reached = sum(self.progress >= milestone - 1e-9 for milestone in milestones)
        return initial * rise * 0.1**reached
