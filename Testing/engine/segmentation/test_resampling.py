"""The matrices give what nnunetv2's own resampling gives."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from mambamed.segmentation.resampling import axis_matrix
from mambamed.segmentation.resampling import is_standard_resampling
from mambamed.segmentation.resampling import resample_intensities
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

CASES = [
    # shape in, shape out, spacing in, spacing out (array order)
    ((12, 15, 11), (19, 12, 23), (1.5, 0.8, 2.0), (1.0, 1.0, 1.0)),
    ((7, 30, 28), (7, 22, 35), (5.0, 1.0, 1.0), (5.0, 1.4, 0.8)),
    ((7, 30, 28), (13, 22, 35), (5.0, 1.0, 1.0), (2.7, 1.4, 0.8)),
    ((30, 7, 28), (22, 13, 35), (1.0, 5.0, 1.0), (1.4, 2.7, 0.8)),
    ((26, 24, 22), (9, 30, 28), (1.0, 1.0, 1.0), (4.0, 0.8, 0.8)),
    ((8, 9, 10), (4, 18, 5), (2.0, 2.0, 2.0), (4.0, 1.0, 4.0)),
]


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("order_z", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_equal_to_nnunet(case: tuple[tuple[int, ...], ...], order: int, order_z: int) -> None:
    shape_in, shape_out, spacing_in, spacing_out = case
    data = np.random.default_rng(0).normal(size=(2, *shape_in)).astype(np.float32)
    function = partial(resample_data_or_seg_to_shape, is_seg=False, order=order, order_z=order_z, force_separate_z=None)
    assert is_standard_resampling(function)
    expected = function(data, np.asarray(shape_out), spacing_in, spacing_out)
    found = resample_intensities(function, data, shape_out, spacing_in, spacing_out)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_other_functions_are_called_as_they_are() -> None:
    calls = []

    def other(data, *rest, **options):  # type: ignore[no-untyped-def]
        calls.append(options)
        return resample_data_or_seg_to_shape(data, *rest, **options)

    function = partial(other, is_seg=False, order=1)
    assert not is_standard_resampling(function)
    data = np.ones((1, 4, 5, 6), dtype=np.float32)
    assert resample_intensities(function, data, (8, 5, 6), (2, 1, 1), (1, 1, 1)).shape == (1, 8, 5, 6)
    assert calls


def test_nearest_takes_the_upper_voxel_at_a_tie() -> None:
    assert axis_matrix(4, 2, 0).argmax(dim=1).tolist() == [1, 3]
    assert axis_matrix(2, 4, 0).argmax(dim=1).tolist() == [0, 0, 1, 1]
