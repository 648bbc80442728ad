"""How good a detector is: average precision by DOTA's rule, and the free-response curve."""

from __future__ import annotations

from mambamed.detection.evaluation.average_precision import AveragePrecision
from mambamed.detection.evaluation.average_precision import evaluate_average_precision
from mambamed.detection.evaluation.free_response import FreeResponse
from mambamed.detection.evaluation.free_response import evaluate_free_response

__all__ = ["AveragePrecision", "FreeResponse", "evaluate_average_precision", "evaluate_free_response"]
