"""Chest CT phantoms: repeatable, anatomically placed, with the lesions that were asked for, on any grid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.emphysema.phantom import ChestPhantomSettings
from mambamed.emphysema.phantom import draw_case
from mambamed.emphysema.phantom import make_chest_phantom
from mambamed.emphysema.phantom.settings import EXTENT_RANGES_PERCENT
from mambamed.errors import BadRequestError
from mambamed.imaging.phantoms import rotation_direction

SMALL = ChestPhantomSettings(seed=11, size=(44, 34, 42), spacing_mm=(8.0, 8.0, 8.0))


def _array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def _middle_mm(mask: np.ndarray, image: sitk.Image) -> np.ndarray:
    index = np.argwhere(mask).mean(axis=0)[::-1]
    return np.asarray(image.TransformContinuousIndexToPhysicalPoint(index.tolist()))


def test_the_same_settings_give_the_same_voxels_and_another_seed_another_patient():
    first, second = make_chest_phantom(SMALL), make_chest_phantom(SMALL)
    np.testing.assert_array_equal(_array(first.ct), _array(second.ct))
    other = make_chest_phantom(dataclasses.replace(SMALL, seed=12))
    assert np.mean(_array(other.labels) != _array(first.labels)) > 0.01


def test_lungs_airways_and_density_are_those_of_a_chest():
    phantom = make_chest_phantom(dataclasses.replace(SMALL, size=(96, 72, 92), spacing_mm=(4.0, 4.0, 4.0)))
    ct, labels = _array(phantom.ct), _array(phantom.labels)
    litres = 4.0**3 / 1e6
    for lung in (1, 2):
        assert 1.2 < (labels == lung).sum() * litres < 4.5
        assert -880 < np.median(ct[labels == lung]) < -830
    assert 0.02 < (labels == 3).sum() * litres < 0.2
    assert np.mean(ct[(labels == 1) | (labels == 2)] < -950) < 0.01
    dependent = ct[:, 46:][np.isin(labels[:, 46:], (1, 2))]
    anterior = ct[:, :28][np.isin(labels[:, :28], (1, 2))]
    assert np.median(dependent) > np.median(anterior) + 5


@pytest.mark.parametrize("pattern", ["centrilobular", "paraseptal", "panlobular"])
def test_lesions_take_the_share_that_was_asked_for_and_are_dark(pattern):
    extent = EXTENT_RANGES_PERCENT[pattern]["moderate"][1]
    phantom = make_chest_phantom(
        dataclasses.replace(
            SMALL, size=(80, 60, 76), spacing_mm=(5.0, 5.0, 5.0), pattern=pattern, extent_percent=extent
        )
    )
    ct, labels, lesions = _array(phantom.ct), _array(phantom.labels), _array(phantom.lesions)
    assert phantom.severity == "moderate"
    assert phantom.lesion_percent == pytest.approx(extent, abs=3.0)
    assert set(np.unique(lesions)) == {0, ["centrilobular", "paraseptal", "panlobular"].index(pattern) + 1}
    assert np.isin(labels[lesions > 0], (1, 2)).all()
    healthy = np.isin(labels, (1, 2)) & (lesions == 0)
    assert np.median(ct[lesions > 0]) < np.median(ct[healthy]) - 60


def test_the_patient_is_the_same_on_a_turned_and_anisotropic_grid_in_another_kernel():
    settings = dataclasses.replace(SMALL, pattern="panlobular", extent_percent=30.0)
    turned = dataclasses.replace(
        settings,
        size=(40, 52, 60),
        spacing_mm=(9.0, 7.0, 6.0),
        direction=rotation_direction((8.0, -5.0, 172.0)),
        centre_mm=(30.0, -20.0, 500.0),
        kernel="sharp",
    )
    straight, oblique = make_chest_phantom(settings), make_chest_phantom(turned)
    for phantom, centre in ((straight, 0.0), (oblique, 30.0)):
        labels = _array(phantom.labels)
        assert _middle_mm(labels == 1, phantom.labels)[0] > centre + 30
        assert _middle_mm(labels == 2, phantom.labels)[0] < centre - 30
    volumes = [
        np.isin(_array(phantom.labels), (1, 2)).sum() * np.prod(phantom.labels.GetSpacing())
        for phantom in (straight, oblique)
    ]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.04)
    middles = [_middle_mm(_array(phantom.lesions) > 0, phantom.lesions) for phantom in (straight, oblique)]
    np.testing.assert_allclose(middles[1] - (30.0, -20.0, 500.0), middles[0], atol=4.0)


def test_noise_grows_with_a_sharp_kernel_and_with_less_dose():
    def noise(kernel: str, dose: float) -> float:
        settings = dataclasses.replace(SMALL, kernel=kernel, dose=dose, noise_seed=1)
        one, two = make_chest_phantom(settings), make_chest_phantom(dataclasses.replace(settings, noise_seed=2))
        return float(np.std(_array(one.ct).astype(float) - _array(two.ct)))

    assert noise("sharp", 1.0) > 2.0 * noise("smooth", 1.0)
    assert noise("standard", 0.25) == pytest.approx(2.0 * noise("standard", 1.0), rel=0.1)


def test_outside_the_round_field_of_view_lies_the_value_that_was_asked_for():
    ct = _array(make_chest_phantom(dataclasses.replace(SMALL, outside_value=-3024.0)).ct)
    assert (ct[:, 0, 0] == -3024).all()
    assert ct[:, 17, 22].min() > -1025


def test_drawn_cases_have_the_severity_that_was_asked_for():
    for seed in range(12):
        for severity in ("none", "mild", "moderate", "severe"):
            assert draw_case(seed, severity, SMALL).severity == severity
    assert {draw_case(seed).severity for seed in range(40)} == {"none", "mild", "moderate", "severe"}
    assert draw_case(5) == draw_case(5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pattern": "bullous"}, "expected one of"),
        ({"pattern": "panlobular"}, "more than 0"),
        ({"extent_percent": 5.0}, "more than 0"),
        ({"size": (4, 4)}, "three numbers"),
        ({"spacing_mm": (1.0, float("nan"), 1.0)}, "0.1 to 20 mm"),
        ({"dose": 0.0}, "0.01 to 100"),
        ({"seed": -1}, "0 or more"),
    ],
)
def test_what_is_no_phantom_is_refused(change, message):
    with pytest.raises(BadRequestError, match=message):
        dataclasses.replace(SMALL, **change)
