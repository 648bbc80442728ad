"""How a detector is matched to objects and judged in training, as values. Standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["BOX_LOSSES", "MEASURES", "METHODS", "MethodSettings"]

METHODS = ("dcfl", "retinanet-o", "atss-o")
"""Coarse-to-fine matching, largest overlap, adaptive selection."""

MEASURES = ("gjsd", "kld", "gwd")
BOX_LOSSES = ("iou", "l1")


@dataclass(frozen=True)
class MethodSettings:
    """A row of the study's tables.

    Attributes:
        name: ``dcfl``; ``retinanet-o`` or ``atss-o``, which take other priors as objects, and whose head has plain
            convolutions where DCFL's has the prior-capturing block.
        measure: similarity of DCFL's coarse step: ``gjsd``, ``kld``, ``gwd``.
        k: priors that each object takes in the coarse step.
        q: of these, how many it keeps in the posterior step.
        g: the gate lets pass what reaches exp(-g).
        strict: whether an object takes no candidates of others, see ``coarse_to_fine_assign``.
        box_loss: ``iou`` (-log of the overlap, as in DCFL) or ``l1`` (absolute error of the differences from the
            priors).
        class_weight: of the focal loss of classes.
        box_weight: of the loss of boxes.

    Raises:
        BadRequestError: a value is out of its range.
    """

    name: str = "dcfl"
    measure: str = "gjsd"
    k: int = 16
    q: int = 12
    g: float = 0.6
    strict: bool = True
    box_loss: str = "iou"
    class_weight: float = 1.0
    box_weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for field, value, known in (
            ("method", self.name, METHODS),
            ("similarity", self.measure, MEASURES),
            ("loss of boxes", self.box_loss, BOX_LOSSES),
        ):
            if value not in known:
                raise BadRequestError(f"The {field} is {value!r}; expected one of: {', '.join(known)}.")
        for field in ("k", "q"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise BadRequestError(f"The method's {field} is {value!r}; give a whole number from 1.")
        if not self.g >= 0 or not self.class_weight >= 0 or not self.box_weight >= 0:
            raise BadRequestError(
                f"The method has g = {self.g} and weights {self.class_weight}, {self.box_weight}; give 0 or more."
            )

    @property
    def prior_capturing(self) -> bool:
        """Whether the head ends with the prior-capturing block."""
        return self.name == "dcfl"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> MethodSettings:
        """Read plain values.

        Raises:
            BadRequestError: unknown names or values of another kind.
        """
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise BadRequestError(f"Unknown settings of a detection method: {', '.join(unknown)}.")
        try:
            return cls(**values)
        except TypeError as error:
            raise BadRequestError(f"A setting of the detection method has the wrong type ({error}).") from error
