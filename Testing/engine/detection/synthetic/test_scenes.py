"""Synthetic scenes: drawn once per name, with exact boxes, crowded, and nothing hidden."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from mambamed.detection.geometry import rotated_iou
from mambamed.detection.oriented_box import OrientedBox
from mambamed.detection.synthetic import Scene
from mambamed.detection.synthetic import SyntheticObject
from mambamed.detection.synthetic import SyntheticSettings
from mambamed.detection.synthetic import draw_scene
from mambamed.detection.synthetic import paint_scene
from mambamed.detection.synthetic.paint import paint_object
from mambamed.detection.synthetic.settings import DOMAINS
from mambamed.detection.synthetic.shapes import KINDS
from mambamed.errors import BadRequestError

_SIZES = {"aerial": (131, 97), "ct": (90, 142)}
_LABELS = [(domain, label) for domain, labels in DOMAINS.items() for label in labels]


def _scenes(domain: str, count: int = 12, **changes: float) -> list[Scene]:
    settings = SyntheticSettings(domain=domain, size=_SIZES[domain], seed=5, **changes)
    return [draw_scene(settings, "train", number) for number in range(count)]


def _without_objects(scene: Scene) -> Scene:
    return Scene(scene.size, (), scene.border, scene.colors, scene.texture, scene.noise, scene.noise_level)


def _in_box(box: OrientedBox, size: tuple[int, int], margin_px: float) -> np.ndarray:
    """Return which pixels' centres (y, x) lie in a box that is larger by a margin on each side."""
    x, y = np.arange(size[0])[None, :] - box.cx, np.arange(size[1])[:, None] - box.cy
    cosine, sine = np.cos(box.angle_rad), np.sin(box.angle_rad)
    along, across = np.abs(x * cosine + y * sine), np.abs(y * cosine - x * sine)
    return (along <= 0.5 * box.w + margin_px) & (across <= 0.5 * box.h + margin_px)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_name_makes_one_picture(domain: str) -> None:
    settings = SyntheticSettings(domain=domain, size=(101, 77), seed=3)
    first, again = (draw_scene(settings, "test", 4) for _ in range(2))
    assert first.objects == again.objects
    np.testing.assert_array_equal(paint_scene(first), paint_scene(again))
    assert paint_scene(first).shape == (77, 101, 3)
    assert paint_scene(first).dtype == np.uint8
    others = [draw_scene(settings, "train", 4), draw_scene(settings, "test", 5)]
    others.append(draw_scene(SyntheticSettings(domain=domain, size=(101, 77), seed=4), "test", 4))
    for other in others:
        assert other.objects != first.objects
        assert not np.array_equal(other.noise, first.noise)


@pytest.mark.parametrize("domain", DOMAINS)
def test_painting_draws_nothing_at_random(domain: str) -> None:
    scene = _scenes(domain, 1)[0]
    np.random.seed(1)
    one = paint_scene(scene)
    np.random.seed(2)
    np.testing.assert_array_equal(one, paint_scene(scene))


@pytest.mark.parametrize("domain", DOMAINS)
def test_objects_show_in_their_boxes_alone(domain: str) -> None:
    for scene in _scenes(domain, 6):
        with_objects, background = paint_scene(scene).astype(int), paint_scene(_without_objects(scene)).astype(int)
        changed = (with_objects != background).any(axis=-1)
        allowed = np.zeros_like(changed)
        for item in scene.objects:
            # A pixel shows an object if a part of it does: its centre is at most half a diagonal away.
            allowed |= _in_box(item.box, scene.size, 0.71)
            inside = _in_box(item.box, scene.size, 0.0)
            difference = (with_objects - background)[inside]
            assert np.abs(difference.mean(axis=0)).max() > 20, item
        assert not (changed & ~allowed).any()
        assert changed.any()


@pytest.mark.parametrize(("domain", "label"), _LABELS)
@pytest.mark.parametrize("angle_rad", [0.0, np.pi / 2, np.pi, -np.pi / 2])
def test_an_outline_reaches_all_sides_of_its_box(domain: str, label: str, angle_rad: float) -> None:
    assert label in SyntheticSettings(domain=domain).labels
    box = OrientedBox(50.3, 40.8, 30.0, 12.0, angle_rad, label).in_le135()
    rows, columns, share = paint_object(SyntheticObject(box, angle_rad, (1.0, 1.0, 1.0)), (101, 81))
    picture = np.zeros((81, 101))
    picture[rows, columns] = share
    for axis, centre, along in ((0, 50.3, abs(np.cos(angle_rad)) > 0.5), (1, 40.8, abs(np.cos(angle_rad)) < 0.5)):
        shown = np.flatnonzero(picture.max(axis=axis) > 0.0)
        half = 15.0 if along else 6.0
        assert abs(shown[0] - (centre - half)) <= 0.75
        assert abs(shown[-1] - (centre + half)) <= 0.75
    assert picture.max() <= 1.0


@pytest.mark.parametrize("domain", DOMAINS)
def test_boxes_are_in_the_picture_and_in_their_region_and_of_their_kinds_size(domain: str) -> None:
    lengths = []
    for scene in _scenes(domain):
        for item in scene.objects:
            x, y = np.asarray(item.box.corners()).T
            assert min(x.min(), y.min()) >= 0.0
            assert x.max() <= scene.size[0] - 1
            assert y.max() <= scene.size[1] - 1
            kind = KINDS[item.box.label]
            depth = scene.border.depth(x, y)
            assert depth.min() > 1.0 if kind.first_region else depth.max() < -1.0
            assert item.box == item.box.in_le135()
            assert kind.length_px[0] <= item.box.w <= kind.length_px[1]
            assert kind.aspect[0] - 1e-9 <= item.box.w / item.box.h <= kind.aspect[1] + 1e-9
            lengths.append(item.box.w)
    assert min(lengths) >= 6.0
    assert max(lengths) <= 30.0
    assert max(lengths) - min(lengths) > 15.0


@pytest.mark.parametrize("domain", DOMAINS)
def test_crowded_objects_are_close_but_hide_nothing(domain: str) -> None:
    close = []
    for crowded_share in (0.0, 1.0):
        neighbours = total = 0
        for scene in _scenes(domain, crowded_share=crowded_share):
            boxes = [item.box for item in scene.objects]
            values = torch.tensor([(b.cx, b.cy, b.w, b.h, b.angle_rad) for b in boxes], dtype=torch.float64)
            # A gap of one pixel takes 0.41 on all sides of both boxes, however one is turned against the other.
            wider = values + torch.tensor([0.0, 0.0, 0.82, 0.82, 0.0], dtype=torch.float64)
            overlap = rotated_iou(wider, wider)
            overlap.fill_diagonal_(0.0)
            assert float(overlap.max()) < 1e-9
            shown = np.zeros(scene.size[::-1])
            for item in scene.objects:
                rows, columns, share = paint_object(item, scene.size)
                shown[rows, columns] += share
            assert shown.max() <= 1.0 + 1e-9
            wider = values + torch.tensor([0.0, 0.0, 4.0, 4.0, 0.0], dtype=torch.float64)
            overlap = rotated_iou(wider, wider)
            overlap.fill_diagonal_(0.0)
            neighbours += int((overlap.amax(dim=1) > 0.0).sum())
            total += len(boxes)
        close.append(neighbours / total)
    assert close[1] > 0.6
    assert close[1] > close[0] + 0.2


@pytest.mark.parametrize("domain", DOMAINS)
def test_labels_are_balanced_and_all_angles_occur(domain: str) -> None:
    settings = SyntheticSettings(domain=domain, size=(160, 160), seed=1)
    objects = [item for number in range(25) for item in draw_scene(settings, "train", number).objects]
    counts = Counter(item.box.label for item in objects)
    assert set(counts) == set(settings.labels)
    assert min(counts.values()) > 0.8 * max(counts.values())
    assert len(objects) > 0.8 * 25 * settings.density * 2.56
    angles = np.array([item.box.angle_rad for item in objects])
    share = np.histogram(angles, bins=6, range=(-np.pi / 4, 3 * np.pi / 4))[0] / len(objects)
    assert share.sum() == pytest.approx(1.0)
    assert share.min() > 0.08


def test_noise_has_the_level_that_is_asked_for() -> None:
    levels = [scene.noise_level for scene in _scenes("ct", 40, noise=0.1)]
    assert 0.05 <= min(levels) < 0.07
    assert 0.13 < max(levels) <= 0.15
    assert {scene.noise_level for scene in _scenes("ct", 3, noise=0.0)} == {0.0}


@pytest.mark.parametrize(
    "values",
    [
        {"domain": "radar"},
        {"size": (63, 100)},
        {"size": (100, 5000)},
        {"size": (100,)},
        {"size": (100.0, 100)},
        {"seed": -1},
        {"density": 0.0},
        {"density": float("nan")},
        {"crowded_share": 1.1},
        {"noise": -0.1},
    ],
)
def test_impossible_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(BadRequestError, match="expected"):
        SyntheticSettings(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(("split", "number"), [("validation", 0), ("train", -1)])
def test_unknown_pictures_are_refused(split: str, number: int) -> None:
    with pytest.raises(BadRequestError, match="expected one of train, test"):
        draw_scene(SyntheticSettings(), split, number)
