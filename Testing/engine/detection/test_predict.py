"""Detection on pictures and volumes: boxes and objects must lie where the solids do, whatever the grid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from engine.detection.scripted_detector import BrightRectangles
from engine.detection.scripted_detector import scripted_model
from engine.detection.solid_phantoms import empty_grid
from engine.detection.solid_phantoms import rotation
from engine.detection.solid_phantoms import volume_with_solids
from engine.detection.tiny_detectors import write_detector
from mambamed.detection import detect
from mambamed.detection import load_detector
from mambamed.detection.description import IntensityNormalisation
from mambamed.detection.predict import predict
from mambamed.detection.settings import DetectionSettings
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.jobs.reporter import NullReporter

CENTRE = (12.0, -7.0, 31.0)
# A bar lying in the axial plane, turned by 30 degrees, and a dim one beside it.
BAR = ((10.0, -3.0, 33.0), rotation((0, 0, 1), 30.0), (16.0, 6.0, 9.0), 100)
DIM = ((18.0, -14.0, 29.0), rotation((0, 0, 1), -20.0), (10.0, 5.0, 9.0), 60)


class Listener(NullReporter):
    def __init__(self, cancel_after: int | None = None) -> None:
        self.warnings: list[str] = []
        self.fractions: list[float] = []
        self.cancel_after = cancel_after

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def progress(self, stage: str, fraction: float) -> None:
        self.fractions.append(fraction)

    def check_cancelled(self) -> None:
        if self.cancel_after is not None and len(self.fractions) >= self.cancel_after:
            raise JobCancelledError("The job was cancelled.")


def _grids() -> dict[str, sitk.Image]:
    """Return grids of one field of view stored in different orders, one turned by some degrees."""
    base = empty_grid((61, 53, 17), (0.8, 0.8, 2.5), np.eye(3), CENTRE)
    turned = empty_grid((61, 53, 17), (0.8, 0.8, 2.5), rotation((1, 2, 3), 14.0), CENTRE)
    return {
        "LPS": base,
        "RAI": sitk.Flip(base, [True, True, True]),
        "flipped x": sitk.Flip(base, [True, False, False]),
        "SLP": sitk.PermuteAxes(base, [2, 0, 1]),
        "PLS": sitk.PermuteAxes(base, [1, 0, 2]),
        "ASR": sitk.Flip(sitk.PermuteAxes(base, [1, 2, 0]), [True, False, True]),
        "anisotropic": empty_grid((61, 30, 17), (0.8, 1.4, 2.5), np.eye(3), CENTRE),
        "oblique": turned,
        "oblique stored otherwise": sitk.Flip(sitk.PermuteAxes(turned, [2, 1, 0]), [False, True, False]),
    }


@pytest.mark.parametrize("name", list(_grids()))
def test_objects_lie_at_the_same_place_whatever_the_storage_order(name: str) -> None:
    image = volume_with_solids(_grids()[name], [BAR, DIM])
    result = predict(scripted_model(), image, DetectionSettings())
    assert result.is_linked
    assert [item.label for item in result.objects] == ["bright", "dim"]
    for item, (centre, axes, sizes, _) in zip(result.objects, (BAR, DIM), strict=True):
        assert np.linalg.norm(item.centre_lps_mm - centre) < 1.2, name
        oblique = "oblique" in name
        np.testing.assert_allclose(item.size_mm, np.sort(sizes)[::-1], atol=6.5 if oblique else 2.6)
        assert abs(item.axes_lps[0] @ axes[0]) > (0.93 if oblique else 0.995)
        np.testing.assert_allclose(item.axes_lps @ item.axes_lps.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(item.axes_lps) > 0
        assert len(item.boxes) >= 3
        assert item.slices[1] - item.slices[0] + 1 >= len(item.boxes)
    boxes = {box.id: box for box in result.boxes}
    for item in result.objects:
        assert all(boxes[number].object == item.id for number in item.boxes)


@pytest.mark.parametrize("name", ["LPS", "ASR", "oblique stored otherwise", "anisotropic"])
def test_corners_in_pixels_and_in_space_agree(name: str) -> None:
    image = volume_with_solids(_grids()[name], [BAR])
    result = predict(scripted_model(), image, DetectionSettings(link_slices=False))
    axis = result.image.slice_axis
    assert axis is not None
    assert result.boxes
    for box in result.boxes:
        assert box.object is None
        for corner, place in zip(box.corners_px, box.corners_lps_mm, strict=True):
            index = np.insert(corner, axis, box.slice).tolist()
            np.testing.assert_allclose(image.TransformContinuousIndexToPhysicalPoint(index), place, atol=1e-6)
        np.testing.assert_allclose(box.corners_lps_mm.mean(axis=0), box.centre_lps_mm, atol=1e-9)
        sides = np.linalg.norm(np.roll(box.corners_lps_mm, -1, axis=0) - box.corners_lps_mm, axis=1)
        np.testing.assert_allclose(sides, [*box.size_mm[:2], *box.size_mm[:2]], atol=1e-6)
        assert box.size_mm[0] >= box.size_mm[1]
        np.testing.assert_allclose(box.axes_lps @ box.axes_lps.T, np.eye(3), atol=1e-6)


@pytest.mark.parametrize(("plane", "expected_deg"), [("axial", 30.0), ("coronal", 150.0), ("sagittal", 150.0)])
def test_angles_are_those_of_the_usual_views(plane: str, expected_deg: float) -> None:
    """Turned by 30 degrees from x towards y in each plane; a view's y runs to the feet, the axis to the head."""
    axis = {"axial": (0, 0, 1), "coronal": (0, -1, 0), "sagittal": (1, 0, 0)}[plane]
    first = {"axial": (1, 0, 0), "coronal": (1, 0, 0), "sagittal": (0, 1, 0)}[plane]
    turned = rotation(axis, 30.0) @ np.array(first)
    axes = np.stack([turned, np.cross(axis, turned), axis])
    grid = empty_grid((45, 47, 43), (1.0, 1.0, 1.0), np.eye(3), CENTRE)
    image = sitk.Flip(volume_with_solids(grid, [(CENTRE, axes, (22.0, 6.0, 7.0), 100)]), [True, False, True])
    result = predict(scripted_model(), image, DetectionSettings(slice_axis=plane))
    assert result.image.plane == plane
    assert {round(box.angle_deg / 3) for box in result.boxes} == {round(expected_deg / 3)}
    assert len(result.objects) == 1
    assert abs(result.objects[0].axes_lps[0] @ turned) > 0.99


def test_a_needle_that_crosses_the_slices_gets_a_long_thin_box() -> None:
    axes = rotation((1, 0, 0), -60.0) @ np.eye(3)
    direction = axes[:, 1]
    frame = np.stack([direction, [1, 0, 0], np.cross(direction, [1, 0, 0])])
    grid = empty_grid((40, 60, 40), (1.0, 1.0, 1.0), np.eye(3), CENTRE)
    image = volume_with_solids(grid, [(CENTRE, frame, (30.0, 5.0, 5.0), 100)])
    item = predict(scripted_model(), image, DetectionSettings(link_overlap=0.1)).objects[0]
    assert abs(item.axes_lps[0] @ direction) > 0.98
    assert item.size_mm[0] == pytest.approx(30.0, abs=5.0)
    assert item.size_mm[1] < 9.0
    assert np.linalg.norm(item.centre_lps_mm - np.asarray(CENTRE)) < 1.0


def test_slab_region_and_labels_choose_what_is_looked_at() -> None:
    image = volume_with_solids(_grids()["ASR"], [BAR, DIM])
    network = BrightRectangles()
    whole = predict(scripted_model(network), image, DetectionSettings())
    assert len(network.shapes) == 17
    first, last = whole.objects[0].slices
    few = predict(scripted_model(network), image, DetectionSettings(slices=(first, first)))
    assert len(network.shapes) == 18
    assert {box.slice for box in few.boxes} == {first}
    assert not few.is_linked
    region = (5, 14, -10, 2, 30, 36)  # around the bar's middle
    only = predict(scripted_model(network), image, DetectionSettings(region_of_interest_lps_mm=region))
    assert {box.label for box in only.boxes} == {"bright"}
    assert len(network.shapes) < 18 + 5
    dim = predict(scripted_model(), image, DetectionSettings(labels=("dim",)))
    assert {box.label for box in dim.boxes} == {"dim"}
    assert dim.record["counts"] == {"dim": {"boxes": len(dim.boxes), "objects": 1}}
    assert last > first


def test_a_short_chain_is_dropped_and_a_gap_is_passed_over() -> None:
    image = volume_with_solids(_grids()["LPS"], [BAR])
    array = sitk.GetArrayFromImage(image)
    occupied = np.flatnonzero((array == 100).any(axis=(1, 2)))
    array[occupied[1]] = 5
    holed = sitk.GetImageFromArray(array)
    holed.CopyInformation(image)
    assert len(predict(scripted_model(), holed, DetectionSettings(link_gap=1)).objects) == 1
    assert len(predict(scripted_model(), holed, DetectionSettings(link_gap=0)).objects) == 2
    kept = predict(scripted_model(), holed, DetectionSettings(link_gap=0, minimum_slices=2))
    assert len(kept.objects) == 1
    assert [box.id for box in kept.boxes] == list(range(1, len(kept.boxes) + 1))
    assert set(kept.objects[0].boxes) == {box.id for box in kept.boxes}


def _picture(width: int, height: int, components: int = 1) -> tuple[sitk.Image, list[tuple[float, float]]]:
    """Return a picture with turned rectangles on a lattice, and their centres."""
    y, x = np.mgrid[:height, :width]
    values = np.full((height, width), 3, dtype=np.uint8)
    centres = []
    for row, column in itertools.product(range(20, height - 20, 34), range(20, width - 20, 34)):
        angle = 0.3 + 0.05 * len(centres)
        along = (x - column) * np.cos(angle) + (y - row) * np.sin(angle)
        across = (y - row) * np.cos(angle) - (x - column) * np.sin(angle)
        values[(np.abs(along) <= 9) & (np.abs(across) <= 4)] = 100
        centres.append((float(column), float(row)))
    stacked = values if components == 1 else np.repeat(values[..., None], components, axis=-1)
    return sitk.GetImageFromArray(stacked, isVector=components > 1), centres


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(("side", "overlap"), [(64, 32), (96, 24), (1024, 200)])
def test_tiles_find_each_object_once_as_the_whole_picture_does(side: int, overlap: int, batch_size: int) -> None:
    image, centres = _picture(211, 173)
    whole = predict(scripted_model(), image, DetectionSettings())
    network = BrightRectangles()
    settings = DetectionSettings(tile_size_px=side, tile_overlap_px=overlap, batch_size=batch_size)
    result = predict(scripted_model(network), image, settings)
    assert max(shape[0] for shape in network.shapes) <= batch_size
    assert len(result.boxes) == len(centres) == len(whole.boxes)
    for part in (result, whole):
        found = sorted(tuple(np.round(box.corners_px.mean(axis=0))) for box in part.boxes)
        assert found == sorted(centres)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (33, 5), (64, 65), (127, 31)])
def test_odd_sizes(width: int, height: int, make_detector) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 255, (height, width), dtype=np.uint8))
    model = load_detector(make_detector(score_threshold=0.0), "cpu")
    result = predict(model, image, DetectionSettings(tile_size_px=64, tile_overlap_px=16, maximum_boxes=50))
    assert result.boxes
    for box in result.boxes:
        assert np.isfinite(box.corners_lps_mm).all()
        centre = box.corners_px.mean(axis=0)
        assert (centre >= -0.51).all()
        assert centre[0] <= width - 0.49
        assert centre[1] <= height - 0.49


@pytest.mark.parametrize("flips", [False, True])
def test_flipping_puts_boxes_back_where_they_are(flips: bool) -> None:
    image, centres = _picture(101, 77)
    plain = predict(scripted_model(), image, DetectionSettings())
    result = predict(scripted_model(), image, DetectionSettings(flips=flips))
    assert len(result.boxes) == len(centres)
    by_place = {tuple(np.round(box.corners_px.mean(axis=0))): box for box in plain.boxes}
    for box in result.boxes:
        same = by_place[tuple(np.round(box.corners_px.mean(axis=0)))]
        assert box.score == pytest.approx(same.score, abs=1e-5)
        assert box.angle_deg == pytest.approx(same.angle_deg, abs=0.5)


def test_a_box_that_one_flip_alone_shows_loses_score() -> None:
    class OneSided(BrightRectangles):
        def forward(self, images):
            output = super().forward(images)
            if len(self.shapes) > 1:  # nothing is found on the flipped copies
                output.cls_logits.fill_(-20.0)
            return output

    image, _ = _picture(60, 60)
    plain = predict(scripted_model(), image, DetectionSettings())
    flipped = predict(scripted_model(OneSided()), image, DetectionSettings(flips=True, score_threshold=0.01))
    assert len(flipped.boxes) == len(plain.boxes) == 1
    assert flipped.boxes[0].score == pytest.approx(plain.boxes[0].score / 4, rel=1e-4)
    assert not predict(scripted_model(OneSided()), image, DetectionSettings(flips=True, score_threshold=0.5)).boxes


def test_rectangles_are_measured_in_millimetres_on_anisotropic_pixels() -> None:
    angle = np.radians(35.0)
    axes = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    grid = empty_grid((120, 50, 1), (0.5, 1.25, 3.0), np.eye(3), CENTRE)
    image = volume_with_solids(grid, [(CENTRE, axes, (24.0, 8.0, 3.0), 100)])
    (box,) = predict(scripted_model(), image, DetectionSettings()).boxes
    np.testing.assert_allclose(box.size_mm, [24.0, 8.0, 3.0], atol=1.2)
    assert box.angle_deg == pytest.approx(35.0, abs=2.0)
    assert np.linalg.norm(box.centre_lps_mm - np.asarray(CENTRE)) < 0.5
    fields = box.to_json(True)
    assert fields["length_px"] == pytest.approx(fields["length_mm"] / 0.5)


@pytest.mark.parametrize("spacing_mm", [0.5, 1.7])
def test_the_network_sees_the_pixel_size_it_was_made_for(spacing_mm: float) -> None:
    grid = empty_grid((90, 70, 1), (0.8, 0.8, 2.0), np.eye(3), CENTRE)
    image = volume_with_solids(grid, [((12.0, -7.0, 31.0), rotation((0, 0, 1), 40), (30.0, 14.0, 2.0), 100)])
    network = BrightRectangles()
    (box,) = predict(scripted_model(network, pixel_spacing_mm=spacing_mm), image, DetectionSettings()).boxes
    shown = int(np.ceil((int(89 * 0.8 / spacing_mm) + 1) / 32) * 32)
    assert network.shapes[0][-1] == shown
    np.testing.assert_allclose(box.size_mm[:2], [30.0, 14.0], atol=1.3 if spacing_mm < 1 else 1.7)
    assert np.linalg.norm(box.centre_lps_mm - np.asarray(CENTRE)) < 0.6


def test_resampled_tiles_are_those_of_the_resampled_picture() -> None:
    from mambamed.detection.slice_views import view_slices
    from mambamed.detection.tile_source import choose_grid
    from mambamed.detection.tiling import Tile

    values = np.random.default_rng(3).normal(size=(71, 83)).astype(np.float32)
    views = view_slices(sitk.GetImageFromArray(values))
    for side_mm in (0.7, 1.9, 3.3):
        grid = choose_grid(views, side_mm)
        whole = grid.read(views.view(0), Tile(0, 0, grid.width, grid.height))
        part = grid.read(views.view(0), Tile(5, 7, 11, 9))
        np.testing.assert_allclose(part, whole[7:16, 5:16], atol=2e-5)
        assert whole.shape[:2] == (int(70 / side_mm) + 1, int(82 / side_mm) + 1)


def test_detect_gives_boxes_in_pixels() -> None:
    image, centres = _picture(101, 77, components=3)
    found = detect(image, scripted_model())
    assert sorted((round(box.cx), round(box.cy)) for box in found) == sorted((int(x), int(y)) for x, y in centres)
    for box in found:
        assert box.w == pytest.approx(19, abs=1.5)
        assert box.h == pytest.approx(9, abs=1.5)
        assert -np.pi / 4 <= box.angle_rad < 3 * np.pi / 4
    assert [box.score for box in found] == sorted((box.score for box in found), reverse=True)


def test_detect_takes_one_slice_of_a_volume() -> None:
    image = volume_with_solids(_grids()["LPS"], [BAR])
    assert len(detect(image, scripted_model(), slices=(8, 8))) == 1
    with pytest.raises(BadRequestError, match="17 slices to look at"):
        detect(image, scripted_model())


def test_detect_by_folder(tmp_path) -> None:
    folder = write_detector(tmp_path / "m", ("a", "b"), score_threshold=0.0)
    image, _ = _picture(60, 60)
    found = detect(image, folder, device="cpu", maximum_boxes=7)
    assert len(found) == 7
    assert {box.label for box in found} <= {"a", "b"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"labels": ("cyst",)}, "does not know cyst; its labels are dim, bright"),
        ({"slices": (3, 17)}, "has 17 axial slices, 0 to 16"),
        ({"slices": (0, 3), "region_of_interest_lps_mm": (5, 14, -10, 2, 45, 50)}, "slab is empty"),
        ({"region_of_interest_lps_mm": (500, 600, 0, 1, 0, 1)}, "does not overlap the volume"),
        ({"pixel_spacing_mm": 0.01}, "enlarge it more than 16 times"),
    ],
)
def test_clear_refusals(settings, words: str) -> None:
    image = volume_with_solids(_grids()["LPS"], [BAR])
    with pytest.raises(BadRequestError) as caught:
        predict(scripted_model(), image, DetectionSettings(**settings))
    assert words in str(caught.value)


def test_wrong_channels_are_refused() -> None:
    two = sitk.Compose(sitk.Image([40, 40], sitk.sitkUInt8), sitk.Image([40, 40], sitk.sitkUInt8))
    with pytest.raises(BadRequestError, match="has 2 values per pixel and the model takes 1"):
        predict(scripted_model(), two, DetectionSettings())
    with pytest.raises(BadRequestError, match="slices 1 to 2 are asked for, but the image is 2D"):
        predict(scripted_model(), _picture(60, 60)[0], DetectionSettings(slices=(1, 2)))


def test_values_outside_the_models_range_are_warned_of_and_can_be_set() -> None:
    image, centres = _picture(101, 77)
    bright = sitk.Cast(image, sitk.sitkFloat32) * 40 + 500
    listener = Listener()
    predict(scripted_model(), bright, DetectionSettings(), listener)
    assert "values go from 620 to 4500" in listener.warnings[0]
    assert "0 (darkest) to 100 (brightest)" in listener.warnings[0]
    listener = Listener()
    result = predict(scripted_model(), bright, DetectionSettings(intensity_range=(600, 4500)), listener)
    assert len(result.boxes) == len(centres)
    assert not listener.warnings
    percentiles = IntensityNormalisation("percentiles", 1, 99)
    result = predict(scripted_model(normalisation=percentiles), bright, DetectionSettings())
    assert len(result.boxes) == len(centres)
    assert result.record["intensity_range"] == [620.0, 4500.0]


def test_unknown_pixel_size_leaves_lengths_in_millimetres_open() -> None:
    image, _ = _picture(101, 77)
    listener = Listener()
    result = predict(scripted_model(pixel_spacing_mm=0.4), image, DetectionSettings(), listener)
    assert not result.image.spacing_is_known
    assert "size of this picture's pixels is not known" in listener.warnings[0]
    fields = result.to_json()["boxes"][0]
    assert fields["length_mm"] is None
    assert fields["length_px"] == pytest.approx(19, abs=1.5)
    image.SetSpacing((0.4, 0.4))
    fields = predict(scripted_model(pixel_spacing_mm=0.4), image, DetectionSettings()).to_json()["boxes"][0]
    assert fields["length_mm"] == pytest.approx(0.4 * 19, abs=0.6)


def test_progress_and_cancel() -> None:
    image, _ = _picture(211, 173)
    listener = Listener()
    settings = DetectionSettings(tile_size_px=64, tile_overlap_px=16)
    predict(scripted_model(), image, settings, listener)
    assert listener.fractions == sorted(listener.fractions)
    assert listener.fractions[-1] == 1.0
    assert len(listener.fractions) > 5
    with pytest.raises(JobCancelledError):
        predict(scripted_model(), image, settings, Listener(cancel_after=2))
