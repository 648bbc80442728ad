"""Measures against independent computation and known answers."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.emphysema.clusters import cluster_sizes
from mambamed.emphysema.clusters import power_law_exponent
from mambamed.emphysema.density import measure_region

SPACING_MM = (2.5, 0.7, 0.8)
VOXEL_ML = 2.5 * 0.7 * 0.8 / 1000.0


def test_known_answers():
    hu = np.full((10, 10, 10), 40, dtype=np.int16)
    region = np.zeros(hu.shape, dtype=bool)
    region[2:6, 1:6, 0:5] = True  # 100 voxels
    values = np.concatenate(
        [np.full(10, -980), np.full(20, -940), np.full(30, -915), np.full(30, -870), np.full(10, -500)]
    )
    hu[region] = values
    measures = measure_region(hu, region, SPACING_MM)
    assert measures.voxels == 100
    assert measures.volume_l == pytest.approx(100 * VOXEL_ML / 1000)
    assert measures.mass_g == pytest.approx(np.sum(values + 1000) / 1000 * VOXEL_ML)
    assert measures.mean_hu == pytest.approx(values.mean())
    assert measures.sd_hu == pytest.approx(values.std())
    assert measures.perc15_hu == -940
    assert measures["perc10_hu"] == pytest.approx(np.percentile(values, 10))
    assert measures.laa950_percent == pytest.approx(10)
    assert measures.laa925_percent == pytest.approx(30)
    assert measures.laa910_percent == pytest.approx(60)
    assert measures.laa856_percent == pytest.approx(90)
    assert measures.haa_percent == pytest.approx(10)


def test_a_threshold_itself_does_not_count_and_the_range_includes_its_ends():
    hu = np.array([[[-950, -951, -700, -250, -249, -701]]], dtype=np.int16)
    measures = measure_region(hu, np.ones(hu.shape, dtype=bool), SPACING_MM)
    assert measures.laa950_percent == pytest.approx(100 / 6)
    assert measures.haa_percent == pytest.approx(200 / 6)


def test_nothing_weighs_less_than_nothing():
    hu = np.full((2, 2, 2), -1020, dtype=np.int16)
    assert measure_region(hu, np.ones(hu.shape, dtype=bool), SPACING_MM).mass_g == 0.0


def test_an_empty_region_has_no_measures():
    hu = np.full((3, 3, 3), -900, dtype=np.int16)
    measures = measure_region(hu, np.zeros(hu.shape, dtype=bool), SPACING_MM)
    full = measure_region(hu, np.ones(hu.shape, dtype=bool), SPACING_MM)
    assert list(measures) == list(full)
    assert measures.volume_l == 0.0
    assert measures.perc15_hu is None
    assert measures.laa950_percent is None


def test_clusters_are_counted_by_faces_and_within_the_region():
    hu = np.full((4, 6, 8), -900, dtype=np.int16)
    hu[0, 0, 0:3] = -960
    hu[1, 1, 3] = -960  # touches the first by an edge only
    hu[3, 5, 6:8] = -960
    region = np.ones(hu.shape, dtype=bool)
    measures = measure_region(hu, region, SPACING_MM)
    assert measures.cluster_count == 3
    assert measures.largest_cluster_ml == pytest.approx(3 * VOXEL_ML)
    region[0, 0, 1] = False  # cuts one in two
    assert measure_region(hu, region, SPACING_MM).cluster_count == 4


def test_the_exponent_of_a_power_law_is_found_exactly():
    sizes = np.concatenate(
        [np.full(int(count), size) for size, count in zip([1, 4, 16, 64], [3584, 448, 56, 8], strict=True)]
    )
    assert power_law_exponent(sizes) == pytest.approx(1.5)  # 4096, 512, 64, 8 clusters of at least 1, 4, 16, 64
    assert power_law_exponent(sizes * 7) == pytest.approx(1.5)
    assert power_law_exponent(np.array([1, 1, 5])) is None


def test_cluster_sizes_of_nothing():
    assert cluster_sizes(np.zeros((2, 3, 4), dtype=bool)).size == 0


@pytest.mark.shared_data
def test_real_scan_with_its_own_region_map(shared_folder):
    folder = shared_folder / "data" / "chest_ct" / "cip"
    image = sitk.ReadImage(str(folder / "ct-64.nrrd"))
    ct = sitk.GetArrayFromImage(image)
    label_map = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "lm-64.nrrd")))
    spacing = image.GetSpacing()[::-1]
    for number in range(9, 15):
        region = label_map % 256 == number
        values = ct[region].astype(float)
        measures = measure_region(ct, region, spacing)
        assert measures.volume_l == pytest.approx(values.size * np.prod(spacing) * 1e-6)
        assert measures.mean_hu == pytest.approx(values.sum() / values.size)
        assert measures.perc15_hu == pytest.approx(np.percentile(values, 15))
        assert measures.laa950_percent == pytest.approx(100 * np.mean(values < -950))
        assert measures.mass_g == pytest.approx(
            np.sum(np.clip((values + 1000) / 1000, 0, None)) * np.prod(spacing) / 1000
        )
