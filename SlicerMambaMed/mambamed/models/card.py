"""The model card: what a model is, reads, finds, was trained on and measured at, and what it must not be used for."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.models.schema import schema_problems

__all__ = ["CARD_NAME", "CardInput", "CardLabel", "CardMetric", "CardWeights", "ModelCard", "card_schema"]

CARD_NAME = "model-card.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class CardInput:
    """One input image: its role for the model, its name for people, and what is expected of it."""

    role: str
    name: str
    description: str = ""


@dataclass(frozen=True)
class CardLabel:
    """One label that the model finds.

    Attributes:
        value: Voxel value in the label map.
        name: Name for people.
        color: Red, green, blue, 0 to 255.
        terminology: ``category``, ``type`` and optionally ``type_modifier``, ``region``, ``region_modifier``, each a
            mapping with ``scheme`` (``SCT`` for SNOMED CT), ``code`` and ``meaning``; empty if the label is not coded.
    """

    value: int
    name: str
    color: tuple[int, int, int]
    terminology: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class CardMetric:
    """One measured value, with the data it was measured on and how."""

    name: str
    value: float
    measured_on: str
    how: str
    label: str = ""
    spread: float | None = None
    cases: int | None = None
    unit: str = ""

    def __str__(self) -> str:
        """Say the measurement in one line."""
        spread = f" ± {self.spread:.3f}" if self.spread is not None else ""
        unit = f" {self.unit}" if self.unit else ""
        label = f", {self.label}" if self.label else ""
        cases = f", {self.cases} case{'s' if self.cases != 1 else ''}" if self.cases is not None else ""
        return f"{self.name}{label}: {self.value:.3f}{spread}{unit} ({self.measured_on}{cases}; {self.how})"


@dataclass(frozen=True)
class CardWeights:
    """One file of weights: path relative to the card, checksum (None in a derived card), size."""

    path: str
    sha256: str | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class ModelCard:
    """A model card; the same content as ``model-card.json``, described field by field in ``model-card.schema.json``.

    Example:
        >>> card = ModelCard.read(folder)
        >>> [label.name for label in card.labels]
        ['Grey matter', 'White matter', 'Cerebrospinal fluid']
    """

    id: str
    version: str
    title: str
    task: str
    modality: str
    inputs: tuple[CardInput, ...]
    network: str
    weights: tuple[CardWeights, ...]
    training_data: str
    licence: str
    intended_use: str
    demonstration_only: bool
    limits: tuple[str, ...] = ()
    metrics: tuple[CardMetric, ...] = ()
    labels: tuple[CardLabel, ...] = ()
    spacing_mm: tuple[float, ...] | None = None
    orientation: str | None = None
    patch_size: tuple[int, ...] | None = None
    trainer_name: str | None = None
    configuration: str | None = None
    folds: tuple[str, ...] = ()
    mirroring_axes: tuple[int, ...] | None = None
    keep_one_piece_opening_mm: float | None = None
    makes_instances: bool = False
    inside_body_above_hu: float | None = None
    one_piece_per_label: bool = False
    references: tuple[str, ...] = ()
    derived: bool = False

    def __post_init__(self) -> None:
        """Check the values against the schema.

        Raises:
            BadRequestError: With everything that is wrong.
        """
        problems = schema_problems(self.to_json(), card_schema())
        values = [label.value for label in self.labels]
        if len(set(values)) != len(values):
            problems.append("two labels have the same value")
        if problems:
            raise BadRequestError(f"The model card of {self.id!r} is not valid: {'; '.join(problems)}.")

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``model-card.json``; unknown things are left out or null."""
        return {"schema_version": SCHEMA_VERSION, **_plain(dataclasses.asdict(self))}

    @classmethod
    def from_json(cls, content: Any) -> ModelCard:
        """Make a card of the content of ``model-card.json``.

        Raises:
            BadRequestError: With everything that disagrees with the schema.
        """
        problems = schema_problems(content, card_schema())
        if problems:
            name = content.get("id", "?") if isinstance(content, Mapping) else "?"
            raise BadRequestError(f"The model card of {name!r} is not valid: {'; '.join(problems)}.")
        values = {name: value for name, value in content.items() if name != "schema_version"}
        parts = {"inputs": CardInput, "weights": CardWeights, "metrics": CardMetric, "labels": CardLabel}
        for name, part in parts.items():
            values[name] = tuple(part(**_tuples(item)) for item in values.get(name, ()))
        return cls(**_tuples(values))

    @classmethod
    def read(cls, folder: Path | str) -> ModelCard:
        """Read the card of a model folder.

        Raises:
            BadRequestError: There is none, or it is not valid.
        """
        path = Path(folder) / CARD_NAME
        try:
            content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        except FileNotFoundError:
            raise BadRequestError(f"The folder {folder} has no {CARD_NAME}.") from None
        except (OSError, ValueError, RecursionError) as error:
            raise BadRequestError(f"The model card {path} cannot be read ({error}); copy the model again.") from error
        return cls.from_json(content)

    def write(self, folder: Path | str) -> Path:
        """Write the card into a model folder and return its path."""
        path = Path(folder) / CARD_NAME
        text = json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        path.write_text(text, encoding="utf-8")
        return path

    def sha256(self) -> str:
        """Return the checksum of the card's content, which covers those of the weights; names the model in records."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def replace(self, **changes: Any) -> ModelCard:
        """Return a copy with some values changed, checked again."""
        return dataclasses.replace(self, **changes)


@lru_cache(maxsize=1)
def card_schema() -> dict[str, Any]:
    """Return the JSON schema of model cards."""
    content: dict[str, Any] = json.loads((Path(__file__).with_name("model-card.schema.json")).read_text("utf-8"))
    return content


def _plain(value: Any) -> Any:
    """Return lists for tuples, all the way down, as JSON has it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping with tuples for its lists (the cards are values, which nobody changes)."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
