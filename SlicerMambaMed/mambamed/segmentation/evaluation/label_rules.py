"""Which labels are scored, which voxel values they have, and how far their surface may deviate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["TOLERANCES_KEY", "LabelRule", "read_label_rules", "tolerances_from_words"]

TOLERANCES_KEY = "nsd_tolerance_mm"
"""In ``dataset.json``: a number for all labels, or a mapping of label names to numbers."""


@dataclass(frozen=True)
class LabelRule:
    """One label to score.

    Attributes:
        name: Its name.
        values: Voxel values that belong to it; several for a region of nnU-Net.
        tolerance_mm: Tolerance of the normalised surface distance; None leaves that score out.
    """

    name: str
    values: tuple[int, ...]
    tolerance_mm: float | None = None


def read_label_rules(
    dataset_file: Path | None, present_values: Sequence[int], tolerances: Mapping[str, float]
) -> list[LabelRule]:
    """Return the labels of a data set, or those that occur.

    Args:
        dataset_file: ``dataset.json`` of nnU-Net (its ``labels``, and ``nsd_tolerance_mm`` if it is there), or None.
        present_values: Values in the references; these are the labels where no data set file names them.
        tolerances: Tolerance in mm by label name; the name ``""`` stands for all others. They come before the file's.

    Raises:
        BadRequestError: The file cannot be used, or a tolerance names an unknown label or is no number of 0 or more.
    """
    content = _read(dataset_file) if dataset_file is not None else {}
    named = content.get("labels")
    if isinstance(named, Mapping):
        values = {str(name): _values(name, value) for name, value in named.items()}
        values = {name: found for name, found in values.items() if found and found != (0,)}
    else:
        values = {f"label {value}": (int(value),) for value in present_values if value > 0}
    from_file = content.get(TOLERANCES_KEY, {})
    if isinstance(from_file, int | float):
        from_file = {"": from_file}
    if not isinstance(from_file, Mapping):
        raise BadRequestError(f"{TOLERANCES_KEY} in {dataset_file} is {from_file!r}; expected a number or a mapping.")
    for source in (from_file, tolerances):
        for name, tolerance in source.items():
            if name and name not in values:
                raise BadRequestError(
                    f"A tolerance is given for {name!r}, which is no label; there are: {', '.join(values) or 'none'}."
                )
            if not isinstance(tolerance, int | float) or not math.isfinite(tolerance) or tolerance < 0:
                raise BadRequestError(f"The tolerance {tolerance!r} is not a number of mm; expected 0 or more.")

    def tolerance_of(name: str) -> float | None:
        for source in (tolerances, from_file):
            found = source.get(name, source.get(""))
            if found is not None:
                return float(found)
        return None

    return [LabelRule(name, found, tolerance_of(name)) for name, found in values.items()]


def tolerances_from_words(words: Sequence[str]) -> dict[str, float]:
    """Return tolerances by label from words such as ``2`` (all labels) or ``Liver=5``.

    Raises:
        BadRequestError: A word has another form.
    """
    tolerances = {}
    for word in words:
        name, _, number = word.rpartition("=")
        try:
            tolerances[name] = float(number)
        except ValueError:
            raise BadRequestError(f"The tolerance {word!r} is none; expected mm, or LABEL=mm.") from None
    return tolerances


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequestError(f"The data set file {path} cannot be read ({error}); expected JSON.") from error
    if not isinstance(content, dict):
        raise BadRequestError(f"The data set file {path} holds no JSON object; expected nnU-Net's dataset.json.")
    return content


def _values(name: Any, value: Any) -> tuple[int, ...]:
    """Return the voxel values of one entry of ``labels``: a number or, for a region, several."""
    if name == "ignore":
        return ()
    try:
        return tuple(sorted(int(item) for item in (value if isinstance(value, list | tuple) else [value])))
    except (TypeError, ValueError):
        raise BadRequestError(f"The label {name!r} has the value {value!r}; expected a whole number.") from None
