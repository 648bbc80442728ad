"""DICOM SEG of the masks and DICOM SR (TID 1500) of the measures, for scans that came as DICOM."""

from __future__ import annotations

import io
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import SimpleITK as sitk
from highdicom.seg import Segmentation
from highdicom.seg import SegmentDescription
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from mambamed.emphysema.dicom_codes import AIRWAYS
from mambamed.emphysema.dicom_codes import ANATOMY
from mambamed.emphysema.dicom_codes import CHANGED_TISSUE
from mambamed.emphysema.dicom_codes import EMPHYSEMA
from mambamed.emphysema.dicom_codes import LUNG
from mambamed.emphysema.dicom_codes import lobe_code
from mambamed.emphysema.dicom_report import make_report
from mambamed.emphysema.lungs.thirds import REGION_NAMES
from mambamed.emphysema.result import EmphysemaResult
from mambamed.imaging.writing import replace_atomically
from mambamed.version import __version__

__all__ = ["write_dicom"]

_SERIES_NUMBER = 9500
_AIRWAY_VALUE = 7


def write_dicom(result: EmphysemaResult, files: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Write masks and measures so that a picture archive can store them beside the scan.

    Args:
        result: An analysis of the scan, its images on the scan's own grid.
        files: The scan's DICOM files in the order of its slices.
        folder: Where ``segmentation.dcm``, ``low_attenuation.dcm``, ``lobes.dcm`` (with lobes), ``patterns.dcm`` (with
            patterns) and ``measurements.dcm`` are written.

    Returns:
        Paths by output name: ``dicom_seg``, ``dicom_seg:low_attenuation``, ..., ``dicom_sr``.
    """
    source = [_with_what_references_need(pydicom.dcmread(path)) for path in files]
    thirds = sitk.GetArrayFromImage(result.thirds)
    thirds[(sitk.GetArrayViewFromImage(result.airways) > 0) & (thirds == 0)] = _AIRWAY_VALUE
    segments: dict[int, tuple[str, Code, Code]] = {value: (name, ANATOMY, LUNG) for value, name in REGION_NAMES.items()}
    segments[_AIRWAY_VALUE] = ("trachea and main airways", ANATOMY, AIRWAYS)
    regions = _segmentation(source, thirds, segments, "Lung regions", 0)
    written = {"dicom_seg": _save(regions, folder / "segmentation.dcm")}
    low = sitk.GetArrayFromImage(result.low_attenuation)
    if low.any():
        area = {1: ("low attenuation area", CHANGED_TISSUE, EMPHYSEMA)}
        made = _segmentation(source, low, area, "Low attenuation area", 1)
        written["dicom_seg:low_attenuation"] = _save(made, folder / "low_attenuation.dcm")
    numbers = {name: value for value, name in REGION_NAMES.items() if np.any(thirds == value)}
    lobes = None
    if result.lobes is not None:
        names = {entry["value"]: entry["name"] for entry in result.record["labels"]["lobes"]}
        described = {value: (name, ANATOMY, lobe_code(name)) for value, name in names.items()}
        lobes = _segmentation(source, sitk.GetArrayFromImage(result.lobes), described, "Lung lobes", 2)
        written["dicom_seg:lobes"] = _save(lobes, folder / "lobes.dcm")
    if result.patterns is not None:
        names = {entry["value"]: entry["name"] for entry in result.record["labels"]["patterns"]}
        described = {value: (name[:64], CHANGED_TISSUE, EMPHYSEMA) for value, name in names.items()}
        labels = sitk.GetArrayFromImage(result.patterns.labelmap)
        if labels.any():
            made = _segmentation(source, labels, described, "Emphysema patterns", 3)
            written["dicom_seg:patterns"] = _save(made, folder / "patterns.dcm")
    report = make_report(result, source, regions, numbers, _SERIES_NUMBER + 10)
    written["dicom_sr"] = _save(report, folder / "measurements.dcm")
    return written


def _segmentation(
    source: Sequence[pydicom.Dataset],
    labels: np.ndarray,
    segments: Mapping[int, tuple[str, Code, Code]],
    title: str,
    number: int,
) -> Segmentation:
    """Make a SEG of a label map; segments without voxels are left out, the others keep their label value."""
    present = [value for value in segments if np.any(labels == value)]
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name="MambaMed emphysema",
        version=__version__,
        family=Code("123110", "DCM", "Artificial Intelligence")
        if title == "Emphysema patterns"
        else Code("123105", "DCM", "Region growing"),
    )
    descriptions = [
        SegmentDescription(
            segment_number=position,
            segment_label=segments[value][0],
            segmented_property_category=segments[value][1],
            segmented_property_type=segments[value][2],
            algorithm_type="AUTOMATIC",
            algorithm_identification=algorithm,
            tracking_uid=generate_uid(),
            tracking_id=segments[value][0],
        )
        for position, value in enumerate(present, start=1)
    ]
    renumbered = np.zeros(labels.shape, dtype=np.uint8)
    for position, value in enumerate(present, start=1):
        renumbered[labels == value] = position
    return Segmentation(
        source_images=source,
        pixel_array=renumbered,
        segmentation_type="BINARY",
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=_SERIES_NUMBER + number,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="MambaMed",
        manufacturer_model_name="mambamed.emphysema",
        software_versions=__version__,
        device_serial_number="0",
        series_description=f"{title} (not for clinical use)",
    )


def _with_what_references_need(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """Add empty elements of the patient and study that DICOM wants to be present and some files lack."""
    for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber"):
        if name not in dataset:
            setattr(dataset, name, "")
    for name in ("StudyDate", "StudyTime", "ReferringPhysicianName"):
        if name not in dataset:
            setattr(dataset, name, "")
    return dataset


def _save(dataset: pydicom.Dataset, path: Path) -> Path:
    content = io.BytesIO()
    dataset.save_as(content)
    with replace_atomically(path, overwrite=True) as temporary:
        temporary.write_bytes(content.getvalue())
    return path
