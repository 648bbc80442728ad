"""The task ``emphysema-report``: from a record and images to HTML, PDF, DICOM SEG and SR."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from engine.emphysema.conftest import draw_chest
from engine.emphysema.report.sample_record import sample_record
from mambamed.emphysema.report.job import run
from mambamed.emphysema.report.restore import restore_result
from mambamed.errors import BadRequestError
from mambamed.jobs.context import JobContext
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.request import JobRequest

THIRDS = ["left upper third", "left middle third", "left lower third"]
THIRDS += ["right upper third", "right middle third", "right lower third"]


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A drawn chest as a volume and as a DICOM series, its label maps, and a record of its analysis."""
    folder = tmp_path_factory.mktemp("scan")
    chest = draw_chest((12.0, 9.0, 8.0))
    ct = chest.image()
    height = np.indices(chest.hu.shape)[0]
    third = 2 - np.clip(3 * (height - 5) // (height.max() - 9), 0, 2)
    regions = np.where(chest.left, 1 + third, np.where(chest.right, 4 + third, 0)).astype(np.uint8)
    low = (chest.lungs & (chest.hu < -850)).astype(np.uint8)
    maps = {"ct": ct, "regions": chest.image(regions), "low_attenuation": chest.image(low)}
    maps["explanation:grad-cam"] = chest.image(chest.left.astype(np.float32))
    paths = {}
    for name, image in maps.items():
        paths[name] = folder / f"{name.replace(':', '_')}.nrrd"
        sitk.WriteImage(image, str(paths[name]))
    paths["dicom"] = folder / "series"
    _write_series(ct, paths["dicom"])
    labels = [{"value": value, "name": name, "color": [9, 99, 199]} for value, name in enumerate(THIRDS, start=1)]
    measures = next(iter(sample_record()["regions"].values()))
    record = sample_record(
        labels={"regions": labels, "low_attenuation": [{"value": 1, "name": "low", "color": [213, 94, 0]}]},
        regions={name: dict(measures) for name in ("whole lung", "left lung", "right lung", *THIRDS)},
        patterns=None,
    )
    return paths, record, maps


def _write_series(image, folder):
    folder.mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    root = "1.2.826.0.1.3680043.2.1125"
    for index in range(image.GetSize()[2]):
        plane = image[:, :, index]
        position = image.TransformIndexToPhysicalPoint((0, 0, index))
        tags = {
            "0008|0060": "CT",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{root}.3.{index}",
            "0008|0020": "20200102",
            "0008|0030": "101112",
            "0010|0010": "Phantom^Chest",
            "0010|0020": "P1",
            "0018|0050": "12",
            "0018|1210": "B31f",
            "0020|000d": f"{root}.1",
            "0020|000e": f"{root}.2",
            "0020|0013": str(index),
            "0020|0032": "\\".join(f"{value:.10g}" for value in position),
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0052": f"{root}.4",
        }
        for tag, value in tags.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{index:03d}.dcm"))
        writer.Execute(plane)


def _run(tmp_path, inputs, formats):
    request = JobRequest("emphysema-report", inputs, {"formats": formats, "case": "Case 7"})
    job = JobContext(JobDirectory(tmp_path / "job").create(request).path)
    run(request, job)
    outputs = job.record.to_json()["outputs"]
    return {name: job.output_path(path.removeprefix("outputs/")) for name, path in outputs.items()}


def _inputs(tmp_path, record, **paths):
    (tmp_path / "record.json").write_text(json.dumps(record))
    named = {"record": tmp_path / "record.json", **{name.replace("__", ":"): path for name, path in paths.items()}}
    return [{"name": name, "path": str(path)} for name, path in named.items()]


def test_without_pictures_they_are_drawn_from_the_images(scan, tmp_path):
    paths, record, _ = scan
    volumes = {name.replace(":", "__"): path for name, path in paths.items() if name != "dicom"}
    histogram = {"centres_hu": [-975.0, -925.0], "percent_per_hu": {"whole lung": [0.5, 1.5]}}
    (tmp_path / "histogram.json").write_text(json.dumps(histogram))
    inputs = _inputs(tmp_path, record, histogram=tmp_path / "histogram.json", **volumes)
    files = _run(tmp_path, inputs, ["html", "pdf"])
    assert set(files) == {"report", "report_pdf"}
    page = files["report"].read_text(encoding="utf-8")
    assert page.count("<img ") == 5  # regions, low attenuation, histogram, severity, Grad-CAM
    assert "Case 7" in page
    assert files["report_pdf"].read_bytes().startswith(b"%PDF-")


def test_pictures_of_the_scene_take_their_places_in_their_order(scan, tmp_path):
    _, record, _ = scan
    from PIL import Image

    inputs = _inputs(tmp_path, record)
    for index, (section, caption) in enumerate([("overlays", "one"), ("explanations", "map"), ("overlays", "two")]):
        path = tmp_path / f"{index}.png"
        Image.new("RGB", (8, 6), (index, 0, 0)).save(path)
        inputs.append({"name": "picture", "path": str(path), "section": section, "caption": f"picture {caption}"})
    page = _run(tmp_path, inputs, ["html"])["report"].read_text(encoding="utf-8")
    places = [page.index(f"<figcaption>picture {caption}") for caption in ("one", "two", "map")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda inputs, folder: inputs.pop(0), "no input named record"),
        (lambda inputs, folder: inputs.append({"name": "picture", "path": __file__}), "no PNG picture"),
        (lambda inputs, folder: (folder / "record.json").write_text("[1"), "cannot be read as JSON"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(scan, tmp_path, change, cause):
    inputs = _inputs(tmp_path, scan[1])
    change(inputs, tmp_path)
    with pytest.raises(BadRequestError, match=cause):
        _run(tmp_path, inputs, ["html"])


def test_dicom_files_refer_to_the_series_and_hold_the_masks_and_measures(scan, tmp_path):
    paths, record, maps = scan
    chosen = {name: paths[name] for name in ("ct", "regions", "low_attenuation", "dicom")}
    files = _run(tmp_path, _inputs(tmp_path, record, **chosen), ["dicom-seg", "dicom-sr"])
    assert set(files) == {"dicom_seg", "dicom_seg:low_attenuation", "dicom_sr"}
    seg, report = pydicom.dcmread(files["dicom_seg"]), pydicom.dcmread(files["dicom_sr"])
    assert (seg.Modality, report.Modality) == ("SEG", "SR")
    assert seg.StudyInstanceUID == report.StudyInstanceUID == "1.2.826.0.1.3680043.2.1125.1"
    assert seg.PatientID == "P1"
    assert [item.SegmentLabel for item in seg.SegmentSequence] == THIRDS
    expected = int((sitk.GetArrayViewFromImage(maps["regions"]) > 0).sum())
    assert int(seg.pixel_array.sum()) == expected
    only = tmp_path / "only"
    only.mkdir()
    files = _run(only, _inputs(only, record, **chosen), ["dicom-sr"])
    assert set(files) == {"dicom_sr"}
    assert not list(only.rglob("segmentation.dcm"))


def test_dicom_without_the_series_is_refused(scan, tmp_path):
    paths, record, _ = scan
    with pytest.raises(BadRequestError, match="no input named dicom"):
        _run(tmp_path, _inputs(tmp_path, record, regions=paths["regions"]), ["dicom-seg"])


def test_label_maps_are_brought_to_the_grid_of_the_scan_whatever_their_axes(scan):
    _, record, maps = scan
    flipped = sitk.Flip(maps["regions"], (True, False, True))
    restored = restore_result(record, {"regions": flipped}, maps["ct"])
    np.testing.assert_array_equal(
        sitk.GetArrayViewFromImage(restored.thirds), sitk.GetArrayViewFromImage(maps["regions"])
    )
    assert restored.regions["whole lung"].laa950_percent == record["regions"]["whole lung"]["laa950_percent"]
    assert not sitk.GetArrayViewFromImage(restored.airways).any()


def test_label_maps_of_another_scan_and_records_of_nothing_are_refused(scan):
    _, record, maps = scan
    elsewhere = sitk.Image(maps["regions"])
    elsewhere.SetOrigin((9000.0, 0.0, 0.0))
    with pytest.raises(BadRequestError, match="does not lie in the DICOM series"):
        restore_result(record, {"regions": elsewhere}, maps["ct"])
    with pytest.raises(BadRequestError, match="analyse the scan again"):
        restore_result({}, {"regions": maps["regions"]}, maps["ct"])
