"""The result lies on the input's own grid, and says the same in space whatever the axes of the file are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from engine.segmentation.small_models import make_dataset
from engine.segmentation.small_models import make_plans
from engine.segmentation.small_models import write_model
from mambamed.errors import BadRequestError
from mambamed.imaging import reorient
from mambamed.imaging import same_grid
from mambamed.imaging.orientation import reorient_like
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.imaging.phantoms import rotation_direction
from mambamed.segmentation import load_model
from mambamed.segmentation.model import SegmentationModel


@pytest.fixture(scope="module")
def model(trained_folder: Path) -> SegmentationModel:
    """A model that states the axes of its training data."""
    loaded = load_model(trained_folder, device="cpu")
    assert loaded.orientation == "LPS"
    return loaded


def dice(first: sitk.Image, second: sitk.Image, value: int) -> float:
    one = sitk.GetArrayFromImage(first) == value
    other = sitk.GetArrayFromImage(second) == value
    return float(2 * np.sum(one & other) / (one.sum() + other.sum()))


OBLIQUE = rotation_direction((11.0, -6.0, 17.0))


@pytest.mark.parametrize("direction", [None, OBLIQUE], ids=["straight", "oblique"])
@pytest.mark.parametrize("code", ["RAS", "LPS", "RPS", "LAI", "SAR", "PIL", "ASL"])
def test_turned_copies_give_the_same_segmentation_in_space(
    model: SegmentationModel, direction: tuple[float, ...] | None, code: str
) -> None:
    image, _ = ellipsoid_phantom(direction=direction)
    expected = model.predict(image, precision="float32", uncertainty=True)
    turned = reorient(image, code)
    result = model.predict(turned, precision="float32", uncertainty=True)
    assert same_grid(result.labelmap, turned)
    assert result.labelmap.GetOrigin() == turned.GetOrigin()
    back = reorient_like(result.labelmap, image)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(expected.labelmap))
    assert result.uncertainty is not None
    assert expected.uncertainty is not None
    back = reorient_like(result.uncertainty, image)
    np.testing.assert_allclose(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(expected.uncertainty), atol=1e-6)
    assert len(np.unique(sitk.GetArrayFromImage(expected.labelmap))) >= 3


def test_rotated_scanner_axes_do_not_change_the_result(model: SegmentationModel) -> None:
    """An oblique acquisition of the same array is the same picture in another place."""
    straight, _ = ellipsoid_phantom(size=(29, 33, 23))
    oblique, _ = ellipsoid_phantom(size=(29, 33, 23), direction=OBLIQUE, origin_mm=(80.0, -40.0, 12.0))
    one = model.predict(straight, precision="float32").labelmap
    other = model.predict(oblique, precision="float32").labelmap
    np.testing.assert_array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other))
    assert same_grid(other, oblique)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 3.0), (2.4, 1.0, 1.2), (1.0, 0.5, 1.6)])
def test_other_sampling_gives_the_same_segmentation(model: SegmentationModel, spacing_mm: tuple[float, ...]) -> None:
    field_mm = (40.7, 38.7, 49.3)
    size = [round(length / step) for length, step in zip(field_mm, spacing_mm, strict=True)]
    image, labels = ellipsoid_phantom(size=size, spacing_mm=spacing_mm, direction=OBLIQUE)
    found = model.predict(image, precision="float32").labelmap
    assert same_grid(found, image)
    for value in (1, 2, 3):
        assert dice(found, labels, value) > 0.8


def test_the_phantom_itself_is_segmented_well(model: SegmentationModel) -> None:
    image, labels = ellipsoid_phantom(seed=77)
    found = model.predict(image).labelmap
    for value in (1, 2, 3):
        assert dice(found, labels, value) > 0.9


def test_orientation_of_the_file_is_kept_on_request(model: SegmentationModel) -> None:
    image, _ = ellipsoid_phantom(size=(29, 33, 23))
    turned = reorient(image, "LAI")
    as_model = model.predict(turned, precision="float32").labelmap
    as_file = model.predict(turned, precision="float32", orientation="file").labelmap
    assert same_grid(as_file, turned)
    assert not np.array_equal(sitk.GetArrayFromImage(as_model), sitk.GetArrayFromImage(as_file))


@pytest.mark.parametrize("code", ["LPS", "SAR"])
def test_region_of_interest_is_the_same_place(model: SegmentationModel, code: str) -> None:
    image, _ = ellipsoid_phantom(size=(44, 48, 40), spacing_mm=(1.0, 1.1, 1.4), origin_mm=(-20.0, 11.0, 5.0))
    image = reorient(image, code)
    region = (-10.0, 8.0, 25.0, 47.0, 20.0, 44.0)
    whole = model.predict(image, precision="float32").labelmap
    part = model.predict(image, precision="float32", region_of_interest_lps_mm=region).labelmap
    assert same_grid(part, image)
    inside = np.zeros(sitk.GetArrayViewFromImage(part).shape, dtype=bool)
    for index in np.ndindex(*image.GetSize()):
        point = image.TransformIndexToPhysicalPoint(tuple(int(value) for value in index))
        inside[index[::-1]] = all(
            low - 1e-6 <= value <= high + 1e-6
            for value, low, high in zip(point, region[::2], region[1::2], strict=True)
        )
    found = sitk.GetArrayFromImage(part)
    assert not found[~inside].any()
    np.testing.assert_array_equal(found[inside], sitk.GetArrayFromImage(whole)[inside])
    assert len(np.unique(found[inside])) >= 3


def test_region_that_covers_everything_changes_nothing(model: SegmentationModel) -> None:
    image, _ = ellipsoid_phantom(size=(29, 33, 23))
    whole = model.predict(image, precision="float32").labelmap
    region = (-500.0, 500.0, -500.0, 500.0, -500.0, 500.0)
    part = model.predict(image, precision="float32", region_of_interest_lps_mm=region).labelmap
    np.testing.assert_array_equal(sitk.GetArrayFromImage(part), sitk.GetArrayFromImage(whole))


def test_region_outside_is_refused(model: SegmentationModel) -> None:
    image, _ = ellipsoid_phantom(size=(29, 33, 23))
    with pytest.raises(BadRequestError, match="does not overlap"):
        model.predict(image, region_of_interest_lps_mm=(900.0, 950.0, 0.0, 10.0, 0.0, 10.0))


def test_second_channel_on_another_grid(tmp_path: Path) -> None:
    plans, configuration = make_plans(channels=2)
    model = load_model(write_model(tmp_path, plans, configuration, make_dataset(2), channels=2), device="cpu")
    first, _ = ellipsoid_phantom(noise=0.0)
    second, _ = ellipsoid_phantom(noise=0.0, size=(37, 43, 29))
    expected = model.predict([first, second], precision="float32")
    assert expected.record["warnings"] == []
    result = model.predict([first, reorient(second, "SAR")], precision="float32")
    assert any("resampled to the grid of the first channel" in text for text in result.record["warnings"])
    assert same_grid(result.labelmap, first)
    agreement = np.mean(sitk.GetArrayFromImage(result.labelmap) == sitk.GetArrayFromImage(expected.labelmap))
    assert agreement > 0.999
