"""Settings of a detection: one value that the panel, the command line, the job and the run record share.

Standard library only: Slicer's own process imports it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["DEFAULT_MODEL", "PRECISIONS", "SLICE_AXES", "DetectionSettings"]

DEFAULT_MODEL = "oriented-ct-dcfl"
SLICE_AXES = ("axial", "coronal", "sagittal", "stored")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
_LARGEST_TILE_PX = 8192


@dataclass(frozen=True)
class DetectionSettings:
    """What a person may choose for one detection; checked when it is made.

    Attributes:
        model: Identifier of a listed model, path of a model folder or of a zip of one.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        precision: Number format of the convolutions; ``auto`` takes the fastest of this machine.
        score_threshold: Least score of a box that is kept; None takes the model's.
        nms_threshold: Overlap above which the worse of two boxes of a label goes; None takes the model's.
        labels: Names of the kinds of object to keep; None keeps all.
        slice_axis: How a volume is cut: ``axial``, ``coronal``, ``sagittal`` (whichever stored axis is nearest, each
            slice turned to the usual view) or ``stored`` (along the last stored axis, as stored). A picture is taken
            as it is.
        slices: First and last slice (inclusive), counted from 0 along the stored axis that is cut; None takes all.
        region_of_interest_lps_mm: xmin, xmax, ymin, ymax, zmin, zmax in mm along left, posterior, superior; only boxes
            whose centre lies in it are kept, and only slices that meet it are looked at. None takes everything.
        link_slices: Link the boxes of neighbouring slices of a volume into 3D oriented boxes.
        link_overlap: Least overlap (rotated intersection over union) of two boxes that are linked, above 0, at most 1.
        link_gap: Slices without a box that a link may pass over, 0 to 10.
        minimum_slices: Slices on which a linked object must have been found; boxes of others are dropped.
        flips: Also look at the picture flipped along x, y and both, and average the scores (four times the work).
        intensity_range: Values of the picture that become the model's darkest and brightest; None takes the model's.
        pixel_spacing_mm: Millimetres per pixel in which pictures are shown to the network; None takes the model's.
        tile_size_px: Side of the tiles that the network is shown; None takes the model's.
        tile_overlap_px: Pixels that neighbouring tiles share; None takes the model's.
        batch_size: Tiles that the network is shown at once.
        maximum_boxes: Most boxes that are kept in a picture or slice.
        seed: Stored with the result (detection itself draws nothing).

    Example:
        >>> DetectionSettings(model="m", slices=(3, 9)).to_json()["slices"]
        [3, 9]
    """

    model: str = DEFAULT_MODEL
    device: str = "auto"
    precision: str = "float32"
    score_threshold: float | None = None
    nms_threshold: float | None = None
    labels: tuple[str, ...] | None = None
    slice_axis: str = "axial"
    slices: tuple[int, int] | None = None
    region_of_interest_lps_mm: tuple[float, float, float, float, float, float] | None = None
    link_slices: bool = True
    link_overlap: float = 0.2
    link_gap: int = 1
    minimum_slices: int = 1
    flips: bool = False
    intensity_range: tuple[float, float] | None = None
    pixel_spacing_mm: float | None = None
    tile_size_px: int | None = None
    tile_overlap_px: int | None = None
    batch_size: int = 1
    maximum_boxes: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        """Bring lists to tuples and refuse values that cannot be meant."""
        for name in ("labels", "slices", "region_of_interest_lps_mm", "intensity_range"):
            value = getattr(self, name)
            if isinstance(value, str):
                value = (value,)
            if value is not None:
                if not isinstance(value, (list, tuple)):
                    raise BadRequestError(f"The detection's {name} is {value!r}, expected a list.")
                object.__setattr__(self, name, tuple(value))
        _one_of("slice axis", self.slice_axis, SLICE_AXES)
        _one_of("precision", self.precision, PRECISIONS)
        for name in ("model", "device"):
            if not isinstance(getattr(self, name), str):
                raise BadRequestError(f"The detection's {name} is {getattr(self, name)!r}, expected a text.")
        for name in ("link_slices", "flips"):
            if not isinstance(getattr(self, name), bool):
                raise BadRequestError(f"The detection's {name} is {getattr(self, name)!r}, expected true or false.")
        for name in ("score_threshold", "nms_threshold"):
            if getattr(self, name) is not None:
                _number(name, getattr(self, name), 0.0, 1.0)
        if _number("link_overlap", self.link_overlap, 0.0, 1.0) == 0.0:
            raise BadRequestError("The detection's link_overlap is 0, expected above 0: boxes apart are not linked.")
        _whole("link_gap", self.link_gap, 0, 10)
        _whole("minimum_slices", self.minimum_slices, 1, 10_000)
        _whole("batch_size", self.batch_size, 1, 1024)
        _whole("maximum_boxes", self.maximum_boxes, 1, 100_000)
        _whole("seed", self.seed, 0, 2**63 - 1)
        self._check_tiles()
        self._check_ranges()
        if self.labels is not None and (not self.labels or not all(isinstance(name, str) for name in self.labels)):
            raise BadRequestError("No label is chosen, expected names; leave the choice open to keep all labels.")

    def _check_tiles(self) -> None:
        if self.tile_size_px is not None:
            _whole("tile_size_px", self.tile_size_px, 32, _LARGEST_TILE_PX)
        if self.tile_overlap_px is not None:
            _whole("tile_overlap_px", self.tile_overlap_px, 0, (self.tile_size_px or _LARGEST_TILE_PX) - 1)
        if self.pixel_spacing_mm is not None and _number("pixel_spacing_mm", self.pixel_spacing_mm, 0.0, 100.0) == 0.0:
            raise BadRequestError("The detection's pixel_spacing_mm is 0, expected above 0.")

    def _check_ranges(self) -> None:
        if self.slices is not None:
            numbers = [_whole("slices", value, 0, 10**6) for value in self.slices]
            if len(numbers) != 2 or numbers[0] > numbers[1]:
                raise BadRequestError(
                    f"The slices are {self.slices}, expected the first and the last from 0 on, such as 3 and 9."
                )
        region = self.region_of_interest_lps_mm
        if region is not None:
            numbers_mm = tuple(_number("region_of_interest_lps_mm", value, -1e6, 1e6) for value in region)
            if len(numbers_mm) != 6:
                raise BadRequestError(
                    f"The region of interest has {len(numbers_mm)} values, expected six: xmin, xmax, ymin, ymax, zmin, "
                    "zmax in millimetres (LPS)."
                )
            object.__setattr__(self, "region_of_interest_lps_mm", numbers_mm)
        if self.intensity_range is not None:
            values = tuple(_number("intensity_range", value, -1e12, 1e12) for value in self.intensity_range)
            if len(values) != 2 or values[0] >= values[1]:
                raise BadRequestError(
                    f"The intensity range is {self.intensity_range}, expected a lower and a higher value, for example "
                    "-1000 and 400."
                )
            object.__setattr__(self, "intensity_range", values)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a dictionary that JSON can hold."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | str) -> DetectionSettings:
        """Read settings from a dictionary or a JSON text.

        Args:
            values: What ``to_json`` gave; missing names take their defaults.

        Raises:
            BadRequestError: Unknown names or values that cannot be meant.
        """
        if isinstance(values, str):
            try:
                values = json.loads(values)
            except ValueError as error:
                raise BadRequestError(f"The settings of a detection are no JSON ({error}).") from error
        if not isinstance(values, Mapping):
            raise BadRequestError(f"The settings are a {type(values).__name__}, expected names with values.")
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise BadRequestError(
                f"Unknown settings of a detection: {', '.join(unknown)}; known are {', '.join(sorted(known))}."
            )
        return cls(**values)

    def replace(self, **changes: Any) -> DetectionSettings:
        """Return a copy with some values changed, checked again."""
        return DetectionSettings.from_json({**self.to_json(), **changes})


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadRequestError(f"The {name} is {value!r}, expected one of {', '.join(choices)}.")


def _number(name: str, value: Any, lowest: float, highest: float) -> float:
    good = not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value)
    if not good or not lowest <= value <= highest:
        raise BadRequestError(f"The detection's {name} is {value!r}, expected a number from {lowest:g} to {highest:g}.")
    return float(value)


def _whole(name: str, value: Any, lowest: int, highest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise BadRequestError(f"The detection's {name} is {value!r}, expected a whole number {lowest} to {highest}.")
    return value
