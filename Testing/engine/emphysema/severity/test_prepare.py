"""What the network sees of a CT, and the way back onto the CT's grid."""

from __future__ import annotations

import numpy as np
import pytest
from engine.emphysema.small_lungs import SPACING_MM
from engine.emphysema.small_lungs import TINY
from engine.emphysema.small_lungs import two_lungs
from mambamed.emphysema.severity.prepare import prepare_lungs
from mambamed.emphysema.severity.settings import SeverityConfiguration
from mambamed.errors import BadRequestError

CONFIGURATION = SeverityConfiguration(**{**TINY, "size": (24, 20, 26), "spacing_mm": 8.0})


def test_healthy_lung_is_the_middle_of_the_window_and_the_chest_wall_does_not_leak_in():
    hu, lungs = two_lungs(0.0)
    hu = np.where(lungs, -862.0, 300.0)
    prepared = prepare_lungs(hu, lungs, SPACING_MM, CONFIGURATION)
    assert prepared.values.shape == CONFIGURATION.size
    np.testing.assert_allclose(prepared.values[prepared.mask], 0.0, atol=1e-5)
    assert (prepared.values[~prepared.mask] == 0).all()
    litres = prepared.mask.sum() * 8.0**3
    assert litres == pytest.approx(lungs.sum() * np.prod(SPACING_MM), rel=0.08)


def test_a_dark_place_comes_back_where_it_was():
    hu, lungs = two_lungs(0.0)
    dark = np.zeros_like(lungs)
    dark[12:15, 10:14, 19:23] = True
    hu[dark] = -1000.0
    prepared = prepare_lungs(hu, lungs, SPACING_MM, CONFIGURATION)
    back = prepared.on_ct_grid(np.maximum(-prepared.values, 0.0))
    assert back.shape == hu.shape
    found = np.argwhere(back > 0.5 * back.max()).mean(axis=0)
    np.testing.assert_allclose(found, (13.0, 11.5, 20.5), atol=0.8)
    share = prepared.share_on_network_grid(dark, lungs)
    assert share.max() > 0.6
    overlap = (share > 0.25) & (prepared.values < -0.2)
    assert overlap.sum() > 0.7 * (share > 0.25).sum()


def test_values_of_a_pooled_grid_come_back_in_place():
    hu, lungs = two_lungs(0.0)
    prepared = prepare_lungs(hu, lungs, SPACING_MM, CONFIGURATION)
    fine = np.zeros(CONFIGURATION.size, np.float32)
    fine[10:12, 8:10, 16:18] = 1.0
    pooled = fine.reshape(12, 2, 10, 2, 13, 2).mean(axis=(1, 3, 5))
    middles = [np.argwhere(prepared.on_ct_grid(values) > 0.5).mean(axis=0) for values in (fine, pooled)]
    np.testing.assert_allclose(middles[0], middles[1], atol=0.7)


def test_lungs_that_do_not_fit_are_seen_with_larger_voxels():
    hu, lungs = two_lungs(0.0)
    prepared = prepare_lungs(hu, lungs, (14.0, 10.0, 12.0), CONFIGURATION)
    assert prepared.spacing_mm > 10.0
    assert prepared.mask.sum() * prepared.spacing_mm**3 == pytest.approx(lungs.sum() * 14 * 10 * 12, rel=0.1)


def test_a_ct_without_lungs_is_refused():
    hu, lungs = two_lungs(0.0)
    with pytest.raises(BadRequestError, match="No lungs"):
        prepare_lungs(hu, np.zeros_like(lungs), SPACING_MM, CONFIGURATION)
