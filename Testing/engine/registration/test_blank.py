"""Blank parts of volumes: found whatever their shape, left out, and no edge of theirs decides on a registration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from engine.registration.structured import moved_image
from engine.registration.structured import rigid_truth
from engine.registration.structured import structured_image
from engine.registration.structured import target_error_mm
from mambamed.jobs.reporter import NullReporter
from mambamed.registration import alignment
from mambamed.registration import register
from mambamed.registration.blank import shown_part
from mambamed.registration.blank import without_blank_parts
from mambamed.registration.pair import ImagePair


class _Log(NullReporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, message: str) -> None:
        self.lines.append(message)


def _ball(size: tuple[int, int, int], radius: float, centre: tuple[float, float, float]) -> np.ndarray:
    """(X, Y, Z) transposed to the order of arrays of images, true within ``radius`` voxels."""
    places = np.stack(np.meshgrid(*(np.arange(count) for count in size[::-1]), indexing="ij"), axis=-1)
    return np.linalg.norm(places - np.array(centre[::-1]), axis=-1) < radius


def _image(values: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((4.0, -5.0, 6.0))
    return image


@pytest.mark.parametrize("value", [0.0, -1024.0])
@pytest.mark.parametrize("size", [(24, 22, 20), (300, 9, 11)])
def test_what_is_joined_to_the_border_is_blank_and_holes_are_not(value: float, size: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    inside = _ball(size, 0.4 * size[0], tuple(count / 2 for count in size))
    values = np.where(inside, rng.uniform(10.0, 900.0, inside.shape), value).astype(np.float32)
    hole = tuple(slice(count // 2, count // 2 + 2) for count in values.shape)
    values[hole] = value
    shown = shown_part(_image(values))
    assert shown is not None
    assert shown.GetSpacing() == (1.0, 2.0, 3.0)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(shown) > 0, inside)


def test_a_volume_that_fills_its_grid_has_no_blank_part() -> None:
    values = np.random.default_rng(0).normal(size=(9, 10, 11)).astype(np.float32)
    assert shown_part(_image(values)) is None
    assert shown_part(_image(np.round(values, 1))) is None
    assert shown_part(_image(np.ones_like(values))) is None
    # Half of the background's voxels are 0 by chance, as in noise that was rounded.
    background = np.random.default_rng(0).integers(0, 2, (40, 40, 40)).astype(np.float32)
    background[_ball((40, 40, 40), 12.0, (20, 20, 20))] += 50.0
    assert shown_part(_image(background)) is None


def test_the_outline_of_a_label_map_is_all_it_shows() -> None:
    inside = _ball((20, 20, 20), 7.0, (10, 10, 10))
    assert shown_part(_image(inside.astype(np.float32))) is None
    assert (
        shown_part(_image((inside + 0.01 * np.random.default_rng(0).random(inside.shape)).astype(np.float32))) is None
    )


@pytest.mark.parametrize("method", ["disa", "mind-ssc", "lc2"])
def test_the_outline_of_a_part_is_not_drawn_to_that_of_the_whole(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ball cut out of a larger one, as a brain without its skull out of a head, is found where it was."""
    whole = structured_image(3, (56, 56, 56), spacing_mm=3.0)
    values = sitk.GetArrayFromImage(whole) + 500.0
    large, small = _ball(whole.GetSize(), 26.0, (28, 28, 28)), _ball(whole.GetSize(), 16.0, (28, 28, 36))
    images = [sitk.GetImageFromArray(np.where(part, values, 0.0).astype(np.float32)) for part in (large, small)]
    for image in images:
        image.CopyInformation(whole)
    truth = rigid_truth((4.0, -6.0, 5.0), (3.0, -4.0, 2.0), whole)
    moving = moved_image(images[0], truth, contrast=False)
    settings = {"method": method, "initial": "header", "working_spacing_mm": 3.0, "stride": 2, "cache": False}
    log = _Log()
    found = register(images[1], moving, **settings, reporter=log)
    error = target_error_mm(found.transform, truth, images[1])
    assert error < 1.5
    assert sum("blank up to its border" in line for line in log.lines) == 2
    # A mask that is given decides alone; this one takes the blank parts in.
    monkeypatch.setattr(alignment, "without_blank_parts", lambda pair, method, reporter: pair)
    as_it_lies = register(images[1], moving, **settings)
    assert target_error_mm(as_it_lies.transform, truth, images[1]) > 2.0 * error


@pytest.mark.parametrize(("method", "differ", "left_out"), [("lc2", True, 2), ("mattes", True, 0), ("lc2", False, 0)])
def test_blank_parts_stay_where_they_help(method: str, differ: bool, left_out: int) -> None:
    rng = np.random.default_rng(0)
    volume = _image(np.where(_ball((24, 22, 20), 8.0, (12, 11, 10)), rng.uniform(10, 90, (20, 22, 24)), 0.0))
    start = sitk.AffineTransform(3)
    pair = ImagePair(volume, volume, volume, None, None, None, None, differ, start, 2.0, planar=False)
    found = without_blank_parts(pair, method, _Log())
    assert [found.fixed_shown, found.moving_mask].count(None) == 2 - left_out
    given = replace(pair, fixed_shown=sitk.Cast(volume * 0 + 1, sitk.sitkUInt8))
    assert without_blank_parts(given, method, _Log()).fixed_shown is given.fixed_shown
