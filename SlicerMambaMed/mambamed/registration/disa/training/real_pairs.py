"""Pairs of real images on which trained descriptors are judged; none of them is used for training."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ICBM_T1", "REAL_PAIRS", "RealPair", "icbm_t1_file"]

ICBM_T1 = "icbm152-t1"
"""Stands for the template in the package nilearn."""


@dataclass(frozen=True)
class RealPair:
    """Two images, of one person or of two: the descriptors are compared with LC2, not with a registration.

    Attributes:
        name: in tables.
        modalities: in tables.
        first: file, relative to the data folder.
        second: file, relative to the data folder.
        spacing_mm: working spacing of each.
    """

    name: str
    modalities: str
    first: str
    second: str
    spacing_mm: tuple[float, float] = (2.0, 2.0)

    def resolve(self, data: Path, name: str) -> Path:
        """Where one of the images lies."""
        return icbm_t1_file() if name == ICBM_T1 else data / name


def icbm_t1_file() -> Path:
    """The skull-stripped T1 template that nilearn carries; a path that does not exist if nilearn is not installed."""
    found = importlib.util.find_spec("nilearn")
    home = Path(found.origin).parent if found is not None and found.origin else Path("nilearn")
    return home / "datasets" / "data" / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"


_PROSTATE = "us_mr/deepreg_prostate"

REAL_PAIRS = (
    RealPair("head template", "MR-CT", ICBM_T1, "mr_ct/clinicaltbx/scct.nii.gz"),
    RealPair("head, two persons", "MR-CT", "mr_ct/seg3d/MR.nii.gz", "mr_ct/clinicaltbx/scct.nii.gz"),
    RealPair(
        "torso, two persons",
        "MR-CT",
        "abdomen/totalsegmentator/example_mr_sm.nii.gz",
        "abdomen/totalsegmentator/example_ct_sm.nii.gz",
    ),
    RealPair("head", "T1-T2", "brain_mr/volunteer_T1_memprage.nii.gz", "brain_mr/volunteer_T2_fse_half.nii.gz"),
    RealPair("brain", "T1-FLAIR", "brain_mr/nichart/Subj1_T1.nii.gz", "brain_mr/nichart/Subj1_FL.nii.gz"),
    RealPair(
        "prostate",
        "MR-US",
        f"{_PROSTATE}/moving_images/case000000.nii.gz",
        f"{_PROSTATE}/fixed_images/case000000.nii.gz",
        (0.8, 0.8),
    ),
    RealPair(
        "spine phantom and torso",
        "US-CT",
        "us_mr/SpinePhantomFreehandReconstructed.mha",
        "abdomen/totalsegmentator/example_ct_sm.nii.gz",
        (1.0, 2.0),
    ),
)
