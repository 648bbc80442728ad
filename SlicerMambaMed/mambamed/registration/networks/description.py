"""What a registration network of a model folder is and expects: the content of ``network.json``. Standard library only.

Axes are (x, y, z) along the patient's left, posterior and superior (LPS), in millimetres.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["DESCRIPTION_NAME", "IntensityNormalisation", "NetworkDescription"]

DESCRIPTION_NAME = "network.json"
_SCHEMA_VERSION = 1
_LARGEST_TEXT = 1_000_000


@dataclass(frozen=True)
class IntensityNormalisation:
    """Maps intensities to 0..1: two percentiles of an image become 0 and 1, what lies beyond is cut off.

    Attributes:
        low_percentile: becomes 0.
        high_percentile: becomes 1.
    """

    low_percentile: float = 0.5
    high_percentile: float = 99.5

    def __post_init__(self) -> None:
        """Refuse percentiles that are none or in the wrong order."""
        if not 0.0 <= self.low_percentile < self.high_percentile <= 100.0:
            raise BadRequestError(
                f"The percentiles of the intensities are {self.low_percentile} and {self.high_percentile}; expected "
                "two rising numbers from 0 to 100."
            )


@dataclass(frozen=True)
class NetworkDescription:
    """How to build a network and prepare images for it.

    Attributes:
        architecture: one of ``NETWORK_NAMES``.
        mode: ``corrected`` or ``reference`` (as in the public code, faults included).
        arguments: settings given to ``build``, without the mode.
        grid_shape: voxels (x, y, z) of the volumes that it was trained on; it takes other sizes too.
        spacing_mm: size of the cubic voxels it was trained on.
        intensity: how intensities become 0..1.
        middle_below_top_mm: of a network of heads, how far below the top of the head the middle of its grid lies; None
            for other anatomy.
    """

    architecture: str
    mode: str = "corrected"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    grid_shape: tuple[int, int, int] = (128, 128, 128)
    spacing_mm: float = 1.0
    intensity: IntensityNormalisation = field(default_factory=IntensityNormalisation)
    middle_below_top_mm: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no network can be built or fed from."""
        object.__setattr__(self, "grid_shape", tuple(int(size) for size in self.grid_shape))
        object.__setattr__(self, "arguments", dict(self.arguments))
        if self.mode not in ("corrected", "reference"):
            raise BadRequestError(f"The mode of the network is {self.mode!r}; expected corrected or reference.")
        if len(self.grid_shape) != 3 or min(self.grid_shape) < 1 or not 0.0 < float(self.spacing_mm) < float("inf"):
            raise BadRequestError(
                f"The network's grid is {self.grid_shape} voxels of {self.spacing_mm} mm; expected three sizes and a "
                "spacing above 0."
            )

    @property
    def build_arguments(self) -> dict[str, Any]:
        """What ``build`` takes besides the name."""
        with_mode = self.architecture.startswith("vmambamorph")
        return {**self.arguments, **({"mode": self.mode} if with_mode else {})}

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``network.json``."""
        return {"schema_version": _SCHEMA_VERSION, **dataclasses.asdict(self), "grid_shape": list(self.grid_shape)}

    def write(self, folder: Path) -> None:
        """Write ``network.json`` into a model folder."""
        text = json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n"
        (folder / DESCRIPTION_NAME).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> NetworkDescription:
        """Read ``network.json`` of a model folder.

        Raises:
            BadRequestError: there is none, or it cannot be understood.
        """
        path = folder / DESCRIPTION_NAME
        try:
            with path.open("rb") as stream:
                content = json.loads(stream.read(_LARGEST_TEXT))
            if content.pop("schema_version") != _SCHEMA_VERSION:
                raise ValueError(f"its schema version is not {_SCHEMA_VERSION}")
            intensity = IntensityNormalisation(**content.pop("intensity"))
            return cls(intensity=intensity, **content)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadRequestError(
                f"The description of a registration network {path} cannot be read ({error}); copy the model again."
            ) from error
