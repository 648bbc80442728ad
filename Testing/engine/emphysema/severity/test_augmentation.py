"""Random changes in training: faded vessels, healed lungs, noise, mirrors; the lungs stay the lungs."""

from __future__ import annotations

import torch
from mambamed.emphysema.severity.augmentation import Augmentation
from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings

PLAIN = {"rotation_degrees": 0.0, "elastic_share": 0.0, "flips": False, "noise_hu": 0.0}


def _scan():
    generator = torch.Generator().manual_seed(5)
    mask = torch.zeros((1, 5, 6, 7))
    mask[:, 1:4, 1:5, 2:6] = 1.0
    return (torch.rand(mask.shape, generator=generator) * 2 - 1) * mask, mask


def _augmentation(**changes):
    return Augmentation(SeverityTrainingSettings(cases="cases.csv", **{**PLAIN, **changes}), seed=1)


def test_nothing_changes_when_nothing_is_asked_for():
    values, mask = _scan()
    changed, still, target = _augmentation()(values, mask, 2)
    torch.testing.assert_close(changed, values)
    torch.testing.assert_close(still, mask)
    assert target == 2


def test_fading_touches_only_what_is_denser_than_healthy_lung():
    values, mask = _scan()
    changed, _, target = _augmentation(faded_share=1.0)(values, mask, 3)
    dark = values <= 0
    torch.testing.assert_close(changed[dark], values[dark])
    factors = changed[~dark] / values[~dark]
    assert 0.0 <= float(factors.min()) <= float(factors.max()) < 1.0
    torch.testing.assert_close(factors, factors[:1].expand_as(factors))
    assert target == 3


def test_a_healed_scan_has_nothing_dark_and_is_of_the_first_class():
    values, mask = _scan()
    changed, _, target = _augmentation(healed_share=0.999)(values, mask, 3)
    torch.testing.assert_close(changed, values.clamp(min=0.0))
    assert target == 0


def test_mirrored_and_noisy_scans_stay_in_their_lungs_and_differ_from_draw_to_draw():
    values, mask = _scan()
    augmentation = _augmentation(flips=True, noise_hu=20.0)
    drawn = [augmentation(values, mask, 1) for _ in range(12)]
    mirrored = [torch.equal(still, mask.flip(3)) for _, still, _ in drawn]
    assert True in mirrored
    assert False in mirrored
    for changed, still, target in drawn:
        assert float(changed[still == 0].abs().max()) == 0.0
        assert float(changed.abs().max()) <= 1.0
        assert target == 1
    assert not torch.equal(drawn[0][0], drawn[1][0])
