"""Registration networks in model folders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.models.card import CardInput
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.registration.networks import build
from mambamed.registration.networks.description import IntensityNormalisation
from mambamed.registration.networks.description import NetworkDescription
from mambamed.registration.networks.model import load_network
from mambamed.registration.networks.model import normalise_intensity
from mambamed.registration.networks.model import save_network

DESCRIPTION = NetworkDescription(
    "vmambamorph_feat",
    arguments={"embed_dim": 8, "depths": [1, 1, 1], "feature_channels": 4, "downsize": 2, "position_code": False},
    grid_shape=(16, 32, 16),
    spacing_mm=4.0,
    intensity=IntensityNormalisation(1.0, 99.0),
)


def _card(**changes: object) -> ModelCard:
    card = ModelCard(
        id="test-morph",
        version="0.1.0",
        title="Test",
        task="registration",
        modality="MR",
        inputs=(CardInput("fixed", "Fixed"), CardInput("moving", "Moving")),
        network="VMambaMorph",
        weights=(CardWeights("weights.safetensors"),),
        training_data="none",
        licence="Apache-2.0",
        intended_use="Tests",
        demonstration_only=True,
    )
    return card.replace(**changes)


def test_saved_network_is_found_and_gives_the_same_field(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build(DESCRIPTION.architecture, **DESCRIPTION.build_arguments).eval()
    with torch.no_grad():
        network.reg_head[0].weight.normal_(0.0, 0.05)
    card = save_network(tmp_path / "model", network, DESCRIPTION, _card())
    assert card.weights[0].bytes == (tmp_path / "model/weights.safetensors").stat().st_size
    model = load_network(tmp_path / "model", device="cpu")
    assert model.description == DESCRIPTION
    assert not model.network.training
    source, target = torch.rand(2, 1, 1, 18, 33, 20)
    with torch.no_grad():
        expected = network(source, target).pos_flow
        found = model.network(source, target).pos_flow
    assert expected.abs().max() > 0.1
    assert found.shape == (1, 3, 18, 33, 20)
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0.02)


def test_intensities_become_zero_to_one_case_by_case() -> None:
    volume = torch.linspace(0.0, 1000.0, 1001).reshape(1, 1, 7, 11, 13).repeat(2, 1, 1, 1, 1)
    volume[1] = 5.0 * volume[1] - 300.0
    result = normalise_intensity(volume, DESCRIPTION)
    torch.testing.assert_close(result[0], result[1])
    torch.testing.assert_close(result[0].flatten()[[0, 10, 500, 990, 1000]], torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]))
    with pytest.raises(BadRequestError, match="constant"):
        normalise_intensity(torch.ones(1, 1, 4, 4, 4), DESCRIPTION)


def test_what_is_no_registration_network_is_refused(tmp_path: Path) -> None:
    network = build(DESCRIPTION.architecture, **DESCRIPTION.build_arguments)
    with pytest.raises(BadRequestError, match="task"):
        save_network(tmp_path / "other", network, DESCRIPTION, _card(task="segmentation"))
    with pytest.raises(BadRequestError, match="not a deformable registration network"):
        load_network("disa-lc2", device="cpu")
    save_network(tmp_path / "model", network, DESCRIPTION, _card())
    (tmp_path / "model/network.json").write_text('{"schema_version": 1}', encoding="utf-8")
    with pytest.raises(BadRequestError, match=r"network\.json"):
        load_network(tmp_path / "model", device="cpu")


def test_weights_of_another_configuration_are_refused(tmp_path: Path) -> None:
    other = build("vmambamorph_feat", embed_dim=8, depths=(1, 1, 1), feature_channels=4)
    save_network(tmp_path / "model", other, DESCRIPTION, _card())
    with pytest.raises(BadRequestError, match="do not belong"):
        load_network(tmp_path / "model", device="cpu")


@pytest.mark.parametrize(
    "changes", [{"mode": "improved"}, {"grid_shape": (16, 0, 16)}, {"spacing_mm": 0.0}], ids=["mode", "grid", "spacing"]
)
def test_impossible_descriptions_are_refused(changes: dict) -> None:
    with pytest.raises(BadRequestError):
        NetworkDescription("vmambamorph", **changes)
    with pytest.raises(BadRequestError, match="percentiles"):
        IntensityNormalisation(60.0, 40.0)
