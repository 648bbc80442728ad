"""The severity network: attention over the lungs, ordered heads, evidence that explanations can add up to."""

from __future__ import annotations

import math

import pytest
import torch
from engine.emphysema.small_lungs import untrained_network
from mambamed.emphysema.severity.network import SeverityNetwork
from mambamed.emphysema.severity.settings import CLASS_SETS
from mambamed.emphysema.severity.settings import SeverityConfiguration
from mambamed.emphysema.severity.train_settings import PRESETS
from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings
from mambamed.errors import BadRequestError


def _scan(batch: int = 2):
    generator = torch.Generator().manual_seed(3)
    values = torch.rand((batch, 1, 12, 10, 14), generator=generator) * 2 - 1
    mask = torch.zeros_like(values)
    mask[..., 2:10, 2:8, 1:6] = 1.0
    return values * mask, mask


def test_attention_sums_to_one_and_is_zero_outside_the_lungs():
    network = untrained_network()
    values, mask = _scan()
    _, attention = network.pooled(values, mask)
    assert attention.shape == (2, 1, 6, 5, 7)
    torch.testing.assert_close(attention.sum(dim=(1, 2, 3, 4)), torch.ones(2))
    assert float(attention[..., 4:].detach().max()) == 0.0


def test_lungs_thinner_than_a_cell_still_get_all_the_attention():
    network = untrained_network()
    values, mask = _scan(1)
    thin = torch.zeros_like(mask)
    thin[0, 0, 5, 5, 5] = 1.0
    _, attention = network.pooled(values * thin, thin)
    assert float(attention[0, 0, 2, 2, 2].detach()) == pytest.approx(1.0)


@pytest.mark.parametrize("head", ["categorical", "ordinal", "both"])
@pytest.mark.parametrize("classes", [CLASS_SETS["paper"], CLASS_SETS["fleischner"]])
def test_probabilities_are_probabilities_and_every_head_learns(head, classes):
    network = untrained_network(head=head, classes=classes).train()
    values, mask = _scan(4)
    probabilities = network.probabilities(values, mask)
    assert probabilities.shape == (4, len(classes))
    assert float(probabilities.detach().min()) >= -1e-6
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(4))
    network.loss(values, mask, torch.tensor([0, 1, 2, 0])).backward()
    assert float(network.stages[0][0].weight.grad.abs().sum()) > 0
    used = network.categorical if head == "categorical" else network.ordinal_score
    assert float(used.weight.grad.abs().sum()) > 0


def test_uneven_attention_costs_in_scans_of_the_first_class_alone():
    even = torch.tensor([[0.25, 0.25, 0.25, 0.25, 0.0]])
    uneven = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0], [0.5, 0.3, 0.2, 0.0, 0.0]])
    assert float(SeverityNetwork.unevenness(even, torch.tensor([0]))) == pytest.approx(0.0, abs=1e-6)
    expected = sum(share * math.log(3 * share) for share in (0.5, 0.3, 0.2))
    assert float(SeverityNetwork.unevenness(uneven, torch.tensor([1, 0]))) == pytest.approx(expected)
    assert float(SeverityNetwork.unevenness(uneven, torch.tensor([1, 2]))) == 0.0
    network = untrained_network()
    values, mask = _scan()
    plain, more = (network.loss(values, mask, torch.tensor([0, 3]), weight) for weight in (0.0, 2.0))
    _, attention = network.pooled(values, mask)
    cost = network.unevenness(attention.flatten(1), torch.tensor([0, 3]))
    assert float(cost.detach()) > 0.0
    torch.testing.assert_close(more, plain + 2.0 * cost)


def test_evidence_is_the_log_odds_of_at_least_the_class():
    network = untrained_network(head="ordinal")
    values, mask = _scan()
    probabilities = network.probabilities(values, mask)
    for target in (1, 2, 3):
        reached = probabilities[:, target:].sum(dim=1)
        torch.testing.assert_close(network.evidence(values, mask, target), torch.logit(reached), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(
        network.evidence(values, mask, 0), torch.logit(probabilities[:, 0]), rtol=1e-3, atol=1e-3
    )


def test_every_preset_can_be_built_and_run():
    for preset in PRESETS.values():
        settings = SeverityTrainingSettings(cases="cases.csv", **preset)
        network = SeverityNetwork(settings.configuration).eval()
        values = torch.zeros((1, 1, *settings.size))
        with torch.no_grad():
            assert network(values, torch.ones_like(values))[0].shape == (1, len(settings.classes))
    paper = PRESETS["paper"]
    assert (paper["learning_rate"], paper["batch_size"], paper["epochs"]) == (1e-4, 32, 100)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ("one",)},
        {"classes": ("same", "same")},
        {"head": "softmax"},
        {"pool": (True,)},
        {"kernel_sizes": (3, 3)},
        {"kernel_sizes": (3, 2, 3)},
        {"size": (13, 10, 14)},
        {"window_hu": (-700.0, -1000.0)},
        {"spacing_mm": 0.0},
    ],
)
def test_what_is_no_model_is_refused(change):
    with pytest.raises(BadRequestError):
        SeverityConfiguration(**{**{"size": (12, 10, 14), "pool": (True, True, False)}, **change})


def test_narrow_convolutions_keep_what_a_cell_sees_near_it():
    reached = {}
    for widths in ((), (3, 1)):
        network = untrained_network(kernel_sizes=widths)
        values, mask = torch.zeros((1, 1, 12, 10, 14)), torch.ones((1, 1, 12, 10, 14))
        dark = values.clone()
        dark[0, 0, 6, 5, 7] = -1.0
        with torch.no_grad():
            differs = (network.features(dark) != network.features(values * mask)).any(dim=1)[0]
        reached[widths] = int(differs.sum())
    assert reached[(3, 1)] <= 8
    assert reached[()] > 3 * reached[(3, 1)]


def test_configuration_survives_json():
    configuration = SeverityConfiguration(classes=CLASS_SETS["fleischner"], head="ordinal", kernel_sizes=(3, 3, 1))
    assert SeverityConfiguration.from_json(configuration.to_json()) == configuration
    older = {name: value for name, value in configuration.to_json().items() if name != "kernel_sizes"}
    assert SeverityConfiguration.from_json(older).kernel_sizes == (3, 3, 3)
    with pytest.raises(BadRequestError, match="Unknown"):
        SeverityConfiguration.from_json({"colour": 1})
