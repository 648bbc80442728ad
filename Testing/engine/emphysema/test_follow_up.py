"""Two scans of one patient: the sponge model takes a change of volume out, and leaves a change of tissue."""

from __future__ import annotations

import numpy as np
import pytest
from engine.emphysema.conftest import draw_chest
from mambamed.emphysema import analyze
from mambamed.emphysema.follow_up import REPEATABILITY
from mambamed.emphysema.follow_up import adjusted_hu


def _textured(spacing_mm, scale=1.0, loss=1.0):
    """A chest whose lungs hold ``scale`` times the volume, with ``loss`` times the tissue."""
    chest = draw_chest(spacing_mm=spacing_mm)
    texture = np.random.default_rng(5).normal(0.10, 0.03, chest.hu.shape).clip(0.01)  # g/ml
    density = texture / scale * loss
    chest.hu[chest.lungs] = np.round(density[chest.lungs] * 1000 - 1000)
    image = chest.image()
    image.SetSpacing([value * scale ** (1 / 3) for value in image.GetSpacing()])
    lungs = chest.image(np.where(chest.left, 2, np.where(chest.right, 1, 0)).astype(np.uint8))
    lungs.CopyInformation(image)
    return image, lungs


def _change(earlier, later):
    return analyze(later[0], lungs=later[1], compute=("density",), previous_ct=earlier[0], previous_lungs=earlier[1])


def test_adjustment_of_one_value():
    assert adjusted_hu(-900.0, 0.5) == pytest.approx(-950.0)
    assert adjusted_hu(-900.0, 1.0) == -900.0


def test_the_same_scan_has_not_changed():
    scan = _textured((5.0, 4.0, 4.2))
    for entry in _change(scan, scan).change.values():
        values = [value for value in entry.to_json().values() if isinstance(value, float)]
        assert np.allclose(values, 0.0, atol=1e-6)


def test_a_deeper_breath_changes_measures_but_not_adjusted_ones():
    result = _change(_textured((5.0, 4.0, 4.2)), _textured((5.0, 4.0, 4.2), scale=1.25))
    whole = result.change["whole lung"]
    assert whole.volume_l == pytest.approx(result.regions["whole lung"].volume_l * 0.2, rel=1e-3)
    assert whole.mass_g == pytest.approx(0.0, abs=2.0)
    assert whole.perc15_hu < -10
    assert whole.laa950_points > 5
    assert whole.adjusted_perc15_hu == pytest.approx(0.0, abs=1.0)
    assert whole.adjusted_laa950_points == pytest.approx(0.0, abs=1.0)
    assert "laa950_points" in whole.beyond_repeatability
    assert "adjusted_perc15_percent" not in whole.beyond_repeatability
    assert any(warning.kind == "follow-up" and "breath-holds differ" in warning.message for warning in result.warnings)


def test_loss_of_tissue_stays_visible_after_adjustment():
    result = _change(_textured((5.0, 4.0, 4.2)), _textured((5.0, 4.0, 4.2), loss=0.8))
    whole = result.change["whole lung"]
    assert whole.volume_l == pytest.approx(0.0)
    assert whole.adjusted_perc15_percent == pytest.approx(-20, abs=2)
    assert "adjusted_perc15_percent" in whole.beyond_repeatability
    assert result.change["left lung"].beyond_repeatability is None
    assert result.record["change"]["repeatability"]["volume_l"]["limit"] == REPEATABILITY["volume_l"][0]
