"""Training pairs made of label maps."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.registration.layers import non_positive_jacobian_percent
from mambamed.registration.networks.training.deformation import AffineRange
from mambamed.registration.networks.training.deformation import DeformationRange
from mambamed.registration.networks.training.deformation import draw_affine
from mambamed.registration.networks.training.deformation import draw_deformation
from mambamed.registration.networks.training.label_folder import read_label_maps
from mambamed.registration.networks.training.label_maps import LabelMap
from mambamed.registration.networks.training.label_maps import ListedMaps
from mambamed.registration.networks.training.label_maps import SyntheticPairs
from mambamed.registration.networks.training.painting import paint_freely
from mambamed.registration.networks.training.shapes import RandomShapes

STILL = AffineRange(0.0, 0.0, 0.0, 0.0)
FREE = DeformationRange(AffineRange(10.0, 0.1, 0.05, 4.0), AffineRange(4.0, 0.04, 0.02, 2.0), ((4.0, 30.0),))
SHAPE = (18, 23, 16)


def _block_map(low: int = 6) -> LabelMap:
    """A block of label 3 in 2 mm voxels; the places are the positions of the voxels themselves."""
    labels = np.zeros((25, 29, 21), np.uint8)
    labels[low:17, 8:20, 5:15] = 3
    labels[low:11, 8:20, 5:15] = 5
    axes = [(np.arange(size) - (size - 1) / 2) * 2.0 for size in labels.shape]
    places = np.stack(np.meshgrid(*axes, indexing="ij"))
    return LabelMap(labels, labels, 2.0, places[:, ::4, ::4, ::4])


def _pairs(limits: DeformationRange, maps: list[LabelMap], **changes) -> SyntheticPairs:
    values = {"shape": SHAPE, "spacing_mm": 3.0, "seed": 4, "held_out": 2, **changes}
    return SyntheticPairs(ListedMaps(maps, 0), paint_freely, limits, **values)


def test_the_same_number_gives_the_same_pair_and_others_differ() -> None:
    pairs = _pairs(FREE, [_block_map()])
    first, again, other = (pairs.training_pair(number).tensors() for number in (5, 5, 6))
    assert first.keys() == other.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["target_labels"], other["target_labels"])
    assert not torch.equal(pairs.validation_pair(5).target, first["target"])
    assert first["source"].shape == (1, *SHAPE)
    assert float(first["source"].min()) >= 0.0
    assert float(first["source"].max()) <= 1.0


def test_both_images_have_their_own_contrast() -> None:
    still = DeformationRange(STILL, STILL, ())
    pair = _pairs(still, [_block_map()]).training_pair(0)
    assert torch.equal(pair.source_labels, pair.target_labels)
    assert (pair.source - pair.target).abs().mean() > 0.05


def test_an_undeformed_map_is_sampled_where_it_lies() -> None:
    pair = _pairs(DeformationRange(STILL, STILL, ()), [_block_map()]).training_pair(0)
    inside = torch.nonzero(pair.target_labels > 0)
    # The block spans voxels 6 to 16 of 25 along x: -13 to 9 mm from the middle, 3 mm voxels from -25.5 mm on.
    found = (inside[:, 0].min().item(), inside[:, 0].max().item())
    # Mirroring keeps the extent, turned around.
    assert found in ((5, 11), (6, 12))
    places = pair.target_places * 3.0
    side = -1.0 if found == (6, 12) else 1.0
    expected = (torch.arange(18) - 8.5) * 3.0 * side
    # The first and last voxel lie beyond the map.
    torch.testing.assert_close(places[0, 1:-1, 11, 8], expected[1:-1], atol=1e-3, rtol=0.0)


def test_places_of_source_and_target_tell_who_belongs_to_whom() -> None:
    """Where both maps have the same place, both have the same label, however they were deformed."""
    pair = _pairs(FREE, [_block_map()]).training_pair(3)
    source = pair.source_places.flatten(1).T
    voxels = torch.nonzero(pair.target_labels.flatten() > 0)[::8, 0]
    target = pair.target_places.flatten(1).T[voxels]
    nearest = torch.cdist(target, source).min(dim=1)
    close = nearest.values < 0.5
    assert int(close.sum()) > 20
    same = pair.source_labels.flatten()[nearest.indices[close]] == pair.target_labels.flatten()[voxels[close]]
    assert same.float().mean() > 0.8


def test_validation_maps_are_never_trained_on() -> None:
    maps = [_block_map(low) for low in (3, 4, 5, 6, 7)]
    library = ListedMaps(maps, 2)
    rng = np.random.default_rng(0)
    training = {id(item) for _ in range(60) for item in library.training_maps(rng)}
    validation = {id(item) for _ in range(20) for item in library.validation_maps(rng)}
    assert training == {id(item) for item in maps[:3]}
    assert validation == {id(item) for item in maps[3:]}


def test_deformations_do_not_fold() -> None:
    rng = np.random.default_rng(1)
    for _ in range(4):
        field = draw_deformation(rng, DeformationRange(STILL, STILL, ((6.0, 24.0),)), (20, 25, 18), 3.0)
        assert field.abs().max() > 0.5
        assert non_positive_jacobian_percent(field[None] / 3.0) == 0.0


def test_affine_draws_stay_in_their_range() -> None:
    limits = AffineRange(8.0, 0.1, 0.0, 5.0)
    for seed in range(20):
        matrix = draw_affine(np.random.default_rng(seed), limits)
        assert matrix.shape == (3, 4)
        assert np.all(np.abs(matrix[:, 3]) <= 5.0)
        assert np.all(np.abs(np.log(np.linalg.svd(matrix[:, :3])[1])) <= 0.2 + 1e-9)


def test_random_shapes_need_no_maps() -> None:
    shapes = RandomShapes((17, 22, 19), 2.0)
    first, second = shapes.training_maps(np.random.default_rng(0))
    assert first is second
    assert first.painted.shape == (17, 22, 19)
    assert len(np.unique(first.painted)) > 2


def test_label_maps_of_a_folder_are_renumbered_and_resampled(tmp_path) -> None:
    for number in range(5):
        array = np.zeros((9, 12, 10), np.int16)
        array[2:7, 3:9, 1:6] = 1024
        array[4:7, 3:9, 1:6] = 7 if number else 0
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((2.0, 3.0, 4.0))
        image.SetDirection((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
        sitk.WriteImage(image, str(tmp_path / f"person{number}.nii.gz"))
    library = read_label_maps(tmp_path, 2.0, 10, NullReporter())
    assert len(library.maps) == 5
    assert library.held_out == 1
    painted = library.maps[1].painted
    assert painted.shape == (10, 18, 18)
    assert set(np.unique(painted)) == {0, 1, 2}
    # Stored x runs against the patient's axis: columns 1 to 5 become 4 to 8.
    assert np.flatnonzero((painted > 0).any(axis=(1, 2))).tolist() == [4, 5, 6, 7, 8]
    with pytest.raises(BadRequestError, match="holds no images"):
        read_label_maps(tmp_path / "nowhere", 2.0, 1, NullReporter())
