"""Write chest CT phantoms as a raw nnU-Net data set with the labels left lung, right lung, airways."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_fill_holes
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import gaussian_filter

from mambamed.emphysema.phantom import ChestPhantomSettings
from mambamed.emphysema.phantom import draw_case
from mambamed.emphysema.phantom import make_chest_phantom
from mambamed.jobs.reporter import Reporter
from mambamed.models.lung_labels import LUNG_LABELS

__all__ = ["SPACING_MM", "draw_phantom", "write_dataset"]

SPACING_MM = 4.0
_SIZES = ((96, 72, 96), (112, 96, 88))
"""Voxels along x, y, z: a field of view that the thorax fills, and one with much air around it."""
_FINE_SHARE = 0.5
_ENHANCED_SHARE = 0.4
_TABLE_SHARE = 0.8
_ROUND_FIELD_SHARE = 0.2
_CLOTHES_SHARE = 0.5
_TISSUE_ABOVE_HU = -500


def draw_phantom(seed: int, number: int) -> tuple[sitk.Image, sitk.Image]:
    """Return CT (HU) and labels of phantom ``number``, 4 mm voxels, LPS axes; depends on ``seed`` and ``number`` alone.

    Half of the phantoms are made with finer voxels, of which every second one is kept in the slice: scans that are
    brought to 4 mm look like this, sharper and noisier than true 4 mm voxels. Emphysema, kernel, dose, contrast agent,
    table, clothes, gas in the stomach and the field of view are drawn.
    """
    random = np.random.default_rng([seed, number])
    size = _SIZES[int(random.integers(len(_SIZES)))]
    base = ChestPhantomSettings(
        size=size,
        spacing_mm=(SPACING_MM,) * 3,
        contrast_agent=bool(random.random() < _ENHANCED_SHARE),
        table=bool(random.random() < _TABLE_SHARE),
        outside_value=-1024.0 if random.random() < _ROUND_FIELD_SHARE else None,
    )
    fine = random.random() < _FINE_SHARE
    if fine:
        base = replace(base, size=(2 * size[0], 2 * size[1], size[2]), spacing_mm=(2.0, 2.0, SPACING_MM))
    phantom = make_chest_phantom(draw_case(int(random.integers(2**31)), base=base))
    step = 2 if fine else 1
    ct, labels = phantom.ct[::step, ::step, :], phantom.labels[::step, ::step, :]
    return (_clothed(ct, random) if random.random() < _CLOTHES_SHARE else ct), labels


def _clothed(ct: sitk.Image, random: np.random.Generator) -> sitk.Image:
    """Return the CT with a thin layer of cloth over the body, closer in some places than in others."""
    hu = sitk.GetArrayFromImage(ct)
    distance_mm = distance_transform_edt(hu < _TISSUE_ABOVE_HU, sampling=ct.GetSpacing()[::-1])
    waves = gaussian_filter(random.normal(size=hu.shape).astype(np.float32), 5.0)
    gap_mm = random.uniform(6.0, 20.0) + 8.0 * waves / (waves.std() + 1e-6)
    front = np.arange(hu.shape[1])[None, :, None] < random.uniform(0.5, 0.8) * hu.shape[1]
    cloth = (np.abs(distance_mm - gap_mm) < 2.5) & front & (distance_mm > 0) & (hu > -1024)
    outside = ~_filled(hu > _TISSUE_ABOVE_HU)
    hu[cloth & outside] = random.uniform(-900.0, -550.0)
    clothed = sitk.GetImageFromArray(hu)
    clothed.CopyInformation(ct)
    return clothed


def _filled(tissue: np.ndarray) -> np.ndarray:
    """Fill the holes of each transversal slice: the lungs belong to the body."""
    return np.stack([binary_fill_holes(part) for part in tissue])


def _write_case(folder: str, number: int, seed: int) -> None:
    ct, labels = draw_phantom(seed, number)
    sitk.WriteImage(ct, f"{folder}/imagesTr/chest_{number:03d}_0000.nii.gz", useCompression=True, compressionLevel=1)
    sitk.WriteImage(labels, f"{folder}/labelsTr/chest_{number:03d}.nii.gz", useCompression=True, compressionLevel=1)


def write_dataset(folder: Path, cases: int, seed: int, reporter: Reporter, processes: int = 2) -> None:
    """Write ``cases`` phantoms and ``dataset.json`` into ``folder``."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(_write_case, str(folder), number, seed) for number in range(cases)]
        try:
            for finished, task in enumerate(tasks, start=1):
                task.result()
                reporter.check_cancelled()
                reporter.progress(f"chest phantom {finished} of {cases}", finished / cases)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **{label.name: label.value for label in LUNG_LABELS}},
        "numTraining": cases,
        "file_ending": ".nii.gz",
        "orientation": "LPS",
        "description": "Chest CT phantoms with and without emphysema",
    }
    (folder / "dataset.json").write_text(json.dumps(description, indent=2), encoding="utf-8")
