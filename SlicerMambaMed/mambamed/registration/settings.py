"""Settings of a registration: one value that the panel, the command line, the job and the run record share."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.registration.presets import PRESETS

__all__ = [
    "EFFORTS",
    "FEATURE_METHODS",
    "INITIALS",
    "METHODS",
    "NETWORK_PREFIX",
    "SEARCHES",
    "SEARCH_RANGES",
    "TRANSFORMS",
    "RegistrationSettings",
]

METHODS = ("disa", "mind-ssc", "lc2", "ncc", "mattes")
"""Similarities by name; besides these ``network:<model>`` names a one-pass network."""
FEATURE_METHODS = ("disa", "mind-ssc")
"""Similarities that are dot products of features: only these have a deformable and a probe-pressure transform."""
NETWORK_PREFIX = "network:"
TRANSFORMS = ("rigid", "affine", "probe-pressure", "deformable")
SEARCHES = ("local", "global-narrow", "global-wide", "none")
SEARCH_RANGES: Mapping[str, tuple[float, float]] = {
    "local": (0.0, 0.0),
    "global-narrow": (10.0, 25.0),
    "global-wide": (40.0, 150.0),
    "none": (0.0, 0.0),
}
"""Each search with its rotation range (plus or minus, degrees) and translation range (plus or minus, mm)."""
INITIALS = ("header", "centre", "transform")
PRECISIONS = ("auto", "float32", "bfloat16")
EFFORTS = ("quick", "standard")

_TUPLES = ("region_of_interest_lps_mm", "probe_position_lps_mm", "beam_direction_lps")


@dataclass(frozen=True)
class RegistrationSettings:
    """What a person may choose for one registration; checked when it is made.

    Attributes:
        method: ``disa``, ``mind-ssc``, ``lc2``, ``ncc``, ``mattes``, or ``network:<model id or folder>``.
        transform: ``rigid``, ``affine``, ``probe-pressure`` (rigid and two parameters of compression by an ultrasound
            probe) or ``deformable``.
        preset: name of the preset that these settings began with (see ``PRESETS``), else ``custom``. ``from_json`` and
            ``for_preset`` fill what is not given from the preset; the constructor only notes the name.
        model: identifier or folder of the DISA weights.
        similarity: what a network's registration takes for its linear part, its refinement and its quality: ``disa`` or
            ``mind-ssc``. The other methods take themselves.
        refine: improve the field that a network predicted by ``iterations`` steps of optimisation for this pair.
        search: ``local`` begins at the initial transform alone; ``global-narrow`` draws starts within 10 degrees and
            25 mm of it, ``global-wide`` within 40 degrees and 150 mm; ``none`` (deformable only)
            takes the initial transform as it is.
        starts: number of starts of a global search.
        rotation_range_deg: starts are turned by up to plus or minus this about each axis; None takes the search's.
        translation_range_mm: starts are shifted by up to plus or minus this along each axis; None takes the search's.
        initial: ``header`` takes the positions in the files, ``centre`` brings the centres of the volumes together,
            ``transform`` takes the input ``initial-transform``.
        effort: ``quick`` for a preview in coarser steps, ``standard``.
        working_spacing_mm: both volumes are resampled to it; None chooses (2 mm for volumes of a body's size).
        stride: working voxels between features of the linear registration: 1, 2 or 4.
        sign_average: average the DISA descriptors of a volume and of its negative (twice the time).
        region_of_interest_lps_mm: xmin, xmax, ymin, ymax, zmin, zmax in mm along left, posterior, superior of the fixed
            volume: only it decides. None takes all.
        linear_part: what a deformable registration, a network's too, begins with: ``rigid`` or ``affine``; nothing
            with the search ``none``.
        deformable_spacing_mm: distance of the features that a deformable registration compares; None takes twice the
            working spacing.
        displacement_range_mm: largest displacement per axis that the discrete search tries; None takes 5 times
            ``deformable_spacing_mm``.
        regularisation: weight of smoothness, 1 is usual; larger gives smoother fields.
        iterations: of the continuous refinement of a deformable field; 0 leaves the discrete result.
        inverse_consistent: estimate both directions and make them each other's inverse. No concern of networks.
        diffeomorphic: refine a velocity field, whose displacement cannot fold. Networks' fields are always refined so.
        probe_position_lps_mm: centre of the probe's face in the fixed volume; None takes the middle of the side where
            the second index is 0, where ultrasound volumes begin.
        beam_direction_lps: into the body; None takes the direction of the second index.
        probe_depth_mm: depth at which pressure is no longer felt; None takes the volume's extent along the beam.
        warped: write the moving volume on the fixed volume's grid.
        jacobian: write the Jacobian determinant.
        similarity_map: write the local similarity after registration.
        displacement: write a transform that is not linear as a displacement field, too.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        precision: number format of the DISA network: ``auto``, ``float32``, ``bfloat16``.
        cache: keep features in the user's cache folder and take them from there.
        seed: of everything random.

    Example:
        >>> RegistrationSettings.for_preset("abdomen").transform
        'deformable'
    """

    method: str = "disa"
    transform: str = "rigid"
    preset: str = "custom"
    model: str = "disa-lc2"
    similarity: str = "mind-ssc"
    refine: bool = False
    search: str = "local"
    starts: int = 500
    rotation_range_deg: float | None = None
    translation_range_mm: float | None = None
    initial: str = "centre"
    effort: str = "standard"
    working_spacing_mm: float | None = None
    stride: int = 4
    region_of_interest_lps_mm: tuple[float, float, float, float, float, float] | None = None
    linear_part: str = "affine"
    sign_average: bool = False
    deformable_spacing_mm: float | None = None
    displacement_range_mm: float | None = None
    regularisation: float = 1.0
    iterations: int = 50
    inverse_consistent: bool = False
    diffeomorphic: bool = False
    probe_position_lps_mm: tuple[float, float, float] | None = None
    beam_direction_lps: tuple[float, float, float] | None = None
    probe_depth_mm: float | None = None
    warped: bool = True
    jacobian: bool = True
    similarity_map: bool = False
    displacement: bool = True
    device: str = "auto"
    precision: str = "auto"
    cache: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        """Bring lists to tuples and refuse values that cannot be meant."""
        self._check_choices()
        for name in _TUPLES:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _numbers(name, value, 6 if name.startswith("region") else 3))
        for name in ("rotation_range_deg", "translation_range_mm"):
            _check_number(name, getattr(self, name), 0.0)
        if self.rotation_range_deg is not None and self.rotation_range_deg > 180.0:
            raise BadRequestError(f"The rotation range is {self.rotation_range_deg} degrees, expected 0 to 180.")
        for name in ("working_spacing_mm", "deformable_spacing_mm", "displacement_range_mm", "probe_depth_mm"):
            _check_number(name, getattr(self, name), 0.0, above=True)
        _check_number("regularisation", self.regularisation, 0.0)
        for name, least in (("starts", 1), ("iterations", 0), ("seed", 0)):
            _check_integer(name, getattr(self, name), least)
        for field in dataclasses.fields(self):
            if isinstance(field.default, bool) and not isinstance(getattr(self, field.name), bool):
                found = getattr(self, field.name)
                raise BadRequestError(f"The setting {field.name} is {found!r}, expected true or false.")
        if self.beam_direction_lps is not None and math.hypot(*self.beam_direction_lps) < 1e-6:
            raise BadRequestError("The beam direction has no length, expected a direction into the body.")

    def _check_choices(self) -> None:
        if not isinstance(self.method, str) or not self.method.startswith(NETWORK_PREFIX):
            _one_of("method", self.method, (*METHODS, f"{NETWORK_PREFIX}<model>"))
        elif self.method == NETWORK_PREFIX:
            raise BadRequestError(
                f'The method is "{self.method}", expected a model behind it: {NETWORK_PREFIX}<model>.'
            )
        elif self.transform != "deformable":
            raise BadRequestError(f'A network gives a deformable transform, not a "{self.transform}" one.')
        _one_of("transform", self.transform, TRANSFORMS)
        if self.transform in ("deformable", "probe-pressure") and self.method in set(METHODS) - set(FEATURE_METHODS):
            raise BadRequestError(
                f'The method "{self.method}" has no {self.transform} transform; it is there for '
                f"{' and '.join(FEATURE_METHODS)}."
            )
        _one_of("preset", self.preset, tuple(PRESETS))
        _one_of("search", self.search, SEARCHES)
        if self.search == "none" and self.transform != "deformable":
            raise BadRequestError(
                f'The search "none" finds no {self.transform} transform; it is for deformable registration.'
            )
        _one_of("similarity", self.similarity, FEATURE_METHODS)
        _one_of("linear part", self.linear_part, ("rigid", "affine"))
        _one_of("initial", self.initial, INITIALS)
        _one_of("effort", self.effort, EFFORTS)
        _one_of("precision", self.precision, PRECISIONS)
        if self.stride not in (1, 2, 4):
            raise BadRequestError(f"The stride is {self.stride}, expected 1, 2 or 4.")
        for name in ("model", "device"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise BadRequestError(f"The {name} is {getattr(self, name)!r}, expected a name.")

    @property
    def network(self) -> str | None:
        """The model of a one-pass network, if the method is one."""
        return self.method.removeprefix(NETWORK_PREFIX) if self.method.startswith(NETWORK_PREFIX) else None

    @property
    def compared_by(self) -> str:
        """The similarity that is measured: the method, or what a network's registration takes for it."""
        return self.method if self.network is None else self.similarity

    @property
    def search_ranges(self) -> tuple[float, float]:
        """Rotation (degrees) and translation (mm) range of the starts, plus or minus."""
        rotation, translation = SEARCH_RANGES[self.search]
        if self.rotation_range_deg is not None:
            rotation = self.rotation_range_deg
        if self.translation_range_mm is not None:
            translation = self.translation_range_mm
        return rotation, translation

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a dictionary that JSON can hold."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | str) -> RegistrationSettings:
        """Read settings from a dictionary or a JSON text.

        Args:
            values: What ``to_json`` gave; missing names take the preset's values, else their defaults. The transform of
                a network is deformable if it is not given.

        Raises:
            BadRequestError: Unknown names or values that cannot be meant.
        """
        if isinstance(values, str):
            try:
                values = json.loads(values)
            except ValueError as error:
                raise BadRequestError(f"The settings are not valid JSON ({error}).") from error
        if not isinstance(values, Mapping):
            raise BadRequestError(f"The settings are a {type(values).__name__}, expected names with values.")
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise BadRequestError(
                f"Unknown settings of a registration: {', '.join(unknown)}; known are {', '.join(sorted(known))}."
            )
        preset = values.get("preset", "custom")
        _one_of("preset", preset, tuple(PRESETS))
        if str(values.get("method", "")).startswith(NETWORK_PREFIX) and "transform" not in values:
            values = {**values, "transform": "deformable"}
        return cls(**{**PRESETS[preset].values, **values})

    @classmethod
    def for_preset(cls, preset: str, **changes: Any) -> RegistrationSettings:
        """Return a preset's settings, some of them changed."""
        return cls.from_json({"preset": preset, **changes})

    def replace(self, **changes: Any) -> RegistrationSettings:
        """Return a copy with some values changed, checked again."""
        return RegistrationSettings.from_json({**self.to_json(), **changes})


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadRequestError(f'The {name} is "{value}", expected one of {", ".join(choices)}.')


def _check_integer(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadRequestError(f"The number of {name} is {value!r}, expected a whole number of at least {least}.")


def _check_number(name: str, value: Any, least: float, above: bool = False) -> None:
    if value is None:
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value < least or (above and value == least):
        wanted = f"above {least:g}" if above else f"at least {least:g}"
        raise BadRequestError(f"The setting {name} is {value!r}, expected a number {wanted}.")


def _numbers(name: str, value: Any, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(item) for item in value)
    except (TypeError, ValueError) as error:
        raise BadRequestError(f"The setting {name} is {value!r}, expected {count} numbers.") from error
    if len(numbers) != count or not all(math.isfinite(item) for item in numbers):
        hint = ": xmin, xmax, ymin, ymax, zmin, zmax in millimetres (LPS)" if count == 6 else ""
        raise BadRequestError(f"The setting {name} has {len(numbers)} values, expected {count} finite ones{hint}.")
    return numbers
