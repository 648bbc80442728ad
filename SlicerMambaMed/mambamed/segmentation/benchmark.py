"""Measures segmentation against nnunetv2: ``python -m mambamed.segmentation.benchmark [--quick] [--json FILE]``.

All figures come from one run: the same weights, the same real volume (ICBM152 T1 from nilearn), two threads, each
prediction in a process of its own so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.segmentation.benchmark_models import LABELS
from mambamed.segmentation.benchmark_models import write_random_model
from mambamed.segmentation.benchmark_table import format_segmentation_benchmark
from mambamed.segmentation.benchmark_table import segmentation_notes
from mambamed.segmentation.benchmark_table import segmentation_tables
from mambamed.segmentation.settings import DEFAULT_MODEL

__all__ = ["format_segmentation_benchmark", "run", "run_segmentation_benchmark"]

THREADS = 2
_STRIDES = ((1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2))
_PATCH_SIZE = (40, 224, 192)
_SPACING_MM = (2.0, 1.0, 1.0)


@dataclass(frozen=True)
class _Case:
    """A model to measure: its name in the table, its folder or identifier, whether to run nnunetv2's defaults too."""

    name: str
    model: str
    with_defaults: bool


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """The part of ``mambamed bench``: ``title``, ``tables``, ``notes`` and ``data``.

    Args:
        say: Tells the user what is being measured.
    """
    result = run_segmentation_benchmark(say=say)
    return {
        "title": "Segmentation",
        "tables": segmentation_tables(result),
        "notes": segmentation_notes(result),
        "data": result,
    }


def run_segmentation_benchmark(
    quick: bool = False,
    say: Callable[[str], None] = lambda _: None,
    only: str | None = None,
    with_defaults: bool = True,
) -> dict[str, Any]:
    """Measure time, memory and agreement with nnunetv2's predictor.

    Args:
        quick: A small window and no mirrored run; the table says so.
        say: Tells the user what is being measured.
        only: Measure only models whose name contains this text.
        with_defaults: Whether to run nnunetv2 with its defaults (mirroring) too, which takes eight times as long.

    Returns:
        Machine, image and one entry per model; can be written as JSON.

    Raises:
        BadRequestError: nilearn, which brings the volume, is not installed.
    """
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory(prefix="mambamed-benchmark-") as name:
        folder = Path(name)
        image_file, labels = _volume(folder)
        cases = _cases(folder, image_file, labels, quick, say, only)
        entries = [_measure_case(case, image_file, folder, say, with_defaults) for case in cases]
        size = sitk.ReadImage(str(image_file)).GetSize()
    return {
        "quick": quick,
        "machine": {**_machine(), "load_average_before": busy},
        "image": {"name": "ICBM152 2009a T1 (nilearn)", "size": list(size), "spacing_mm": [1.0, 1.0, 1.0]},
        "models": entries,
    }


def _volume(folder: Path) -> tuple[Path, sitk.Image]:
    """Copy the T1 out of nilearn, and make labels of its tissue maps."""
    try:
        import nilearn.datasets
    except ImportError as error:
        raise BadRequestError("The benchmark needs the volume that ships in nilearn: pip install nilearn.") from error
    home = Path(nilearn.datasets.__file__).parent / "data"
    t1, grey, white = (
        sitk.ReadImage(str(home / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz"))
        for name in ("t1", "gm", "wm")
    )
    path = folder / "t1.nii.gz"
    sitk.WriteImage(sitk.Cast(t1, sitk.sitkFloat32), str(path))
    inside = sitk.GetArrayFromImage(t1) > 0
    values = np.where(inside, 3, 0).astype(np.uint8)
    values[sitk.GetArrayFromImage(grey) > 127] = 1
    values[sitk.GetArrayFromImage(white) > 127] = 2
    labels = sitk.GetImageFromArray(values)
    labels.CopyInformation(t1)
    return path, labels


def _cases(
    folder: Path, image_file: Path, labels: sitk.Image, quick: bool, say: Callable[[str], None], only: str | None
) -> list[_Case]:
    from mambamed.models.catalogue import find_model

    patch = (24, 96, 96) if quick else _PATCH_SIZE
    cases = []
    image = sitk.ReadImage(str(image_file))
    shown = "x".join(map(str, patch))
    for title, trainer in (("U-Net", "nnUNetTrainer"), ("U-Mamba Bot", "nnUNetTrainerUMambaBot")):
        name = f"{title}, 32-320 features, window {shown}"
        if only is not None and only not in name:
            continue
        say(f"Making a {title} of 32 to 320 features for windows of {shown}")
        model = write_random_model(folder, trainer, patch, _SPACING_MM, _STRIDES, image, labels)
        cases.append(_Case(name, str(model), not quick and title == "U-Net"))
    try:
        find_model(DEFAULT_MODEL)
    except BadRequestError:
        say(f"The bundled model {DEFAULT_MODEL} is not there; it is left out")
    else:
        if only is None or only in f"bundled {DEFAULT_MODEL}":
            cases.append(_Case(f"bundled {DEFAULT_MODEL}", DEFAULT_MODEL, not quick))
    return cases


def _measure_case(
    case: _Case, image_file: Path, folder: Path, say: Callable[[str], None], with_defaults: bool
) -> dict[str, Any]:
    runs: dict[str, dict[str, Any]] = {}
    results: dict[str, np.ndarray] = {}
    plans = [
        ("mambamed", ["mambamed"]),
        ("mambamed float32", ["mambamed", "--precision", "float32"]),
        ("nnunetv2 without mirroring", ["nnunet"]),
    ]
    if case.with_defaults and with_defaults:
        plans.append(("nnunetv2 with its defaults", ["nnunet", "--mirroring"]))
    for name, arguments in plans:
        say(f"{case.name}: {name}")
        output = folder / "result.npy"
        runs[name] = _predict(case.model, image_file, output, arguments)
        results[name] = np.load(output)
    like = results["nnunetv2 without mirroring"]
    entry: dict[str, Any] = {"name": case.name, "runs": runs, "agreement": {}}
    for name, other in results.items():
        if name != "nnunetv2 without mirroring":
            entry["agreement"][name] = {
                "equal_voxels": float(np.mean(other == like)),
                "dice": {str(value): _dice(other == value, like == value) for value in np.unique(like) if value != 0},
            }
    return entry


def _predict(model: str, image_file: Path, output: Path, arguments: list[str]) -> dict[str, Any]:
    """Run one prediction in its own process and return what it measured."""
    command = [sys.executable, "-m", "mambamed.segmentation.benchmark_worker", *arguments]
    command += ["--model", model, "--image", str(image_file), "--output", str(output), "--threads", str(THREADS)]
    source = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"A measured prediction ended with code {done.returncode}: {last}")
    measured: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def _dice(first: np.ndarray, second: np.ndarray) -> float:
    total = int(first.sum()) + int(second.sum())
    return 1.0 if total == 0 else 2.0 * int(np.sum(first & second)) / total


def _machine() -> dict[str, Any]:
    from mambamed.jobs.record import package_versions
    from mambamed.nn.device import describe_devices

    return {
        "processor": describe_devices()[-1].title.rsplit(",", 1)[0],
        "cores": os.cpu_count(),
        "threads": THREADS,
        "system": platform.system(),
        "versions": package_versions(),
        "labels": {str(value): name for name, value in LABELS.items()},
    }


def main() -> None:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="small windows, no mirrored run")
    parser.add_argument("--only", help="measure only models whose name contains this")
    parser.add_argument("--no-defaults", action="store_true", help="leave out nnunetv2's mirrored run")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    arguments = parser.parse_args()
    result = run_segmentation_benchmark(
        arguments.quick,
        lambda text: print(text, file=sys.stderr, flush=True),
        arguments.only,
        not arguments.no_defaults,
    )
    text = format_segmentation_benchmark(result)
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if arguments.markdown:
        command = " ".join(["python -m mambamed.segmentation.benchmark", *sys.argv[1:]])
        arguments.markdown.write_text(f"# Segmentation\n\n`{command}`\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
