"""Settings of a segmentation: one value that the panel, the command line, the job and the run record share."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["DEFAULT_MODEL", "ORIENTATIONS", "PRECISIONS", "SegmentationSettings"]

DEFAULT_MODEL = "brain-tissue-mr"
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
ORIENTATIONS = ("model", "file")


@dataclass(frozen=True)
class SegmentationSettings:
    """What a person may choose for one segmentation; checked when it is made.

    Attributes:
        model: Identifier of a bundled model, or path of a result folder or zip of nnU-Net v2 or U-Mamba.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        precision: Number format of the convolutions. ``auto`` takes the format that this machine computes fastest;
            scan, normalisation statistics and the collected result never go below what nnU-Net itself uses.
        scan_backend: Backend of the selective scan, ``auto`` or a name from ``mambamed.scan.backends()``.
        step_size: Distance between windows as a fraction of the window, above 0, at most 1 (nnU-Net: 0.5).
        mirroring: Average over mirrored copies too (up to eight times the work).
        region_of_interest_lps_mm: xmin, xmax, ymin, ymax, zmin, zmax in mm along left, posterior, superior; the rest of
            the volume becomes background. None segments everything.
        labels: Names of the labels to keep; None keeps all.
        probabilities: Also give one volume of probabilities per label.
        uncertainty: Also give the normalised entropy, 0 (certain) to 1.
        folds: Folds to ensemble, as names (``"0"``, ``"all"``); None takes all that are there.
        checkpoint: File name in the fold folders; the same name ending in ``.safetensors`` is found too.
        orientation: ``model`` turns the volume's axes to those the model was trained with, where that is known;
            ``file`` hands the axes to the network as they are stored, as nnunetv2 does.
        seed: Seed of everything random, stored with the result (prediction itself draws nothing).

    Example:
        >>> SegmentationSettings(step_size=0.75).to_json()["step_size"]
        0.75
    """

    model: str = DEFAULT_MODEL
    device: str = "auto"
    precision: str = "auto"
    scan_backend: str = "auto"
    step_size: float = 0.5
    mirroring: bool = False
    region_of_interest_lps_mm: tuple[float, float, float, float, float, float] | None = None
    labels: tuple[str, ...] | None = None
    probabilities: bool = False
    uncertainty: bool = False
    folds: tuple[str, ...] | None = None
    checkpoint: str = "checkpoint_final.pth"
    orientation: str = "model"
    seed: int = 0

    def __post_init__(self) -> None:
        """Bring lists to tuples and refuse values that cannot be meant."""
        for name in ("region_of_interest_lps_mm", "labels", "folds"):
            value = getattr(self, name)
            if isinstance(value, (str, int)):
                value = (value,)
            if value is not None:
                object.__setattr__(self, name, tuple(value))
        if self.folds is not None:
            object.__setattr__(self, "folds", tuple(str(fold) for fold in self.folds))
        if self.region_of_interest_lps_mm is not None:
            self._check_region()
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("orientation", self.orientation, ORIENTATIONS)
        if not isinstance(self.step_size, (int, float)) or not 0.0 < self.step_size <= 1.0:
            raise BadRequestError(f"The step size is {self.step_size}, expected above 0 and at most 1 (usually 0.5).")
        if "/" in self.checkpoint or "\\" in self.checkpoint:
            raise BadRequestError(f'The checkpoint is "{self.checkpoint}", expected a file name without a folder.')
        if self.labels is not None and not self.labels:
            raise BadRequestError(
                "No label is chosen, expected at least one; leave the choice open to keep all labels."
            )

    def _check_region(self) -> None:
        region = self.region_of_interest_lps_mm
        assert region is not None
        numbers = [float(value) for value in region]
        if len(numbers) != 6 or not all(math.isfinite(value) for value in numbers):
            raise BadRequestError(
                f"The region of interest has {len(numbers)} values, expected six finite ones: "
                "xmin, xmax, ymin, ymax, zmin, zmax in millimetres (LPS)."
            )
        object.__setattr__(self, "region_of_interest_lps_mm", tuple(numbers))

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a dictionary that JSON can hold."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | str) -> SegmentationSettings:
        """Read settings from a dictionary or a JSON text.

        Args:
            values: What ``to_json`` gave; missing names take their defaults.

        Raises:
            BadRequestError: Unknown names or values that cannot be meant.
        """
        if isinstance(values, str):
            values = json.loads(values)
        if not isinstance(values, Mapping):
            raise BadRequestError(f"The settings are a {type(values).__name__}, expected names with values.")
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise BadRequestError(
                f"Unknown settings of a segmentation: {', '.join(unknown)}; known are {', '.join(sorted(known))}."
            )
        return cls(**values)

    def replace(self, **changes: Any) -> SegmentationSettings:
        """Return a copy with some values changed, checked again."""
        return SegmentationSettings.from_json({**self.to_json(), **changes})


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadRequestError(f'The {name} is "{value}", expected one of {", ".join(choices)}.')
