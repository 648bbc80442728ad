"""The pairs of images that capture ranges are measured on, made from the files of a data folder and nilearn."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from mambamed.imaging import read_image
from mambamed.imaging import reorient
from mambamed.registration.disa.training.real_pairs import icbm_t1_file
from mambamed.registration.evidence.cases import CaptureCase
from mambamed.registration.evidence.cases import point_grid
from mambamed.registration.evidence.cases import rigid_transform
from mambamed.registration.evidence.cases import transformed_image
from mambamed.registration.evidence.simulated_ultrasound import simulate_ultrasound

__all__ = ["CASES", "build_case"]


def build_case(name: str, data: Path) -> CaptureCase:
    """Make one of ``CASES`` from the files below ``data``."""
    return CASES[name](data)


def _head_mr_ct(data: Path) -> CaptureCase:
    """Template T1 (skull-stripped) and template CT (whole head) of one space, the CT turned; the brain counts."""
    mr, ct = _templates(data)
    centre = [0.0, 15.0, 10.0]
    truth = rigid_transform([9.0, -6.0, 11.0], [8.0, -12.0, 6.0], centre)
    brain = sitk.BinaryDilate(sitk.Cast(mr > 0, sitk.sitkUInt8), [3, 3, 3])
    return CaptureCase(
        name="head-mr-ct",
        title="Head, template MR - template CT, masks of the brain",
        fixed=mr,
        moving=transformed_image(ct, truth, 2.0),
        truth=truth,
        points_mm=point_grid(centre, 40.0),
        exact=False,
        fixed_mask=brain,
        moving_mask=transformed_image(_on(brain, ct), truth, 2.0, nearest=True),
        near=(40.0, 100.0),
        with_lc2=True,
    )


def _head_mr_ct_unmasked(data: Path) -> CaptureCase:
    """The same without masks: fields of view differ by skull, scalp and face."""
    whole = _head_mr_ct(data)
    return CaptureCase(
        name="head-mr-ct-unmasked",
        title="Head, template MR (skull-stripped) - template CT (whole head), no masks",
        fixed=whole.fixed,
        moving=whole.moving,
        truth=whole.truth,
        points_mm=whole.points_mm,
        exact=False,
        near=(40.0, 100.0),
    )


def _crops_mr_ct(data: Path) -> CaptureCase:
    """Crops of both templates: 90 mm of the MR inside 130 mm of the CT."""
    mr, ct = _templates(data)
    centre = np.array([12.0, 0.0, 18.0])
    truth = rigid_transform([-8.0, 7.0, 10.0], [6.0, 9.0, -7.0], centre)
    turned = transformed_image(ct, truth, 2.0)
    return CaptureCase(
        name="crops-mr-ct",
        title="Crops, template MR (90 mm) - template CT (130 mm)",
        fixed=_crop(mr, centre, 45.0),
        moving=_crop(turned, np.array(truth.TransformPoint(centre.tolist())), 65.0),
        truth=truth,
        points_mm=point_grid(centre, 25.0),
        exact=False,
    )


def _head_t1_t2(data: Path) -> CaptureCase:
    """T1 and T2 of one volunteer in one session; the T2 turned."""
    t1 = read_image(data / "brain_mr/volunteer_T1_memprage.nii.gz")
    t2 = read_image(data / "brain_mr/volunteer_T2_fse_half.nii.gz")
    centre = _middle(t2)
    truth = rigid_transform([7.0, 10.0, -8.0], [-9.0, 5.0, 10.0], centre)
    return CaptureCase(
        name="head-t1-t2",
        title="Head, T1 - T2 of one person, known transform applied",
        fixed=t1,
        moving=transformed_image(t2, truth, 1.5),
        truth=truth,
        points_mm=point_grid(centre, 40.0),
        exact=True,
        near=(40.0, 100.0),
    )


def _brain_t1_flair(data: Path) -> CaptureCase:
    """T1 and FLAIR of one subject at 2 mm; the FLAIR turned."""
    t1 = read_image(data / "brain_mr/nichart/Subj1_T1.nii.gz")
    flair = read_image(data / "brain_mr/nichart/Subj1_FL.nii.gz")
    centre = _middle(flair)
    truth = rigid_transform([-10.0, 6.0, 7.0], [8.0, -6.0, 9.0], centre)
    return CaptureCase(
        name="head-t1-flair",
        title="Head, T1 - FLAIR of one person, known transform applied",
        fixed=t1,
        moving=transformed_image(flair, truth, 2.0),
        truth=truth,
        points_mm=point_grid(centre, 40.0),
        exact=True,
        near=(40.0, 100.0),
    )


def _ultrasound_mr(data: Path) -> CaptureCase:
    """Ultrasound simulated from a real T1 volume, and that volume turned."""
    mr = reorient(read_image(data / "mr_ct/seg3d/MR.nii.gz"), "LPS")
    brain = read_image(data / "mr_ct/seg3d/Brain.nii.gz")
    inside = np.argwhere(sitk.GetArrayViewFromImage(brain) > 0)
    centre = np.array(brain.TransformContinuousIndexToPhysicalPoint(inside.mean(axis=0)[::-1].tolist()))
    # The probe lies on the right side of the brain and looks across it.
    beam = np.array([0.97, 0.1, -0.22])
    ultrasound, fan = simulate_ultrasound(mr, centre - 55.0 * beam, beam, 85.0)
    truth = rigid_transform([8.0, 9.0, -7.0], [7.0, -8.0, 9.0], centre)
    return CaptureCase(
        name="us-mr",
        title="Simulated ultrasound - MR of one person, exact truth",
        fixed=ultrasound,
        moving=transformed_image(mr, truth, 1.5),
        truth=truth,
        points_mm=point_grid(centre, 25.0),
        exact=True,
        fixed_mask=fan,
        with_lc2=True,
    )


CASES: Mapping[str, Callable[[Path], CaptureCase]] = {
    "head-mr-ct": _head_mr_ct,
    "head-mr-ct-unmasked": _head_mr_ct_unmasked,
    "crops-mr-ct": _crops_mr_ct,
    "head-t1-t2": _head_t1_t2,
    "head-t1-flair": _brain_t1_flair,
    "us-mr": _ultrasound_mr,
}


def _templates(data: Path) -> tuple[sitk.Image, sitk.Image]:
    mr = reorient(read_image(icbm_t1_file()), "LPS")
    ct = reorient(read_image(data / "mr_ct/clinicaltbx/scct.nii.gz"), "LPS")
    return mr, ct


def _on(mask: sitk.Image, grid: sitk.Image) -> sitk.Image:
    return sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)


def _middle(image: sitk.Image) -> NDArray[np.float64]:
    middle = [(count - 1) / 2 for count in image.GetSize()]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(middle))


def _crop(image: sitk.Image, centre_mm: NDArray[np.float64], reach_mm: float) -> sitk.Image:
    """The part of an axis-parallel LPS image within ``reach_mm`` of a point along each axis."""
    index = np.array(image.TransformPhysicalPointToContinuousIndex(centre_mm.tolist()))
    reach = reach_mm / np.asarray(image.GetSpacing())
    low = np.clip(np.round(index - reach), 0, None).astype(int)
    high = np.minimum(np.round(index + reach).astype(int), image.GetSize())
    return sitk.RegionOfInterest(image, (high - low).tolist(), low.tolist())
