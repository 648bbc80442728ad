"""Explanations of the severity: right on networks whose answer is known, with checks that can fail."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from engine.emphysema.small_lungs import SPACING_MM
from engine.emphysema.small_lungs import two_lungs
from engine.emphysema.small_lungs import untrained_network
from engine.emphysema.small_lungs import write_tiny_severity_model
from mambamed.emphysema.explain import METHODS
from mambamed.emphysema.explain import explain
from mambamed.emphysema.explain.checks import check_against_reference
from mambamed.emphysema.explain.checks import top_region_dice
from mambamed.emphysema.explain.methods import explanation_layers
from mambamed.emphysema.explain.methods import method_map
from mambamed.emphysema.severity import grade
from mambamed.errors import BadRequestError


def _darkness_network():
    """A network that was set by hand: features and attention rise with darkness, so does the severity."""
    network = untrained_network(head="ordinal")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for stage in network.stages:
            stage[1].weight.fill_(1.0)
        network.stages[0][0].weight[:, :, 1, 1, 1] = -1.0
        network.stages[1][0].weight[:, :, 1, 1, 1] = 0.25
        network.score[0].weight.fill_(0.3)
        network.score[2].weight.fill_(0.3)
        network.scale.weight.fill_(1.0)
        network.hidden[0].weight.fill_(0.5)
        network.ordinal_score.weight.fill_(0.5)
        network.first_threshold.fill_(1.0)
    return network


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    folder = write_tiny_severity_model(tmp_path_factory.mktemp("explain") / "darkness", _darkness_network())
    hu, lungs = two_lungs(0.08, 2)
    return grade(hu, lungs, SPACING_MM, model=str(folder), device="cpu"), hu, lungs


def test_all_methods_point_at_the_dark_places_and_come_with_checks(graded):
    severity, hu, lungs = graded
    upper = lungs & (np.arange(len(lungs)) >= 11)[:, None, None]
    found = explain(
        severity,
        hu,
        lungs,
        SPACING_MM,
        methods=METHODS,
        target_class="mild",
        regions={"upper": upper, "empty": np.zeros_like(lungs)},
        low_attenuation=(hu < -950) & lungs,
    )
    assert list(found) == list(METHODS)
    for method, explanation in found.items():
        assert explanation.map.shape == hu.shape
        assert explanation.map.dtype == np.float32
        assert explanation.map[~lungs].max() == 0.0
        assert 0.5 < explanation.map.max() <= 1.0
        checks = {check.name: check for check in explanation.checks}
        assert checks["pointing"].passed, method
        assert checks["deletion"].value > 0.05
        curve = checks["deletion"].curve
        assert curve["share"][0] == 0.0
        assert curve["map"][0] == curve["random"][0] == pytest.approx(1.0)
        between = np.subtract(curve["random"], curve["map"])[1:]
        assert checks["deletion"].value == pytest.approx(between.mean())
        assert ("curve" in checks["pointing"].to_json(), "curve" in checks["deletion"].to_json()) == (False, True)
        assert checks["healthy-control"].passed == (checks["healthy-control"].value <= 0.5)
        assert ("completeness" in checks) == (method == "integrated-gradients")
        assert explanation.region_scores["empty"] == 0.0
        assert explanation.region_scores["upper"] > 0.0
        json.dumps(explanation.to_json(), allow_nan=False)
    gradients = {check.name: check for check in found["integrated-gradients"].checks}
    assert gradients["completeness"].value < 0.05
    assert gradients["mass"].passed


def test_the_healthy_class_is_explained_without_a_reference(graded):
    severity, hu, lungs = graded
    found = explain(
        severity,
        hu,
        lungs,
        SPACING_MM,
        methods=["attention"],
        target_class="none",
        regions={},
        low_attenuation=np.zeros_like(lungs),
    )["attention"]
    assert {check.name for check in found.checks}.isdisjoint(
        {"pointing", "dice", "mass", "healthy-control", "deletion"}
    )
    assert found.reference == "none"


def test_a_drawing_of_an_expert_takes_the_place_of_the_low_attenuation(graded):
    severity, hu, lungs = graded
    wrong = np.zeros_like(lungs)
    wrong[:3] = lungs[:3]
    found = explain(
        severity,
        hu,
        lungs,
        SPACING_MM,
        methods=["integrated-gradients"],
        target_class="mild",
        regions={},
        low_attenuation=(hu < -950) & lungs,
        expert=wrong,
    )["integrated-gradients"]
    assert found.reference == "expert"
    checks = {check.name: check for check in found.checks}
    assert not checks["dice"].passed


def test_a_network_that_ignores_its_input_fails_its_checks():
    network = untrained_network()
    with torch.no_grad():
        for parameter in network.categorical.parameters():
            parameter.zero_()
        for parameter in network.ordinal_score.parameters():
            parameter.zero_()
    values = torch.rand((1, 1, 12, 10, 14)) * 2 - 1
    found = method_map(network, values, torch.ones_like(values), 2, "integrated-gradients")
    assert float(found.values.max()) == 0.0


def test_the_attention_map_does_not_depend_on_the_class_and_grad_cam_knows_its_layers():
    network = untrained_network()
    values, mask = torch.rand((1, 1, 12, 10, 14)), torch.ones((1, 1, 12, 10, 14))
    one, two = (method_map(network, values, mask, target, "attention").values for target in (1, 3))
    torch.testing.assert_close(one, two)
    for layer in explanation_layers(network):
        assert method_map(network, values, mask, 2, "grad-cam", layer).values.shape == (12, 10, 14)
    with pytest.raises(BadRequestError, match=r"stages\.1"):
        method_map(network, values, mask, 2, "grad-cam", "head")
    with pytest.raises(BadRequestError, match="expected one of"):
        method_map(network, values, mask, 2, "guided-backpropagation")


def test_reference_checks_are_exact_on_a_known_map():
    lungs = np.ones((6, 6, 6), bool)
    reference = np.zeros_like(lungs)
    reference[:3] = True
    values = np.zeros(lungs.shape)
    values[1:4] = 1.0
    values[1, 2, 2] = 2.0
    checks = {check.name: check for check in check_against_reference(values, reference, lungs)}
    assert checks["pointing"].value == 1.0
    assert checks["mass"].value == pytest.approx((72 + 1) / (108 + 1))
    assert checks["mass"].limit == pytest.approx(0.5 + 0.1 * 0.5)
    values[5, 5, 5] = 3.0
    assert not check_against_reference(values, reference, lungs)[0].passed
    assert check_against_reference(values, np.zeros_like(lungs), lungs) == []
    assert top_region_dice(reference.astype(float), reference, lungs) == 1.0


def test_bad_requests_are_refused(graded):
    severity, hu, lungs = graded
    arguments = {"methods": ["attention"], "regions": {}, "low_attenuation": lungs}
    with pytest.raises(BadRequestError, match="no class"):
        explain(severity, hu, lungs, SPACING_MM, target_class="terrible", **arguments)
    with pytest.raises(BadRequestError, match="shape"):
        explain(severity, hu[1:], lungs[1:], SPACING_MM, **arguments)
