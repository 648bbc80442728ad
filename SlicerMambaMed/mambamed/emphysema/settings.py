"""Settings of an emphysema analysis: one value that the panel, the command line, the job and the run record share."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from mambamed.emphysema.acquisition import Acquisition
from mambamed.errors import BadRequestError

__all__ = [
    "ANALYSES",
    "DEFAULT_PATTERN_MODEL",
    "DEFAULT_SEVERITY_MODEL",
    "EXPLANATION_METHODS",
    "NOISE_FILTERS",
    "EmphysemaSettings",
]

ANALYSES = ("density", "patterns", "severity", "explanations")
EXPLANATION_METHODS = ("attention", "grad-cam", "integrated-gradients")
NOISE_FILTERS = ("off", "median", "gaussian")
DEFAULT_SEVERITY_MODEL = "emphysema-severity-demo"
DEFAULT_PATTERN_MODEL = "emphysema-patterns"


@dataclass(frozen=True)
class EmphysemaSettings:
    """What a person may choose for one emphysema analysis; checked when it is made.

    Attributes:
        compute: What is computed, of ``ANALYSES``. Density is always computed; explanations need the severity. None
            computes everything whose model is there; the settings then hold what that is.
        severity_model: Identifier of a bundled severity model or path of a model folder; None grades nothing.
        pattern_model: Identifier of a bundled pattern model or path of a model folder.
        explanation_methods: Of ``EXPLANATION_METHODS``.
        explanation_class: Name of the severity class that is explained; None explains the most probable one.
        explanation_layer: Name of the layer for Grad-CAM; None takes the last convolution.
        noise_filter: ``off``, ``median`` (3 x 3 x 3 voxels) or ``gaussian``, applied before every measure.
        gaussian_sigma_mm: Standard deviation of the Gaussian filter in mm.
        tracheal_air_calibration: Shift all values so that the air in the trachea is -1000 HU.
        acquisition: What is known about how the scan was made; fills in what DICOM does not say, or replaces it.
        low_attenuation_thresholds_hu: LAA% is given below each of these.
        high_attenuation_range_hu: Lowest and highest HU of the high attenuation areas.
        cluster_threshold_hu: Low attenuation clusters are connected voxels below this.
        lung_values: Values of a given label map that are lung; None takes all but 0.
        lobe_names: Names of the values of a given label map of lobes; None knows the two common codings.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        report: Also write the report (HTML and PDF).
        dicom_outputs: Also write DICOM SEG and SR when the input is DICOM.
        seed: Seed of everything random, stored with the result.

    Example:
        >>> EmphysemaSettings(noise_filter="median").to_json()["noise_filter"]
        'median'
    """

    compute: tuple[str, ...] = None  # type: ignore[assignment]  # replaced when the settings are made
    severity_model: str | None = DEFAULT_SEVERITY_MODEL
    pattern_model: str = DEFAULT_PATTERN_MODEL
    explanation_methods: tuple[str, ...] = EXPLANATION_METHODS
    explanation_class: str | None = None
    explanation_layer: str | None = None
    noise_filter: str = "off"
    gaussian_sigma_mm: float = 1.0
    tracheal_air_calibration: bool = False
    acquisition: Acquisition = field(default_factory=Acquisition)
    low_attenuation_thresholds_hu: tuple[float, ...] = (-950.0, -925.0, -910.0, -856.0)
    high_attenuation_range_hu: tuple[float, float] = (-700.0, -250.0)
    cluster_threshold_hu: float = -950.0
    lung_values: tuple[int, ...] | None = None
    lobe_names: dict[int, str] | None = None
    device: str = "auto"
    report: bool = True
    dicom_outputs: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        """Bring lists to tuples and refuse values that cannot be meant."""
        if self.compute is None:
            object.__setattr__(self, "compute", _possible_analyses(self.pattern_model, self.severity_model))
        for name in ("compute", "explanation_methods"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        if isinstance(self.acquisition, Mapping):
            object.__setattr__(self, "acquisition", Acquisition.from_json(self.acquisition))
        for choice in self.compute:
            _one_of("analysis", choice, ANALYSES)
        for choice in self.explanation_methods:
            _one_of("explanation method", choice, EXPLANATION_METHODS)
        _one_of("noise filter", self.noise_filter, NOISE_FILTERS)
        wanted = set(self.compute) | {"density"} | ({"severity"} if "explanations" in self.compute else set())
        object.__setattr__(self, "compute", tuple(name for name in ANALYSES if name in wanted))
        if not isinstance(self.gaussian_sigma_mm, int | float) or not 0.0 < self.gaussian_sigma_mm <= 10.0:
            raise BadRequestError(
                f"The Gaussian filter's width is {self.gaussian_sigma_mm} mm, expected above 0 and at most 10."
            )
        self._check_thresholds()
        if self.lung_values is not None:
            object.__setattr__(self, "lung_values", _lung_values(self.lung_values))
        if self.lobe_names is not None:
            object.__setattr__(self, "lobe_names", _lobe_names(self.lobe_names))

    def _check_thresholds(self) -> None:
        low = _numbers("low attenuation thresholds", self.low_attenuation_thresholds_hu)
        high = _numbers("high attenuation range", self.high_attenuation_range_hu)
        if not low or len(set(low)) != len(low):
            raise BadRequestError("Expected at least one low attenuation threshold, each once, for example -950.")
        if len(high) != 2 or high[0] >= high[1]:
            raise BadRequestError("The high attenuation range must be a lower and a higher HU, for example -700 -250.")
        object.__setattr__(self, "low_attenuation_thresholds_hu", low)
        object.__setattr__(self, "high_attenuation_range_hu", high)
        object.__setattr__(self, "cluster_threshold_hu", _numbers("cluster threshold", (self.cluster_threshold_hu,))[0])

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a dictionary that JSON can hold."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        values["acquisition"] = self.acquisition.to_json()
        if self.lobe_names is not None:
            values["lobe_names"] = {str(value): name for value, name in self.lobe_names.items()}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | str) -> EmphysemaSettings:
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
        known = {entry.name for entry in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise BadRequestError(
                f"Unknown settings of an emphysema analysis: {', '.join(unknown)}; "
                f"known are {', '.join(sorted(known))}."
            )
        return cls(**values)

    def replace(self, **changes: Any) -> EmphysemaSettings:
        """Return a copy with some values changed, checked again."""
        return EmphysemaSettings.from_json({**self.to_json(), **changes})


def _possible_analyses(pattern_model: str, severity_model: str | None) -> tuple[str, ...]:
    """Return the analyses whose model is bundled, in the user's folder, or given by its path."""
    from mambamed.models.catalogue import list_models

    found = {entry.card.id for entry in list_models()}
    possible = ["density"]
    if pattern_model in found or Path(pattern_model).exists():
        possible.append("patterns")
    if severity_model is not None and (severity_model in found or Path(severity_model).exists()):
        possible += ["severity", "explanations"]
    return tuple(possible)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadRequestError(f'The {name} is "{value}", expected one of {", ".join(choices)}.')


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    """Check that all values are HU that a CT can hold."""
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise BadRequestError(f"The {name} must be numbers in HU; found {values!r}.") from error
    if not all(math.isfinite(value) and -1024.0 <= value <= 3071.0 for value in numbers):
        raise BadRequestError(f"The {name} must lie between -1024 and 3071 HU; found {values!r}.")
    return numbers


def _lung_values(values: Any) -> tuple[int, ...]:
    try:
        checked = tuple(int(value) for value in values)
    except (TypeError, ValueError) as error:
        raise BadRequestError(f"The label values of the lungs must be whole numbers; found {values!r}.") from error
    if not checked or min(checked) < 1:
        raise BadRequestError(f"The label values of the lungs must be 1 or more, one at least; found {values!r}.")
    return checked


def _lobe_names(names: Mapping[Any, Any]) -> dict[int, str]:
    try:
        checked = {int(value): str(name) for value, name in names.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise BadRequestError("The names of the lobes must be given as label value and name.") from error
    if any(value < 1 for value in checked) or len(set(checked.values())) != len(checked):
        raise BadRequestError("Each lobe needs a label value of 1 or more and a name of its own.")
    return checked
