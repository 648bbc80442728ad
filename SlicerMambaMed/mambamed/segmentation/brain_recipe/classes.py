"""The anatomical classes that the synthetic brain is painted with, and the tissues that the model has to name."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["TISSUE_NAMES", "TISSUE_OF_CLASS", "AnatomyClass", "Tissue"]


class Tissue(IntEnum):
    """Labels of the model's output."""

    BACKGROUND = 0
    GREY_MATTER = 1
    WHITE_MATTER = 2
    CSF = 3


TISSUE_NAMES = {
    "background": int(Tissue.BACKGROUND),
    "grey matter": int(Tissue.GREY_MATTER),
    "white matter": int(Tissue.WHITE_MATTER),
    "cerebrospinal fluid": int(Tissue.CSF),
}


class AnatomyClass(IntEnum):
    """Parts of the synthetic head; each part gets its own intensity in every painted contrast."""

    AIR = 0
    CORTEX = 1
    DEEP_GREY = 2
    CEREBELLAR_GREY = 3
    CEREBRAL_WHITE = 4
    BRAIN_STEM = 5
    VENTRICLES = 6
    SULCAL_CSF = 7
    SUBARACHNOID_CSF = 8
    DURA = 9
    COMPACT_BONE = 10
    MARROW = 11
    FAT = 12
    MUSCLE = 13
    SPINAL_CORD = 14
    SPINAL_CSF = 15
    FACE_A = 16
    FACE_B = 17
    FACE_C = 18
    FACE_AIR = 19


TISSUE_OF_CLASS = np.zeros(len(AnatomyClass), dtype=np.uint8)
TISSUE_OF_CLASS[[AnatomyClass.CORTEX, AnatomyClass.DEEP_GREY, AnatomyClass.CEREBELLAR_GREY]] = Tissue.GREY_MATTER
TISSUE_OF_CLASS[[AnatomyClass.CEREBRAL_WHITE, AnatomyClass.BRAIN_STEM]] = Tissue.WHITE_MATTER
TISSUE_OF_CLASS[[AnatomyClass.VENTRICLES, AnatomyClass.SULCAL_CSF, AnatomyClass.SUBARACHNOID_CSF]] = Tissue.CSF
