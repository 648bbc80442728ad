"""DICOM SR with the density measures of every region, after template TID 1500."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import pydicom
from highdicom import sr
from highdicom.seg import Segmentation
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from mambamed.emphysema.density import RegionMeasures
from mambamed.emphysema.dicom_codes import measure_code
from mambamed.emphysema.dicom_codes import region_site
from mambamed.emphysema.result import EmphysemaResult
from mambamed.version import __version__

__all__ = ["make_report"]


def make_report(
    result: EmphysemaResult,
    source: Sequence[pydicom.Dataset],
    segmentation: Segmentation,
    segment_values: Mapping[str, int],
    series_number: int,
) -> sr.Comprehensive3DSR:
    """Write all measures as a structured report.

    Args:
        result: The analysis.
        source: The scan's slices.
        segmentation: SEG of the thirds, which their measurements refer to.
        segment_values: Names of the regions that are segments there.
        series_number: Of the report's series.

    Returns:
        The report; thirds refer to their segment, the other regions name their place.
    """
    labels = {item.SegmentLabel: int(item.SegmentNumber) for item in segmentation.SegmentSequence}
    algorithm = sr.AlgorithmIdentification(name="MambaMed emphysema", version=__version__)
    groups: list[Any] = []
    for name, measures in result.regions.items():
        if not measures["voxels"]:
            continue
        common: dict[str, Any] = {
            "tracking_identifier": sr.TrackingIdentifier(uid=generate_uid(), identifier=name),
            "finding_type": Code("87433001", "SCT", "Pulmonary emphysema"),
            "algorithm_id": algorithm,
            "finding_sites": [_site(name)],
            "measurements": _measurements(measures),
        }
        if name in segment_values:
            segment = sr.ReferencedSegment.from_segmentation(segmentation, labels[name])
            groups.append(sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **common))
        else:
            images = [sr.SourceImageForMeasurementGroup.from_source_image(source[0])]
            groups.append(sr.MeasurementsAndQualitativeEvaluations(source_images=images, **common))
    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=generate_uid(), name="MambaMed", model_name="mambamed.emphysema"
        ),
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=Code("169069000", "SCT", "CT of chest"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=list(source),
    )
    return sr.Comprehensive3DSR(
        evidence=[*source, segmentation],
        content=content,
        series_instance_uid=generate_uid(),
        series_number=series_number,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="MambaMed",
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="Emphysema measurements (not for clinical use)",
    )


def _site(name: str) -> sr.FindingSite:
    anatomy, side, part = region_site(name)
    return sr.FindingSite(anatomic_location=anatomy, laterality=side, topographical_modifier=part)


def _measurements(measures: RegionMeasures) -> list[sr.Measurement]:
    found = []
    for name, value in measures.items():
        code = measure_code(name)
        if code is not None and value is not None:
            found.append(sr.Measurement(name=code[0], value=float(f"{value:.6g}"), unit=code[1]))
    return found
