"""Lungs are found whole and with their sides, whatever else is in the scan."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from engine.emphysema.conftest import dice
from engine.emphysema.conftest import draw_chest
from mambamed.emphysema.lungs.segment import segment_lungs
from mambamed.emphysema.lungs.thirds import split_thirds


def _check(hu, chest, lungs=0.97, side=0.95):
    found = segment_lungs(hu, chest.spacing_mm)
    assert dice(found.sides > 0, chest.lungs) >= lungs
    assert dice(found.sides == 1, chest.left) >= side
    assert dice(found.sides == 2, chest.right) >= side
    return found


def test_plain(chest):
    found = _check(chest.hu, chest)
    assert dice(found.airways, chest.trachea) > 0.6
    assert not np.any(found.airways & (found.sides > 0))
    assert np.all(chest.hu[found.trachea_core] == -1000)


@pytest.mark.parametrize("outside", [-2000, -2048, -3024])
def test_values_outside_the_field_of_view(chest, outside):
    hu = chest.hu.copy()
    y, x = np.ogrid[: hu.shape[1], : hu.shape[2]]
    circle = ((y / hu.shape[1] - 0.5) * 2) ** 2 + ((x / hu.shape[2] - 0.5) * 2) ** 2
    hu[:, circle > 1.05] = outside
    _check(hu, chest)


@pytest.mark.parametrize(("axis", "columns"), [(2, 12), (2, -12), (1, 16), (1, -20)])
def test_a_lung_that_the_picture_cuts_open_is_found(axis, columns):
    chest = draw_chest(noise_hu=8.0)
    part = slice(columns, None) if columns > 0 else slice(None, columns)
    where = (slice(None),) * axis + (part,)
    assert np.any(chest.lungs.any(axis=tuple({0, 1, 2} - {axis}))[columns if columns > 0 else columns - 1])
    found = segment_lungs(chest.hu[where], chest.spacing_mm)
    assert dice(found.sides == 1, chest.left[where]) >= 0.95
    assert dice(found.sides == 2, chest.right[where]) >= 0.95


@pytest.mark.parametrize("outside", [-2000, -1024])
def test_a_lung_that_the_round_field_of_view_cuts_open_is_found(outside):
    chest = draw_chest(noise_hu=8.0)
    y, x = np.ogrid[: chest.hu.shape[1], : chest.hu.shape[2]]
    rows, columns = (length / 2 for length in chest.hu.shape[1:])
    seen = np.broadcast_to(((y - rows) * 4.0) ** 2 + ((x - columns) * 4.2) ** 2 < 118.0**2, chest.hu.shape)
    assert np.any(chest.lungs & ~seen)
    hu = np.where(seen, chest.hu, outside)
    found = segment_lungs(hu, chest.spacing_mm)
    assert dice((found.sides == 1) & seen, chest.left & seen) >= 0.95
    assert dice((found.sides == 2) & seen, chest.right & seen) >= 0.95


def test_noise_of_a_low_dose(chest):
    noisy = draw_chest(noise_hu=90.0)
    _check(noisy.hu, chest)


def test_lungs_that_touch_at_the_junction():
    chest = draw_chest(gap_mm=-3.0)
    assert np.any(chest.left & chest.right)
    middle = chest.hu.shape[2] // 2
    left, right = chest.left.copy(), chest.right.copy()
    left[:, :, :middle] = False
    right[:, :, middle:] = False
    found = segment_lungs(chest.hu, chest.spacing_mm)
    assert dice(found.sides == 1, left) >= 0.95
    assert dice(found.sides == 2, right) >= 0.95


def test_a_large_bulla_belongs_to_its_lung(chest):
    hu = chest.hu.copy()
    z, y, x = np.indices(hu.shape)
    centre = np.mean(np.nonzero(chest.left), axis=1)
    distance = np.sqrt(
        sum(
            ((axis - middle) * step) ** 2
            for axis, middle, step in zip((z, y, x), centre, chest.spacing_mm, strict=True)
        )
    )
    hu[(distance < 45) & chest.left] = -995
    hu[(distance >= 45) & (distance < 48) & chest.left] = -300  # its wall
    found = _check(hu, chest)
    assert np.mean(found.sides[(distance < 45) & chest.left] == 1) > 0.99


def test_thin_slices_and_small_pixels_are_decided_on_the_full_grid():
    chest = draw_chest(spacing_mm=(5.0, 1.25, 1.25), noise_hu=25.0)
    _check(chest.hu, chest, 0.98, 0.98)


def test_no_lungs_in_a_body_without_air():
    hu = np.full((20, 40, 40), -1000, dtype=np.int16)
    hu[:, 8:32, 8:32] = 30
    assert not segment_lungs(hu, (5.0, 5.0, 5.0)).sides.any()


def test_thirds_have_equal_volumes_and_the_upper_one_is_on_top(chest):
    sides = np.where(chest.left, 1, np.where(chest.right, 2, 0)).astype(np.uint8)
    thirds = split_thirds(sides, (5.0, 0.0, 0.0))
    counts = np.bincount(thirds.ravel(), minlength=7)[1:]
    together = counts[:3] + counts[3:]
    assert np.all(np.abs(together / together.sum() - 1 / 3) < 0.05)
    heights = [np.mean(np.nonzero(thirds == value)[0]) for value in (1, 2, 3)]
    assert heights[0] > heights[1] > heights[2]
    assert np.array_equal(thirds > 3, sides == 2)


@pytest.mark.shared_data
def test_against_reference_segmentations(shared_folder):
    folder = shared_folder / "data" / "chest_ct" / "cip"
    ct = sitk.ReadImage(str(folder / "ct-64.nrrd"))
    whole = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "wholeLung-64.nrrd"))) > 0
    region = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "lm-64.nrrd"))) % 256
    found = segment_lungs(sitk.GetArrayFromImage(ct), ct.GetSpacing()[::-1])
    assert dice(found.sides > 0, whole) >= 0.97
    assert dice(found.sides == 1, (region >= 9) & (region <= 11)) >= 0.95
    assert dice(found.sides == 2, region >= 12) >= 0.95
    thirds = split_thirds(found.sides, (1.0, 0.0, 0.0))
    for value, number in zip((1, 2, 3, 4, 5, 6), (9, 10, 11, 12, 13, 14), strict=True):
        assert dice(thirds == value, region == number) >= 0.9


@pytest.mark.shared_data
def test_of_one_scan_two_kernels_have_the_same_lungs(shared_folder):
    folder = shared_folder / "data" / "chest_ct"
    soft, sharp = (sitk.ReadImage(str(folder / f"lungpetctdx_A0001_kernel{name}.nii.gz")) for name in ("B", "L_half"))
    litres = []
    for image in (sitk.BinShrink(soft, (4, 4, 1)), sitk.BinShrink(sharp, (2, 2, 1))):
        array = sitk.GetArrayFromImage(image).astype(np.int16)
        sides = segment_lungs(array, image.GetSpacing()[::-1]).sides
        litres.append([np.count_nonzero(sides == side) * np.prod(image.GetSpacing()) / 1e6 for side in (1, 2)])
    assert np.allclose(litres[0], litres[1], rtol=0.03)
    assert 5.0 < sum(litres[0]) < 6.0
