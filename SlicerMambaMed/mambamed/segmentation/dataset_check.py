"""Check a raw nnU-Net data set before hours of training are spent on it, and name every problem at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["DatasetReport", "check_dataset", "require_sound_dataset"]

_POSITION_TOLERANCE_MM = 1e-2
_DIRECTION_TOLERANCE = 1e-3
_LISTED_PROBLEMS = 40


@dataclass
class DatasetReport:
    """What was found: cases, channels, labels, and everything that is wrong (one sentence each)."""

    folder: Path
    cases: list[str] = field(default_factory=list)
    channels: int = 0
    labels: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def require_sound_dataset(folder: Path, reporter: Reporter | None = None) -> DatasetReport:
    """Return the report of ``check_dataset``.

    Raises:
        BadRequestError: There are problems; the message lists all of them.
    """
    report = check_dataset(folder, reporter)
    if report.problems:
        shown = report.problems[:_LISTED_PROBLEMS]
        if len(report.problems) > len(shown):
            shown.append(f"... and {len(report.problems) - len(shown)} more")
        number = len(report.problems)
        raise BadRequestError(
            f"The data set {folder} has {number} problem{'s' if number > 1 else ''}; none is expected. "
            "Mend them and start again:\n" + "\n".join(f"  - {problem}" for problem in shown)
        )
    return report


def check_dataset(folder: Path, reporter: Reporter | None = None) -> DatasetReport:
    """Check names, files, channels, geometry and label values of a raw nnU-Net v2 data set.

    Args:
        folder: ``DatasetNNN_Name`` with ``dataset.json``, ``imagesTr`` and ``labelsTr`` (or with a ``dataset`` section
            in ``dataset.json`` that names the files of each case).
        reporter: Hears the progress.

    Returns:
        The report; it never raises for what is wrong in the data set.
    """
    reporter = reporter or NullReporter()
    report = DatasetReport(folder)
    description = _description(folder, report)
    if description is None:
        return report
    cases = _cases(folder, description, report)
    report.cases = sorted(cases)
    if not cases:
        report.problems.append(
            f"no training case was found: expected images named <case>_0000{description['file_ending']} in imagesTr."
        )
    allowed = _label_values(description["labels"])
    seen: set[int] = set()
    for number, (case, files) in enumerate(sorted(cases.items()), start=1):
        reporter.check_cancelled()
        report.problems.extend(_case_problems(case, files, report.channels, allowed, seen))
        reporter.progress(f"checking case {number} of {len(cases)}", number / len(cases))
    if cases and allowed:
        names = {value: name for name, value in report.labels.items() if isinstance(value, int)}
        for value in sorted(allowed - seen - {0, _ignore_value(report.labels)}):
            report.problems.append(f"the label {names.get(value, value)!r} (value {value}) occurs in no case.")
    return report


def _description(folder: Path, report: DatasetReport) -> dict[str, Any] | None:
    """Read dataset.json and note what it lacks; None if nothing more can be checked."""
    path = folder / "dataset.json"
    if not folder.is_dir():
        report.problems.append("the folder does not exist.")
        return None
    if not path.is_file():
        report.problems.append("dataset.json is missing; it names the channels, the labels and the file ending.")
        return None
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        report.problems.append(f"dataset.json cannot be read as JSON ({error}).")
        return None
    if not isinstance(description, dict):
        report.problems.append("dataset.json does not hold an object.")
        return None
    missing = [key for key in ("channel_names", "labels", "file_ending") if not description.get(key)]
    if missing:
        report.problems.append(f"dataset.json lacks {', '.join(missing)}.")
        return None
    report.channels = len(description["channel_names"])
    report.labels = dict(description["labels"])
    if report.labels.get("background") != 0:
        report.problems.append("dataset.json: the labels need 'background' with the value 0.")
    values = sorted(_label_values(description["labels"]))
    if values != list(range(len(values))):
        report.problems.append(f"dataset.json: label values are {values}; expected consecutive numbers from 0.")
    return description


def _label_values(labels: dict[str, Any]) -> set[int]:
    """All values of the labels; regions list several."""
    values: set[int] = set()
    for value in labels.values():
        values.update(int(v) for v in (value if isinstance(value, list | tuple) else [value]))
    return values


def _ignore_value(labels: dict[str, Any]) -> int:
    value = labels.get("ignore", 0)
    return int(value) if isinstance(value, int) else 0


def _cases(folder: Path, description: dict[str, Any], report: DatasetReport) -> dict[str, dict[str, Any]]:
    """Files of each case: {"images": paths by channel number, "label": path or None}."""
    listed = description.get("dataset")
    if isinstance(listed, dict):
        return {
            case: {
                "images": {number: _inside(folder, name) for number, name in enumerate(files.get("images", []))},
                "label": _inside(folder, files["label"]) if files.get("label") else None,
            }
            for case, files in listed.items()
        }
    ending = str(description["file_ending"])
    cases: dict[str, dict[str, Any]] = {}
    for path in sorted((folder / "imagesTr").glob(f"*{ending}")) if (folder / "imagesTr").is_dir() else []:
        stem = path.name[: -len(ending)]
        case, _, number = stem.rpartition("_")
        if not case or len(number) != 4 or not number.isdigit():
            report.problems.append(f"imagesTr/{path.name}: the name is expected to end in _0000, _0001, ... (channel).")
            continue
        cases.setdefault(case, {"images": {}, "label": None})["images"][int(number)] = path
    for path in sorted((folder / "labelsTr").glob(f"*{ending}")) if (folder / "labelsTr").is_dir() else []:
        case = path.name[: -len(ending)]
        if case not in cases:
            report.problems.append(f"labelsTr/{path.name}: there is no image for this case in imagesTr.")
            continue
        cases[case]["label"] = path
    for number in ("imagesTr", "labelsTr"):
        if not (folder / number).is_dir():
            report.problems.append(f"the folder {number} is missing.")
    return cases


def _inside(folder: Path, name: str) -> Path:
    path = Path(name)
    return path if path.is_absolute() else folder / path


def _case_problems(case: str, files: dict[str, Any], channels: int, allowed: set[int], seen: set[int]) -> list[str]:
    """Everything wrong with one case."""
    problems = []
    numbers = sorted(files["images"])
    if numbers != list(range(channels)):
        problems.append(
            f"{case}: channels {numbers} were found; dataset.json names {channels} (0000 to {channels - 1:04d})."
        )
    reference: tuple[Path, sitk.Image] | None = None
    for number in numbers:
        path = files["images"][number]
        image = _read(path, case, problems)
        if image is None:
            continue
        values = sitk.GetArrayViewFromImage(image)
        if values.size == 0 or not np.isfinite(values).all():
            problems.append(f"{case}: {path.name} holds NaN or infinite values; finite ones are expected.")
        if reference is None:
            reference = (path, image)
        else:
            problems.extend(_geometry_problems(case, path, image, *reference))
    label_path = files["label"]
    if label_path is None:
        problems.append(f"{case}: the label file is missing in labelsTr.")
        return problems
    label = _read(label_path, case, problems)
    if label is None:
        return problems
    if reference is not None:
        problems.extend(_geometry_problems(case, label_path, label, *reference))
    found = np.unique(sitk.GetArrayViewFromImage(label))
    unknown = [float(v) for v in found if v not in allowed]
    if unknown:
        problems.append(
            f"{case}: {label_path.name} holds the unknown value{'s' if len(unknown) > 1 else ''} "
            f"{', '.join(f'{v:g}' for v in unknown[:8])}; dataset.json names {sorted(allowed)}."
        )
    seen.update(int(v) for v in found if v in allowed)
    return problems


def _read(path: Path, case: str, problems: list[str]) -> sitk.Image | None:
    if not path.is_file():
        problems.append(f"{case}: the file {path.name} does not exist.")
        return None
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError:
        problems.append(f"{case}: {path.name} cannot be read as an image.")
        return None


def _geometry_problems(
    case: str, path: Path, image: sitk.Image, reference_path: Path, reference: sitk.Image
) -> list[str]:
    """Differences in size, spacing, origin and direction between two files of one case."""
    if image.GetSize() != reference.GetSize():
        return [f"{case}: {path.name} has size {image.GetSize()}, but {reference_path.name} {reference.GetSize()}."]
    differing = []
    for name, tolerance in (
        ("Spacing", _POSITION_TOLERANCE_MM),
        ("Origin", _POSITION_TOLERANCE_MM),
        ("Direction", _DIRECTION_TOLERANCE),
    ):
        here, there = getattr(image, f"Get{name}")(), getattr(reference, f"Get{name}")()
        if len(here) != len(there) or not np.allclose(here, there, rtol=0.0, atol=tolerance):
            differing.append(f"{name.lower()} {tuple(round(float(v), 3) for v in here)}")
    if differing:
        return [f"{case}: {path.name} has another geometry than {reference_path.name}: {', '.join(differing)}."]
    return []
