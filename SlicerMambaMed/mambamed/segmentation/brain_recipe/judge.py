"""Measure a brain tissue model on real scans that it never saw.

Run it as ``python -m mambamed.segmentation.brain_recipe.judge --data DIR --output FILE`` where ``DIR`` holds
``nichart/SubjN_{T1,FL,T1_DLMUSE}.nii.gz`` and optionally ``volunteer_T1_memprage.nii.gz`` with
``volunteer_T2_fse_half.nii.gz``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.cluster.vq import kmeans2

from mambamed.errors import BadRequestError
from mambamed.segmentation.brain_recipe.classes import Tissue
from mambamed.segmentation.brain_recipe.motion import rigid_motion
from mambamed.segmentation.brain_recipe.template import template_file
from mambamed.segmentation.evaluation.masks import dice

__all__ = ["dice", "intensity_clusters", "judge_model", "score", "tissues_of_dlmuse"]

_GREY = (23, 30, 31, 32, 36, 37, 38, 39, 47, 48, *range(55, 61), 71, 72, 73, 75, 76, *range(100, 208))
_WHITE = (35, 40, 41, 44, 45, 61, 62, 69, *range(81, 96))
_VENTRICLES = (4, 11, 49, 50, 51, 52)
_OTHER_FLUID = (1, 46)
"""DLMUSE's own list starts at 4; its label 1 lies around the brain with the intensity of fluid in all five subjects."""

_NEAR_VENTRICLES_MM = 4.0
_DARK_TO_BRIGHT = {
    "T1": (Tissue.CSF, Tissue.GREY_MATTER, Tissue.WHITE_MATTER),
    "FLAIR": (Tissue.CSF, Tissue.WHITE_MATTER, Tissue.GREY_MATTER),
    "T2": (Tissue.WHITE_MATTER, Tissue.GREY_MATTER, Tissue.CSF),
}


def tissues_of_dlmuse(regions: np.ndarray) -> np.ndarray:
    """Return ``Tissue`` values for DLMUSE region numbers (MUSE dictionary: 4 third ventricle ... 207)."""
    tissues = np.zeros(regions.shape, np.uint8)
    tissues[np.isin(regions, _GREY)] = Tissue.GREY_MATTER
    tissues[np.isin(regions, _WHITE)] = Tissue.WHITE_MATTER
    tissues[np.isin(regions, _VENTRICLES + _OTHER_FLUID)] = Tissue.CSF
    return tissues


def score(tissues: np.ndarray, regions: np.ndarray, spacing_zyx_mm: tuple[float, float, float]) -> dict[str, float]:
    """Return Dice overlaps of predicted tissues with DLMUSE regions, arrays (z, y, x) on one grid.

    ``ventricles`` compares predicted fluid within 4 mm of the reference ventricles, outside DLMUSE's other fluid.
    """
    truth = tissues_of_dlmuse(regions)
    ventricles = np.isin(regions, _VENTRICLES)
    away_mm = ndimage.distance_transform_edt(~ventricles, sampling=spacing_zyx_mm)
    near = (away_mm <= _NEAR_VENTRICLES_MM) & ~np.isin(regions, _OTHER_FLUID)
    return {
        "grey matter": dice(tissues == Tissue.GREY_MATTER, truth == Tissue.GREY_MATTER),
        "white matter": dice(tissues == Tissue.WHITE_MATTER, truth == Tissue.WHITE_MATTER),
        "ventricles": dice((tissues == Tissue.CSF) & near, ventricles),
        "all fluid": dice(tissues == Tissue.CSF, truth == Tissue.CSF),
        "grey and white matter": dice(
            np.isin(tissues, (Tissue.GREY_MATTER, Tissue.WHITE_MATTER)),
            np.isin(truth, (Tissue.GREY_MATTER, Tissue.WHITE_MATTER)),
        ),
        "brain mask": dice(tissues > 0, regions > 0),
    }


def intensity_clusters(image: np.ndarray, mask: np.ndarray, contrast: str) -> np.ndarray:
    """Return the baseline: three intensity clusters (k-means) inside ``mask``, named in the order of the contrast.

    Args:
        image: (z, y, x) intensities.
        mask: (z, y, x) bool.
        contrast: ``T1``, ``T2`` or ``FLAIR``: which tissue is dark and which bright.
    """
    values = image[mask].astype(np.float64)
    start = np.percentile(values, [10, 50, 90])
    centres, nearest = kmeans2(values, start, minit="matrix")
    names = np.empty(3, np.uint8)
    names[np.argsort(centres)] = [int(tissue) for tissue in _DARK_TO_BRIGHT[contrast]]
    tissues = np.zeros(image.shape, np.uint8)
    tissues[mask] = names[nearest]
    return tissues


def judge_model(model: Any, data: Path) -> dict[str, Any]:
    """Segment every scan in ``data`` and return one entry per scan, with scores where there is a reference.

    Args:
        model: From ``mambamed.segmentation.load_model``.
        data: Folder as in the module's description.

    Raises:
        BadRequestError: There is no scan in the folder.
    """
    scans: dict[str, Any] = {}
    for reference_path in sorted((data / "nichart").glob("Subj*_T1_DLMUSE.nii.gz")):
        reference = sitk.ReadImage(str(reference_path))
        subject = reference_path.name.split("_")[0]
        for contrast, name in (("T1", "T1"), ("FLAIR", "FL")):
            path = reference_path.with_name(f"{subject}_{name}.nii.gz")
            if path.is_file():
                scans[f"{subject} {contrast}"] = _judge_scan(model, path, contrast, reference, _motion_of(path))
    scans.update(_judge_pair(model, data))
    if not scans:
        raise BadRequestError(f"The folder {data} holds no scan to judge; expected nichart/Subj1_T1.nii.gz and so on.")
    scans["ICBM152 T1"] = _judge_template(model)
    return scans


def _motion_of(path: Path) -> sitk.Transform:
    """Rigid motion of the head from the T1 scan, on which the reference was drawn, to this scan of the same session.

    Two of the five subjects moved by about 12 mm between the scans, so that their FLAIR and the reference do not lie on
    each other in scanner space. Without a T1 scan the head is taken as unmoved.
    """
    t1_path = path.with_name(path.name.replace("_FL.", "_T1."))
    if t1_path == path or not t1_path.is_file():
        return sitk.Transform(3, sitk.sitkIdentity)
    return rigid_motion(*(sitk.ReadImage(str(file), sitk.sitkFloat32) for file in (t1_path, path)))


def _judge_scan(model: Any, path: Path, contrast: str, reference: sitk.Image, motion: sitk.Transform) -> dict[str, Any]:
    """Score the model and the baseline on the reference's grid; ``motion`` maps points of the reference to the scan."""
    image = sitk.ReadImage(str(path))
    labels, seconds = _segment(model, image)
    on_reference = _array_on(labels, reference, sitk.sitkNearestNeighbor, motion)
    intensities = _array_on(image, reference, sitk.sitkLinear, motion)
    regions = sitk.GetArrayFromImage(reference)
    z_to_x = reference.GetSpacing()[::-1]
    if contrast != "T1":  # the reference's grid reaches beyond this scan
        seen = _array_on(_ones_like(image), reference, sitk.sitkNearestNeighbor, motion) > 0
        regions = np.where(seen, regions, 0)
    clusters = intensity_clusters(intensities, on_reference > 0, contrast)
    return {
        "contrast": contrast,
        "seconds": seconds,
        "volumes_ml": _volumes_ml(labels),
        "motion_from_t1_mm": _displacement_mm(motion, reference),
        "dice": score(on_reference, regions, z_to_x),
        "dice_of_intensity_clusters": score(clusters, regions, z_to_x),
    }


def _judge_pair(model: Any, data: Path) -> dict[str, Any]:
    """The volunteer: no reference, but two contrasts of one brain that should be segmented alike."""
    paths = [data / "volunteer_T1_memprage.nii.gz", data / "volunteer_T2_fse_half.nii.gz"]
    if not all(path.is_file() for path in paths):
        return {}
    images = [sitk.ReadImage(str(path)) for path in paths]
    (first, first_seconds), (second, second_seconds) = (_segment(model, image) for image in images)
    on_second = _array_on(first, second, sitk.sitkNearestNeighbor)
    tissues = sitk.GetArrayFromImage(second)
    agreement = {name: dice(on_second == value, tissues == value) for name, value in _tissue_values().items()}
    agreement["brain mask"] = dice(on_second > 0, tissues > 0)
    return {
        "volunteer T1": {"contrast": "T1", "seconds": first_seconds, "volumes_ml": _volumes_ml(first)},
        "volunteer T2": {
            "contrast": "T2",
            "seconds": second_seconds,
            "volumes_ml": _volumes_ml(second),
            "agreement_with_volunteer_T1": agreement,
        },
    }


def _judge_template(model: Any) -> dict[str, Any]:
    """The template itself: the anatomy that was learned from, in a contrast that was never shown."""
    image = sitk.ReadImage(str(template_file("t1")))
    labels, seconds = _segment(model, image)
    grey, white = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(template_file(kind)))).astype(np.float32) / 255.0
        for kind in ("gm", "wm")
    )
    brain = sitk.GetArrayFromImage(image) > 0
    shares = np.stack([~brain, grey * brain, white * brain, np.clip(brain - grey - white, 0.0, 1.0)])
    truth = shares.argmax(0)
    tissues = sitk.GetArrayFromImage(labels)
    overlap = {name: dice(tissues == value, truth == value) for name, value in _tissue_values().items()}
    overlap["brain mask"] = dice(tissues > 0, brain)
    return {"contrast": "T1", "seconds": seconds, "volumes_ml": _volumes_ml(labels), "dice": overlap}


def _segment(model: Any, image: sitk.Image) -> tuple[sitk.Image, float]:
    started = time.perf_counter()
    result = model.predict(image)
    return result.labelmap, round(time.perf_counter() - started, 1)


def _tissue_values() -> dict[str, int]:
    return {
        "grey matter": int(Tissue.GREY_MATTER),
        "white matter": int(Tissue.WHITE_MATTER),
        "fluid": int(Tissue.CSF),
    }


def _array_on(
    image: sitk.Image, reference: sitk.Image, interpolator: int, motion: sitk.Transform | None = None
) -> np.ndarray:
    """Resample through physical space, and ``motion`` (reference to image), to the reference's grid; (z, y, x)."""
    transform = motion or sitk.Transform(3, sitk.sitkIdentity)
    return sitk.GetArrayFromImage(sitk.Resample(image, reference, transform, interpolator, 0.0))


def _displacement_mm(motion: sitk.Transform, reference: sitk.Image) -> float:
    """Return how far the middle of the reference moves."""
    middle = reference.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2.0 for size in reference.GetSize()])
    return round(float(np.linalg.norm(np.subtract(motion.TransformPoint(middle), middle))), 1)


def _ones_like(image: sitk.Image) -> sitk.Image:
    ones = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
    ones.CopyInformation(image)
    return ones


def _volumes_ml(labels: sitk.Image) -> dict[str, float]:
    voxel_ml = float(np.prod(labels.GetSpacing())) / 1000.0
    array = sitk.GetArrayViewFromImage(labels)
    return {name: round(int((array == value).sum()) * voxel_ml, 1) for name, value in _tissue_values().items()}


def summary(scans: dict[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """Return mean and standard deviation of each score over the subjects, by contrast, for model and baseline."""
    means: dict[str, dict[str, dict[str, float]]] = {}
    for kind in ("dice", "dice_of_intensity_clusters"):
        for contrast in ("T1", "FLAIR"):
            entries = [s[kind] for n, s in scans.items() if n.startswith("Subj") and s["contrast"] == contrast]
            for name in entries[0] if entries else ():
                values = [entry[name] for entry in entries]
                means.setdefault(f"{kind} {contrast}", {})[name] = {
                    "mean": float(np.mean(values)),
                    "standard deviation": float(np.std(values)),
                    "cases": len(values),
                }
    return means


def markdown_table(means: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the summary as a table: one row per score, one column per contrast of model and baseline."""
    columns = list(means)
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in next(iter(means.values()), {}):
        cells = [f"{means[c][name]['mean']:.3f} ± {means[c][name]['standard deviation']:.3f}" for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Command line: judge a model and write everything as JSON."""
    parser = argparse.ArgumentParser(description="Measure a brain tissue model on real scans.")
    parser.add_argument("--model", help="model folder (default: the bundled brain-tissue-mr)")
    parser.add_argument("--data", type=Path, required=True, help="folder with nichart/ and the volunteer's scans")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()

    from mambamed.models.catalogue import find_model
    from mambamed.segmentation import load_model

    folder = arguments.model or find_model("brain-tissue-mr").folder
    scans = judge_model(load_model(folder, device="cpu"), arguments.data)
    content = {"scans": scans, "summary": summary(scans)}
    arguments.output.write_text(json.dumps(content, indent=1), encoding="utf-8")
    print(markdown_table(content["summary"]))


if __name__ == "__main__":
    main()
