"""The facade: measures, grids, warnings and refusals, as a user meets them."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
import SimpleITK as sitk
from engine.emphysema.conftest import dice
from engine.emphysema.conftest import draw_chest
from mambamed.emphysema import EmphysemaSettings
from mambamed.emphysema import analyze as analyze_all
from mambamed.errors import BadRequestError
from mambamed.imaging.orientation import reorient

analyze = functools.partial(analyze_all, compute=("density",))


def _lungs_image(chest):
    return chest.image(np.where(chest.left, 2, np.where(chest.right, 1, 0)).astype(np.uint8))


def _kinds(result):
    return [warning.kind for warning in result.warnings]


def test_given_lungs_are_measured_exactly(chest):
    result = analyze(chest.image(), lungs=_lungs_image(chest))
    voxel_l = np.prod(chest.spacing_mm) * 1e-6
    for name, mask in (("whole lung", chest.lungs), ("left lung", chest.left), ("right lung", chest.right)):
        measures = result.regions[name]
        assert measures.volume_l == pytest.approx(np.count_nonzero(mask) * voxel_l)
        assert measures.mean_hu == pytest.approx(chest.hu[mask].mean())
        assert measures.mass_g == pytest.approx(np.count_nonzero(mask) * voxel_l * 1000 * 0.14)
        assert measures.laa856_percent == 100.0
        assert measures.laa910_percent == 0.0
    assert dice(sitk.GetArrayFromImage(result.lungs) == 1, chest.left) == 1.0
    assert list(result.regions)[3:] == [
        f"{side} {part} third" for side in ("left", "right") for part in ("upper", "middle", "lower")
    ]
    json.dumps(result.record, allow_nan=False)
    assert result.record["regions"]["left lung"]["volume_l"] == result.regions["left lung"].volume_l
    counts = result.histograms.counts["left lung"]
    assert counts.sum() == np.count_nonzero(chest.left)


def test_lungs_are_found_when_none_are_given(chest):
    result = analyze(chest.image())
    assert dice(sitk.GetArrayFromImage(result.lungs) > 0, chest.lungs) > 0.97
    assert result.regions["whole lung"].volume_l == pytest.approx(
        np.count_nonzero(chest.lungs) * np.prod(chest.spacing_mm) * 1e-6, rel=0.05
    )


def _oblique(image):
    turned = sitk.Image(image)
    turned.SetDirection(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.12, -0.08, 0.15).GetMatrix())
    return turned


@pytest.mark.parametrize(
    "change", [lambda image: reorient(image, "SAR"), lambda image: reorient(image, "RAI"), _oblique]
)
def test_results_lie_on_the_input_grid_and_do_not_depend_on_its_axes(chest, change):
    plain = analyze(chest.image())
    ct = change(chest.image())
    turned = analyze(ct)
    for image in (turned.lungs, turned.thirds, turned.airways, turned.low_attenuation):
        assert image.GetSize() == ct.GetSize()
        assert image.GetOrigin() == ct.GetOrigin()
        assert image.GetDirection() == ct.GetDirection()
    for side in ("left lung", "right lung"):
        assert turned.regions[side].volume_l == pytest.approx(plain.regions[side].volume_l, rel=0.01)
    again = reorient(turned.lungs, "LPS")
    assert dice(sitk.GetArrayFromImage(again) == 1, sitk.GetArrayFromImage(plain.lungs) == 1) > 0.99


def test_one_value_for_both_lungs_and_another_grid(chest):
    both = chest.image(chest.lungs.astype(np.uint8))
    shifted = sitk.Resample(
        both,
        [length + 6 for length in both.GetSize()],
        sitk.Transform(),
        sitk.sitkNearestNeighbor,
        [origin - 9.0 for origin in both.GetOrigin()],
        both.GetSpacing(),
    )
    result = analyze(chest.image(), lungs=shifted)
    assert "grid" in _kinds(result)
    assert dice(sitk.GetArrayFromImage(result.lungs) == 1, chest.left) > 0.9
    assert dice(sitk.GetArrayFromImage(analyze(chest.image(), lungs=both).lungs) == 2, chest.right) > 0.99


def test_other_structures_of_a_given_label_map_are_left_out(chest):
    labels = np.where(chest.left, 4, np.where(chest.right, 9, np.where(chest.trachea, 7, 0))).astype(np.uint8)
    result = analyze(chest.image(), lungs=chest.image(labels), lung_values=(4, 9))
    assert dice(sitk.GetArrayFromImage(result.lungs) == 1, chest.left) == 1.0
    assert result.regions["whole lung"].voxels == np.count_nonzero(chest.lungs)
    with pytest.raises(BadRequestError, match="None of the label values"):
        analyze(chest.image(), lungs=chest.image(labels), lung_values=(5,))


def test_lobes_are_measured_by_name(chest):
    z = np.indices(chest.hu.shape)[0]
    lobes = np.zeros(chest.hu.shape, dtype=np.uint8)
    lobes[chest.left & (z > 30)], lobes[chest.left & (z <= 30)] = 1, 2
    lobes[chest.right & (z > 35)], lobes[chest.right & (z <= 35) & (z > 25)], lobes[chest.right & (z <= 25)] = 3, 4, 5
    result = analyze(chest.image(), lobes=chest.image(lobes))
    assert result.regions["right middle lobe"].voxels == np.count_nonzero(lobes == 4)
    assert result.regions["left lung"].voxels == np.count_nonzero(chest.left)
    assert result.record["labels"]["lobes"][0]["name"] == "left upper lobe"
    named = analyze(chest.image(), lobes=chest.image(lobes * 20), lobe_names={20: "left top", 40: "left bottom"})
    assert named.regions["left top"].voxels == np.count_nonzero(lobes == 1)
    with pytest.raises(BadRequestError, match="expected 1-5 or 10-14"):
        analyze(chest.image(), lobes=chest.image(lobes * 20))


def test_noise_filter_and_calibration_are_off_unless_asked_for_and_told():
    chest = draw_chest(noise_hu=40.0)
    plain = analyze(chest.image())
    assert plain.preparation.to_json()["noise_filter"] == "off"
    assert not {"noise", "calibration"} & set(_kinds(plain))
    for noise_filter in ("median", "gaussian"):
        filtered = analyze(chest.image(), noise_filter=noise_filter, gaussian_sigma_mm=3.0)
        assert filtered.regions["left lung"].sd_hu < 0.6 * plain.regions["left lung"].sd_hu
        assert filtered.regions["left lung"].mean_hu == pytest.approx(plain.regions["left lung"].mean_hu, abs=2)
        assert "noise" in _kinds(filtered)


def test_calibration_brings_the_air_of_the_trachea_to_minus_1000():
    chest = draw_chest(noise_hu=8.0)
    chest.hu[:] += 12
    plain, calibrated = (analyze(chest.image(), tracheal_air_calibration=on) for on in (False, True))
    assert plain.preparation.trachea_mean_hu == pytest.approx(-988, abs=2)
    assert plain.preparation.trachea_sd_hu == pytest.approx(8, abs=2.5)
    assert calibrated.preparation.calibration_shift_hu == pytest.approx(-12, abs=2)
    shift = calibrated.regions["whole lung"].mean_hu - plain.regions["whole lung"].mean_hu
    assert shift == pytest.approx(calibrated.preparation.calibration_shift_hu, abs=0.1)
    assert "calibration" in _kinds(calibrated)


def test_calibration_that_cannot_be_done_says_so(chest):
    hu = chest.hu.copy()
    hu[chest.trachea] = 0
    result = analyze(chest.image(hu), lungs=_lungs_image(chest), tracheal_air_calibration=True)
    assert result.preparation.calibration_shift_hu == 0.0
    assert any("not calibrated" in warning.message for warning in result.warnings)


def test_acquisition_given_by_hand_is_checked(chest):
    quiet = {"kernel": "B31f", "slice_thickness_mm": 1.0, "kilovolt_peak": 120, "contrast": False, "manufacturer": "S"}
    kinds = _kinds(analyze(chest.image(), lungs=_lungs_image(chest), acquisition=quiet))
    assert not {"kernel", "slice-thickness", "contrast", "kilovolt-peak", "acquisition-unknown"} & set(kinds)
    loud = {**quiet, "kernel": "B70f", "slice_thickness_mm": 5.0, "kilovolt_peak": 80, "contrast": True}
    kinds = _kinds(analyze(chest.image(), lungs=_lungs_image(chest), **loud))
    assert {"kernel", "slice-thickness", "contrast", "kilovolt-peak"} <= set(kinds)


def test_low_inspiration_clipped_air_and_truncated_lungs(chest):
    small = chest.image()
    small.SetSpacing([0.8 * value for value in small.GetSpacing()])
    result = analyze(small)
    assert {"inspiration", "clipped"} <= set(_kinds(result))
    noisy = draw_chest(noise_hu=8.0)
    assert "clipped" not in _kinds(analyze(noisy.image()))
    lowest = int(np.flatnonzero(chest.lungs.any(axis=(1, 2)))[0])
    cut = analyze(chest.image()[:, :, lowest + 4 :])
    assert cut.warnings[0].kind == "truncated"
    assert "below" in cut.warnings[0].message


def test_lungs_that_the_field_of_view_cuts_are_told_and_measured_inside_it(chest):
    hu = chest.hu.copy()
    y, x = np.ogrid[: hu.shape[1], : hu.shape[2]]
    rows, columns = (length / 2 for length in hu.shape[1:])
    hu[:, ((y - rows) * 4.0) ** 2 + ((x - columns) * 4.2) ** 2 > 118.0**2] = -3024
    found = analyze(chest.image(hu))
    given = analyze(chest.image(hu), lungs=_lungs_image(chest))
    for result in (found, given):
        assert result.warnings[0].kind == "truncated"
        assert result.regions["whole lung"].laa950_percent < 1.0
        assert (
            result.regions["whole lung"].volume_l
            < 0.99 * np.count_nonzero(chest.lungs) * np.prod(chest.spacing_mm) * 1e-6
        )
    assert any("edge of the field of view" in warning.message for warning in found.warnings)


REFUSALS = {
    "one slice": (lambda image: image[:, :, 30:31], "Only one slice"),
    "a picture": (lambda image: image[:, :, 30], "Only one slice"),
    "three slices": (lambda image: image[:, :, 30:33], "Only 3 slices"),
    "scaled to a byte": (lambda image: sitk.Cast(sitk.RescaleIntensity(image, 0, 255), sitk.sitkUInt8), "0 to 255"),
    "without intercept": (lambda image: image + 1100, "shifted or rescaled"),
    "halved": (lambda image: sitk.Cast(image, sitk.sitkFloat32) / 2, "not HU or were rescaled"),
    "doubled": (lambda image: sitk.Cast(image, sitk.sitkFloat32) * 2, "rescaled"),
    "a window": (lambda image: sitk.Clamp(image, sitk.sitkInt16, -600, 300), "not HU or were rescaled"),
    "lower half": (lambda image: image[:, :, :32], "lungs are cropped: at the volume's upper edge"),
    "upper half": (lambda image: image[:, :, 32:], "lungs are cropped: at the volume's lower edge"),
    "inside the lungs": (lambda image: image[22:64, 25:45, 15:55], "lungs are cropped"),
    "no lungs": (
        lambda image: sitk.Cast(
            sitk.GetImageFromArray(np.where(sitk.GetArrayFromImage(image) > -990, 40, -1000)), sitk.sitkInt16
        ),
        "No lungs were found",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_one_sentence(name):
    change, words = REFUSALS[name]
    image = change(draw_chest(noise_hu=10.0).image())
    with pytest.raises(BadRequestError, match=words) as refused:
        analyze(image)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_segmentation_of_another_scan_is_refused(chest):
    with pytest.raises(BadRequestError, match="belongs to another scan"):
        analyze(chest.image(), lungs=chest.image((chest.hu > 0).astype(np.uint8)))
    far = chest.image(chest.lungs.astype(np.uint8))
    far.SetOrigin((5000.0, 0.0, 0.0))
    with pytest.raises(BadRequestError, match="empty on the CT's grid"):
        analyze(chest.image(), lungs=far)


def test_settings_that_are_unknown_are_refused(chest):
    with pytest.raises((BadRequestError, TypeError)):
        analyze(chest.image(), smoothing="much")
    assert EmphysemaSettings().compute[0] == "density"


@pytest.mark.shared_data
def test_sharp_and_soft_kernel_of_one_scan(shared_folder):
    found = {}
    for kernel, file in (("B", "lungpetctdx_A0001_kernelB.nii.gz"), ("L", "lungpetctdx_A0001_kernelL_half.nii.gz")):
        image = sitk.ReadImage(str(shared_folder / "data" / "chest_ct" / file))
        step = 4 if kernel == "B" else 2
        image = image[::step, ::step, :]  # coarser, and just as noisy
        found[kernel] = analyze(image, acquisition={"kernel": kernel, "manufacturer": "Philips"})
    sharp, soft = (found[kernel].regions["whole lung"].laa950_percent for kernel in ("L", "B"))
    assert soft < 0.6
    assert 4.5 < sharp < 7.5
    assert "kernel" not in _kinds(found["B"])
    assert "LAA% is too high" in next(w.message for w in found["L"].warnings if w.kind == "kernel")


@pytest.mark.shared_data
def test_dicom_folder_gives_the_same_as_the_file(shared_folder):
    folder = shared_folder / "data" / "chest_ct" / "cip"
    from_dicom = analyze(folder / "ct-64Dicom")
    from_file = analyze(folder / "ct-64.nrrd")
    assert from_dicom.acquisition.manufacturer == "GE Medical Systems"
    assert from_dicom.acquisition.slice_thickness_mm == pytest.approx(3.987, abs=0.001)
    for name, measures in from_file.regions.items():
        assert from_dicom.regions[name].laa950_percent == pytest.approx(measures.laa950_percent, abs=1e-9)
