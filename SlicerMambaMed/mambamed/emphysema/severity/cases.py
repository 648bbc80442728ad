"""Labelled scans for severity training: a CSV beside the files, checked as a whole, prepared once, split by patient."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.severity.prepare import PreparedLungs
from mambamed.emphysema.severity.prepare import prepare_lungs
from mambamed.emphysema.severity.settings import SeverityConfiguration
from mambamed.errors import BadRequestError
from mambamed.imaging.reading import read_image
from mambamed.imaging.resampling import resample_like
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["Case", "PreparedCase", "prepare_cases", "read_cases", "split_patients", "volume_arrays"]

_SHOWN_PROBLEMS = 12


@dataclass(frozen=True)
class Case:
    """One scan: patient, files, class index."""

    patient: str
    ct: Path
    lungs: Path | None
    target: int


@dataclass(frozen=True)
class PreparedCase:
    """One scan as the network sees it."""

    case: Case
    lungs: PreparedLungs


def read_cases(path: Path, classes: tuple[str, ...]) -> list[Case]:
    """Read the CSV of cases; all problems are listed at once.

    Args:
        path: CSV with the columns ``ct`` and ``severity``, optionally ``patient`` and ``lungs``.
        classes: Names in order; a severity is a name or a position from 0.

    Raises:
        BadRequestError: With everything that is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRequestError(f"The list of cases {path} cannot be read ({error}); expected a CSV file.") from error
    if not rows or not {"ct", "severity"} <= set(rows[0]):
        raise BadRequestError(
            f"The list of cases {path} needs a header with the columns ct and severity (and patient, lungs), and rows."
        )
    cases, problems = [], []
    for number, row in enumerate(rows, start=2):
        files = {name: path.parent / row[name].strip() for name in ("ct", "lungs") if (row.get(name) or "").strip()}
        severity = (row.get("severity") or "").strip()
        position = classes.index(severity) if severity in classes else -1
        if position < 0 and severity.isdigit() and int(severity) < len(classes):
            position = int(severity)
        if position < 0:
            problems.append(f"line {number}: the severity {severity!r} is none of {', '.join(classes)}")
        if "ct" not in files:
            problems.append(f"line {number}: no ct")
        problems += [f"line {number}: no file {file}" for file in files.values() if not file.exists()]
        if "ct" in files:
            patient = (row.get("patient") or "").strip() or f"line {number}"
            cases.append(Case(patient, files["ct"], files.get("lungs"), position))
    missing = [name for index, name in enumerate(classes) if not any(case.target == index for case in cases)]
    if missing and not problems:
        problems.append(f"there is no case of class {', '.join(missing)}")
    if problems:
        more = f"; and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
        raise BadRequestError(f"The list of cases {path.name}: {'; '.join(problems[:_SHOWN_PROBLEMS])}{more}.")
    return cases


def volume_arrays(
    ct: sitk.Image, lungs: sitk.Image | None
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Return HU, lungs (bool) and spacing, all (z, y, x), turned to LPS without interpolation.

    Args:
        ct: HU.
        lungs: Mask of the lungs without airways (on any grid); None finds them.
    """
    turned = sitk.DICOMOrient(ct, "LPS")
    hu = sitk.GetArrayFromImage(turned)
    width, depth, height = turned.GetSpacing()
    spacing = (float(height), float(depth), float(width))
    if lungs is None:
        from mambamed.emphysema.lungs.segment import segment_lungs

        return hu, segment_lungs(hu, spacing).sides > 0, spacing
    mask = sitk.GetArrayFromImage(resample_like(sitk.DICOMOrient(lungs, "LPS"), turned, labels=True)) > 0
    return hu, mask, spacing


def prepare_cases(
    cases: list[Case], configuration: SeverityConfiguration, cache: Path, reporter: Reporter | None = None
) -> list[PreparedCase]:
    """Read and resample every case, once: what is in the cache already is taken from there.

    Args:
        cases: From ``read_cases``.
        configuration: Grid and window of the network.
        cache: Folder of this configuration's prepared cases.
        reporter: Hears progress and may cancel.
    """
    reporter = reporter or NullReporter()
    cache.mkdir(parents=True, exist_ok=True)
    prepared = []
    for number, case in enumerate(cases):
        reporter.check_cancelled()
        reporter.progress("preparing the scans", number / len(cases))
        file = cache / f"{_fingerprint(case, configuration)}.npz"
        if not file.is_file():
            lungs = read_image(case.lungs) if case.lungs is not None else None
            hu, mask, spacing = volume_arrays(read_image(case.ct), lungs)
            found = prepare_lungs(hu, mask, spacing, configuration)
            partial = file.with_name(f"{file.stem}.partial.npz")
            np.savez(
                partial,
                values=found.values.astype(np.float16),
                mask=np.packbits(found.mask),
                numbers=np.array([*found.first, *found.step, found.spacing_mm]),
                ct_shape=np.array(found.ct_shape),
            )
            partial.replace(file)
        prepared.append(PreparedCase(case, _read_prepared(file, configuration)))
    return prepared


def _fingerprint(case: Case, configuration: SeverityConfiguration) -> str:
    """Name the prepared scan by its files, their state and what the network sees."""
    files = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in (case.ct, case.lungs) if file]
    seen = (configuration.spacing_mm, configuration.size, configuration.window_hu)
    return hashlib.sha256(json.dumps([files, seen]).encode()).hexdigest()[:32]


def _read_prepared(file: Path, configuration: SeverityConfiguration) -> PreparedLungs:
    with np.load(file, allow_pickle=False) as content:
        numbers = [float(value) for value in content["numbers"]]
        count = int(np.prod(configuration.size))
        return PreparedLungs(
            values=content["values"],
            mask=np.unpackbits(content["mask"], count=count).reshape(configuration.size).astype(bool),
            first=(numbers[0], numbers[1], numbers[2]),
            step=(numbers[3], numbers[4], numbers[5]),
            spacing_mm=numbers[6],
            ct_shape=tuple(int(value) for value in content["ct_shape"]),  # type: ignore[arg-type]
        )


def split_patients(cases: list[Case], shares: tuple[float, ...], seed: int) -> list[np.ndarray]:
    """Divide cases into parts so that no patient is in two, each class (of a patient's worst scan) divided evenly.

    Args:
        cases: All cases.
        shares: Of the parts, for example (0.7, 0.15, 0.15), or (0.2,) * 5 for folds.
        seed: Of the shuffle.

    Returns:
        Indices of cases per part, sorted.
    """
    worst: dict[str, int] = {}
    for case in cases:
        worst[case.patient] = max(worst.get(case.patient, 0), case.target)
    random = np.random.default_rng(seed)
    part_of: dict[str, int] = {}
    limits = np.cumsum(shares) / np.sum(shares)
    for target in sorted(set(worst.values())):
        patients = [
            str(name) for name in random.permutation(sorted(p for p, value in worst.items() if value == target))
        ]
        offset = random.random()
        for index, patient in enumerate(patients):
            part_of[patient] = min(int(np.searchsorted(limits, (index + offset) / len(patients))), len(shares) - 1)
    return [
        np.array([index for index, case in enumerate(cases) if part_of[case.patient] == part], dtype=int)
        for part in range(len(shares))
    ]
