"""The similarity while a registration runs, as a live curve, and the place where a search hears of cancellation."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from mambamed.jobs.reporter import Reporter

__all__ = ["SimilarityCurve"]

Objective = Callable[[Tensor], tuple[Tensor, Tensor]]


class SimilarityCurve:
    """Reports the metric ``similarity`` with a step that grows over all stages of one registration.

    Args:
        reporter: hears the values and is asked for cancellation.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._step = 0

    def report(self, value: float) -> None:
        """Report one value, after asking for cancellation."""
        self._reporter.check_cancelled()
        self._reporter.metric("similarity", value, self._step)
        self._step += 1

    def over(self, objective: Objective) -> Objective:
        """The objective (B, P) -> values and gradients, with the best value so far reported at each call."""
        best = -float("inf")

        def watched(parameters: Tensor) -> tuple[Tensor, Tensor]:
            nonlocal best
            values, gradients = objective(parameters)
            best = max(best, float(values.max()))
            self.report(best)
            return values, gradients

        return watched
