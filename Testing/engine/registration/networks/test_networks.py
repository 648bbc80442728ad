"""Behaviour of the networks beyond the golden vectors: the corrected VMambaMorph, sizes, weights, refusals."""

from __future__ import annotations

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.registration.layers import compose
from mambamed.registration.layers import smoothness_loss
from mambamed.registration.layers import warp
from mambamed.registration.networks import NETWORK_NAMES
from mambamed.registration.networks import build
from mambamed.registration.networks import from_reference_config
from mambamed.registration.networks import load_reference_weights

SMALL = {"embed_dim": 8, "head_channels": 8}


def _small(name: str, **config: object) -> torch.nn.Module:
    torch.manual_seed(0)
    if name.startswith("voxelmorph"):
        return build(name, **config)
    if name.startswith("transmorph"):
        config = {"heads": (2, 2, 4), "window": (2, 3, 2), "depths": (2, 1, 1), **config}
    return build(name, **SMALL, **config)


def _pair(shape: tuple[int, int, int] = (19, 26, 22)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(2, 1, 5, 6, 5, generator=generator)
    volumes = torch.nn.functional.interpolate(coarse, size=shape, mode="trilinear", align_corners=True)
    return volumes[:1], volumes[1:]


@pytest.mark.parametrize("name", NETWORK_NAMES)
def test_any_size_and_a_start_near_the_identity(name: str) -> None:
    source, target = _pair()
    network = _small(name).eval()
    with torch.no_grad():
        output = network(source, target)
    assert output.moved.shape == source.shape
    assert output.pos_flow.shape == (1, 3, *source.shape[2:])
    assert output.feature is None
    assert output.pos_flow.abs().max() < 1e-2
    torch.testing.assert_close(output.moved, source, atol=2e-2, rtol=0)
    torch.testing.assert_close(output.moved, warp(source, output.pos_flow))


def test_field_predicted_at_half_the_size_is_enlarged() -> None:
    source, target = _pair()
    network = _small("vmambamorph_feat", feature_channels=4, downsize=2).eval()
    with torch.no_grad():
        network.reg_head[0].bias.copy_(torch.tensor([0.5, -0.25, 1.0]))
        output = network(source, target)
    assert output.preint_flow.shape == (1, 3, 16, 16, 16)
    assert output.pos_flow.shape == (1, 3, *source.shape[2:])
    # A constant velocity of half voxels is a displacement twice as many whole voxels, away from the borders.
    middle = output.pos_flow[0, :, 8:11, 12:14, 10:12].flatten(1)
    torch.testing.assert_close(middle, torch.tensor([1.0, -0.5, 2.0])[:, None].expand_as(middle), atol=0.01, rtol=0.0)
    with pytest.raises(BadRequestError, match="downsize"):
        _small("vmambamorph", downsize=3)


@pytest.mark.parametrize("name", [name for name in NETWORK_NAMES if name.startswith("vmambamorph")])
@pytest.mark.parametrize("directions", [4, 6])
def test_corrected_vmambamorph_uses_every_block(name: str, directions: int) -> None:
    network = _small(name, directions=directions, depths=(2, 1, 2))
    output = network(*_pair((16, 20, 12)), return_features=True)
    loss = output.pos_flow.square().mean() + output.moved.square().mean()
    if output.feature is not None:
        loss = loss + output.feature.square().mean()
    loss.backward()
    unused = [key for key, parameter in network.named_parameters() if parameter.grad is None]
    assert unused == []


def test_reference_mode_leaves_blocks_unused_and_needs_cubes() -> None:
    network = _small("vmambamorph", mode="reference")
    with pytest.raises(BadRequestError, match="cubes"):
        network(*_pair((16, 32, 16)))
    network(*_pair((16, 16, 16))).pos_flow.square().mean().backward()
    unused = {key for key, parameter in network.named_parameters() if parameter.grad is None}
    assert unused == {key for key, _ in network.named_parameters() if ".mamba.0." in key}


def test_two_passes_are_composed() -> None:
    source, target = _pair((16, 16, 20))
    twice = _small("vmambamorph_recursive").eval()
    once = _small("vmambamorph_feat").eval()
    once.load_state_dict(twice.state_dict())
    with torch.no_grad():
        for network in (once, twice):
            network.reg_head[0].bias.copy_(torch.tensor([0.5, -0.25, 1.0]))
        first = once(source, target)
        second = once(first.moved, target)
        output = twice(source, target)
    torch.testing.assert_close(output.pos_flow, compose(first.pos_flow, second.pos_flow))
    torch.testing.assert_close(output.moved, warp(source, output.pos_flow))
    torch.testing.assert_close(output.preint_flow, second.preint_flow)


def test_corrected_vmambamorph_learns() -> None:
    _, target = _pair((16, 20, 12))
    source = target.roll(1, dims=3)
    network = _small("vmambamorph")
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(12):
        output = network(source, target)
        loss = (output.moved - target).square().mean() + 1e-3 * smoothness_loss(output.preint_flow)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[-3:]) < 0.8 * losses[0]


def test_weights_of_wrapped_modules_and_voxelmorph_files() -> None:
    network = _small("voxelmorph")
    weights = {key: torch.full_like(value, 0.25) for key, value in network.state_dict().items()}
    wrapped = {"config": {}, "model_state": {"_orig_mod.module." + key: value for key, value in weights.items()}}
    loaded = load_reference_weights(network, wrapped)
    assert all(bool((value == 0.25).all()) for value in loaded.state_dict().values())


def test_foreign_weights_are_refused_with_the_reason() -> None:
    corrected, reference = _small("vmambamorph"), _small("vmambamorph", mode="reference")
    before = corrected.state_dict()["up1.conv1.0.weight"].clone()
    with pytest.raises(BadRequestError, match="reference"):
        load_reference_weights(corrected, reference.state_dict())
    assert torch.equal(corrected.state_dict()["up1.conv1.0.weight"], before)
    incomplete = {key: value for key, value in reference.state_dict().items() if not key.startswith("up1")}
    with pytest.raises(BadRequestError, match="2 tensors missing"):
        load_reference_weights(reference, incomplete)


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(BadRequestError, match="no registration network"):
        build("mambanet")
    with pytest.raises(BadRequestError, match="cannot take"):
        build("mambamorph", windows=3)
    with pytest.raises(BadRequestError, match="directions"):
        build("vmambamorph", directions=5)
    with pytest.raises(BadRequestError, match="4 stages"):
        _small("vmambamorph", depths=(1, 1, 1, 1))
    with pytest.raises(BadRequestError, match="same shape"):
        _small("voxelmorph")(torch.zeros(1, 1, 16, 16, 16), torch.zeros(1, 1, 16, 16, 17))
    with pytest.raises(BadRequestError, match="ape"):
        from_reference_config("mambamorph", {"ape": True})
