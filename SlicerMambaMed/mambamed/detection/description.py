"""What ``detector.json`` in a model folder says: the network, its classes, and how a picture must be brought to it.

Standard library only, so that the panel can read it. The file comes from anywhere: every value is checked, and no path
in it is ever opened.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from mambamed.detection.networks.settings import DetectorSettings
from mambamed.errors import BadRequestError

__all__ = ["DESCRIPTION_NAME", "NORMALISATION_RULES", "DetectorDescription", "IntensityNormalisation"]

DESCRIPTION_NAME = "detector.json"
NORMALISATION_RULES = ("range", "percentiles")
# From here on 95 % of the demonstration model's boxes are right (docs/models/oriented-ct-dcfl.md).
DEFAULT_SCORE_THRESHOLD = 0.3
FORMAT_VERSION = 1
_LARGEST_TEXT_BYTES = 1_000_000
_LARGEST_NUMBER_OF_CLASSES = 1000
_LARGEST_TILE_PX = 8192
_NETWORK_FIELDS = (
    "backbone",
    "width",
    "feature_channels",
    "image_channels",
    "prior_capturing",
    "dilation",
    "finest_stride",
    "norm",
    "largest_offset",
)


@dataclass(frozen=True)
class IntensityNormalisation:
    """How a picture's values become the network's: ``low`` to ``high`` to 0 to 1, then less mean, by deviation.

    Attributes:
        rule: ``range``: ``low`` and ``high`` are values of the picture (0 and 255, or HU). ``percentiles``: they are
            percentiles, 0 to 100, of the whole picture or slab.
        low: what becomes 0; smaller values too.
        high: what becomes 1; larger values too.
        mean: of each channel of the network, subtracted after that.
        deviation: of each channel, what is divided by.
    """

    rule: str = "range"
    low: float = 0.0
    high: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        """Refuse what cannot be computed."""
        for name in ("mean", "deviation"):
            value = getattr(self, name)
            numbers = value if isinstance(value, (list, tuple)) else (value,)
            object.__setattr__(self, name, tuple(_number(f"normalisation's {name}", item) for item in numbers))
        for name in ("low", "high"):
            object.__setattr__(self, name, _number(f"normalisation's {name}", getattr(self, name)))
        if self.rule not in NORMALISATION_RULES:
            raise BadRequestError(
                f"The normalisation's rule is {self.rule!r}; expected one of {', '.join(NORMALISATION_RULES)}."
            )
        if not self.low < self.high or (self.rule == "percentiles" and not 0 <= self.low < self.high <= 100):
            raise BadRequestError(
                f"The normalisation goes from {self.low:g} to {self.high:g}; expected a lower and a higher number"
                f"{', 0 to 100' if self.rule == 'percentiles' else ''}."
            )
        if len(self.mean) != len(self.deviation) or not self.mean or min(self.deviation) <= 0:
            raise BadRequestError(
                f"The normalisation has {len(self.mean)} means and {len(self.deviation)} deviations; expected as many "
                "of each as the network has channels, deviations above 0."
            )


@dataclass(frozen=True)
class DetectorDescription:
    """The content of ``detector.json``.

    Attributes:
        classes: names of the kinds of object, in the order of the network's classes.
        network: what the network is made of; ``imagenet_weights`` is not kept.
        normalisation: see ``IntensityNormalisation``.
        tile_size_px: side of the tiles that the network is shown, network pixels.
        tile_overlap_px: pixels that neighbouring tiles share.
        pixel_spacing_mm: millimetres that a pixel must have for the network; None if pictures are shown as they are.
        score_threshold: least score of a box, the default of a prediction. Measures of average precision take a lower
            one, since they also count what comes after most boxes are wrong.
        nms_threshold: overlap above which the worse of two boxes of a label goes, the default of a prediction.
    """

    classes: tuple[str, ...]
    network: DetectorSettings
    normalisation: IntensityNormalisation = field(default_factory=IntensityNormalisation)
    tile_size_px: int = 1024
    tile_overlap_px: int = 200
    pixel_spacing_mm: float | None = None
    score_threshold: float = DEFAULT_SCORE_THRESHOLD
    nms_threshold: float = 0.4

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        classes = self.classes if isinstance(self.classes, (list, tuple)) else ()
        good = [name for name in classes if isinstance(name, str) and 0 < len(name.strip()) <= 200]
        if not good or len(good) != len(self.classes) or len(set(good)) != len(good):
            raise BadRequestError(f"The detector's classes are {self.classes!r}; expected different names.")
        object.__setattr__(self, "classes", tuple(good))
        if len(good) > _LARGEST_NUMBER_OF_CLASSES:
            raise BadRequestError(f"The detector has {len(good)} classes; at most {_LARGEST_NUMBER_OF_CLASSES} are.")
        if self.network.class_count != len(good):
            raise BadRequestError(
                f"The detector names {len(good)} classes and its network tells {self.network.class_count} apart."
            )
        object.__setattr__(self, "network", dataclasses.replace(self.network, imagenet_weights=""))
        if len(self.normalisation.mean) not in (1, self.network.image_channels):
            raise BadRequestError(
                f"The normalisation has {len(self.normalisation.mean)} means and the network "
                f"{self.network.image_channels} channels; expected one for all or one of each."
            )
        side, overlap = self.tile_size_px, self.tile_overlap_px
        whole = all(isinstance(value, int) and not isinstance(value, bool) for value in (side, overlap))
        if not whole or not 32 <= side <= _LARGEST_TILE_PX or not 0 <= overlap < side:
            raise BadRequestError(
                f"The detector's tiles have {side!r} pixels and overlap by {overlap!r}; expected 32 to "
                f"{_LARGEST_TILE_PX} and an overlap below that."
            )
        if self.pixel_spacing_mm is not None and not 0 < _number("pixel spacing", self.pixel_spacing_mm) <= 100:
            raise BadRequestError(f"The detector's pixel spacing is {self.pixel_spacing_mm:g} mm; expected 0 to 100.")
        for name in ("score_threshold", "nms_threshold"):
            if not 0 <= _number(name, getattr(self, name)) <= 1:
                raise BadRequestError(f"The detector's {name} is {getattr(self, name)!r}; expected 0 to 1.")

    def to_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        content = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        content["classes"] = list(self.classes)
        content["network"] = {name: getattr(self.network, name) for name in _NETWORK_FIELDS}
        normalisation = dataclasses.asdict(self.normalisation)
        content["normalisation"] = {**normalisation, **{name: list(normalisation[name]) for name in _LISTS}}
        return {"format_version": FORMAT_VERSION, **content}

    @classmethod
    def from_json(cls, content: Any) -> DetectorDescription:
        """Check the content of the file.

        Raises:
            BadRequestError: a value is missing, unknown or impossible.
        """
        values = _mapping("detector.json", content)
        version = values.pop("format_version", None)
        if version != FORMAT_VERSION:
            raise BadRequestError(
                f"The detector has the format version {version!r}; this MambaMed reads version {FORMAT_VERSION}."
            )
        network = _mapping("network", values.pop("network", None))
        normalisation = _mapping("normalisation", values.pop("normalisation", {}))
        known = {entry.name for entry in dataclasses.fields(cls)}
        parts = (
            ("detector.json", values, known - {"network", "normalisation"}),
            ("network", network, set(_NETWORK_FIELDS)),
            ("normalisation", normalisation, {entry.name for entry in dataclasses.fields(IntensityNormalisation)}),
        )
        for name, part, allowed in parts:
            if unknown := sorted(str(key) for key in set(part) - allowed):
                raise BadRequestError(f"{name} of the detector has unknown entries: {', '.join(unknown)}.")
        classes = values.pop("classes", None)
        if not isinstance(classes, list) or not classes:
            raise BadRequestError("The detector names no classes; expected a list of names in detector.json.")
        if not isinstance(network.get("prior_capturing", True), bool):
            raise BadRequestError(
                f"The detector's prior_capturing is {network['prior_capturing']!r}; expected true or false."
            )
        for name in ("width", "largest_offset"):
            if name in network:
                _number(name, network[name])
        if not isinstance(network.get("backbone", ""), str):
            raise BadRequestError(f"The detector's backbone is {network['backbone']!r}; expected a name.")
        return cls(
            classes=tuple(classes),
            network=DetectorSettings(class_count=len(classes), **network),
            normalisation=IntensityNormalisation(**normalisation),
            **values,
        )

    @classmethod
    def read(cls, folder: Path | str) -> DetectorDescription:
        """Read ``detector.json`` of a model folder.

        Raises:
            BadRequestError: it is missing, no JSON, or says something impossible; the message names the file.
        """
        path = Path(folder) / DESCRIPTION_NAME
        try:
            if path.stat().st_size > _LARGEST_TEXT_BYTES:
                raise ValueError(f"it has more than {_LARGEST_TEXT_BYTES} bytes")
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BadRequestError(f"The folder {folder} has no {DESCRIPTION_NAME}; it holds no detector.") from None
        except (OSError, ValueError, RecursionError) as error:
            raise BadRequestError(f"{path} cannot be read ({error}); copy the model again.") from error
        try:
            return cls.from_json(content)
        except BadRequestError as error:
            raise BadRequestError(f"{path} describes no detector that can be built. {error}") from error

    def write(self, folder: Path | str) -> Path:
        """Write the file into a model folder and return its path."""
        path = Path(folder) / DESCRIPTION_NAME
        path.write_text(json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


_LISTS = ("mean", "deviation")


def _mapping(name: str, content: Any) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise BadRequestError(f"{name} of the detector is {type(content).__name__}, expected names with values.")
    return dict(content)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BadRequestError(f"The detector's {name} is {value!r}; expected a finite number.")
    return float(value)
