"""DICOM SEG and SR: readable again, on the scan's own frames, with the same numbers."""

from __future__ import annotations

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from engine.emphysema.conftest import draw_chest
from mambamed.emphysema.acquisition_dicom import read_acquisition
from mambamed.emphysema.analysis import analyze
from mambamed.emphysema.reading import dicom_files
from mambamed.errors import BadRequestError
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.uid import generate_uid


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A chest as a DICOM series with the slices' files in another order than the slices."""
    folder = tmp_path_factory.mktemp("series")
    chest = draw_chest(spacing_mm=(8.0, 6.0, 6.0))
    study, uid, frame = generate_uid(), generate_uid(), generate_uid()
    for index, plane in enumerate(chest.hu):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = pydicom.Dataset()
        data.file_meta = meta
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, uid, frame
        data.Modality, data.Manufacturer, data.ConvolutionKernel = "CT", "SIEMENS", ["Br64d", "3"]
        data.KVP, data.SliceThickness, data.ContrastBolusAgent, data.Exposure = "100", "8", "IV", "40"
        data.PatientID, data.StudyDate, data.InstanceNumber, data.SeriesNumber = "p1", "20200101", index + 1, 3
        data.ImagePositionPatient, data.ImageOrientationPatient = [-170.0, -140.0, 8.0 * index], [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.Rows, data.Columns = [6.0, 6.0], *plane.shape
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
        data.RescaleIntercept, data.RescaleSlope = "-1024", "1"
        data.PixelData = (plane + 1024).astype(np.uint16).tobytes()
        data.save_as(folder / f"{(index * 7) % len(chest.hu):03d}.dcm", enforce_file_format=True)
    return folder


@pytest.fixture(scope="module")
def written(series, tmp_path_factory):
    from mambamed.emphysema.dicom_output import write_dicom

    result = analyze(series, compute=("density",))
    return result, write_dicom(result, dicom_files(series), tmp_path_factory.mktemp("dicom"))


def test_acquisition_is_read(series):
    found = read_acquisition(dicom_files(series)[0])
    assert found.kernel == "Br64d\\3"
    assert (found.kilovolt_peak, found.slice_thickness_mm, found.contrast) == (100.0, 8.0, True)
    assert (found.manufacturer, found.scanner, found.exposure_mas) == ("SIEMENS", None, 40.0)


def test_warnings_follow_from_the_headers(written):
    kinds = [warning.kind for warning in written[0].warnings]
    assert {"kernel", "slice-thickness", "contrast", "kilovolt-peak"} <= set(kinds)
    assert "acquisition-unknown" not in kinds


def test_other_modalities_are_refused(series, tmp_path):
    data = pydicom.dcmread(dicom_files(series)[0])
    data.Modality = "MR"
    data.save_as(tmp_path / "mr.dcm")
    with pytest.raises(BadRequestError, match="modality MR, expected CT"):
        read_acquisition(tmp_path / "mr.dcm")


def test_segments_are_the_regions_on_the_scans_frames(written, series):
    result, files = written
    segmentation = highdicom.seg.segread(files["dicom_seg"])
    names = [item.SegmentLabel for item in segmentation.SegmentSequence]
    assert names == [*list(result.regions)[3:9], "trachea and main airways"]
    volume = segmentation.get_volume(combine_segments=True)
    thirds = sitk.GetArrayFromImage(result.thirds)
    thirds[sitk.GetArrayFromImage(result.airways) > 0] = 7
    indices = np.argwhere(thirds > 0)[::97]
    for z, y, x in indices:
        place = result.thirds.TransformIndexToPhysicalPoint((int(x), int(y), int(z)))
        where = np.round(volume.map_reference_to_indices(np.array([place]))[0]).astype(int)
        assert volume.array[tuple(where)] == thirds[z, y, x]
    source = {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in dicom_files(series)}
    referenced = segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {str(item.ReferencedSOPInstanceUID) for item in referenced} <= source


def test_measurements_are_those_of_the_table(written):
    result, files = written
    report = highdicom.sr.srread(files["dicom_sr"])
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 6
    for group in groups:
        measures = result.regions[group.tracking_identifier]
        values = {item.name.value: item.value for item in group.get_measurements()}
        assert values["118565006"] == pytest.approx(measures.volume_l, rel=1e-5)
        assert values["LAA950"] == pytest.approx(measures.laa950_percent, rel=1e-5)
        assert values["PERC15"] == pytest.approx(measures.perc15_hu, rel=1e-5)
    text = str(report)
    for region in ("whole lung", "left lung", "right lung"):
        assert region in text
