"""Second names in state dicts, and loading weights with and without them."""

from __future__ import annotations

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.segmentation.networks import alias_names
from mambamed.segmentation.networks import build_network
from mambamed.segmentation.networks import load_network_weights
from mambamed.segmentation.networks import without_aliases

pytestmark = pytest.mark.shared_data


def test_aliases_are_those_of_the_authors(golden):
    network = golden.build()
    assert alias_names(network) == golden.aliases
    assert set(network.state_dict()) == set(golden.state)


@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module."])
def test_weights_load_without_second_names_and_with_prefixes(golden_bot_3d, prefix):
    state = golden_bot_3d.state
    unique = {prefix + name: value.half() for name, value in state.items() if name not in golden_bot_3d.aliases}
    network = golden_bot_3d.build()
    load_network_weights(network, unique)
    loaded = network.state_dict()
    assert set(loaded) == set(state)
    for name, value in state.items():
        torch.testing.assert_close(loaded[name], value.half().float(), rtol=0, atol=0)
    assert len(without_aliases(network)) == len(unique) == 143


def test_weights_load_from_second_names_alone(golden_bot_3d):
    network = golden_bot_3d.build()
    state = golden_bot_3d.state
    for name in [name for name in state if name.startswith("encoder.")]:
        del state[name]
    load_network_weights(network, state)
    assert torch.equal(network.encoder.stem[0].conv1.weight, golden_bot_3d.state["encoder.stem.0.conv1.weight"])


def test_wrong_weights_are_refused_and_nothing_is_loaded(golden_bot_3d, golden_enc_3d):
    network = golden_bot_3d.build()
    before = network.encoder.stem[0].conv1.weight.clone()
    state = golden_bot_3d.state
    state["decoder.seg_layers.2.weight"] = torch.zeros(5, 6, 1, 1, 1)
    with pytest.raises(BadRequestError, match=r"seg_layers.2.weight has the shape \[5, 6, 1, 1, 1\], expected \[3, 6,"):
        load_network_weights(network, state)
    with pytest.raises(BadRequestError, match="are unknown"):
        load_network_weights(network, golden_enc_3d.state)
    with pytest.raises(BadRequestError, match="143 tensors are missing"):
        load_network_weights(network, {})
    assert torch.equal(network.encoder.stem[0].conv1.weight, before)


def test_weights_of_another_patch_size_are_refused_with_the_reason(golden_enc_3d):
    configuration = {**golden_enc_3d.configuration, "patch_size": [4, 32, 32]}
    network = build_network("UMambaEnc", configuration, 2, 3)
    with pytest.raises(BadRequestError, match=r"another patch size: encoder.mamba_layers.3.*channels are the tokens"):
        load_network_weights(network, golden_enc_3d.state)
