"""The visual state-space block and its scan orders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mambamed.nn.visual_state_space import CrossScan3d
from mambamed.nn.visual_state_space import VisualStateSpaceBlock
from mambamed.nn.volume_scan import AXIS_ORDERS
from mambamed.nn.volume_scan import gather_directions
from mambamed.nn.volume_scan import merge_directions
from mambamed.nn.volume_scan import merge_directions_as_published
from safetensors.torch import load_file


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["g_vmambamorph", "g_vmambamorph_feat"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 2e-5)])
def test_golden_block(shared_folder: Path, name: str, dtype: torch.dtype, tolerance: float) -> None:
    golden = load_file(shared_folder / f"golden/{name}.safetensors")
    prefix = "state_dict.transformer.layers.0.mamba.1."
    weights = {key[len(prefix) :]: value for key, value in golden.items() if key.startswith(prefix)}
    tokens = golden["probe.vssblock.input"]
    volume = tokens.reshape(1, 8, 8, 8, -1).to(dtype)
    published = VisualStateSpaceBlock(tokens.shape[-1], directions=4, merging="as_published")
    exact = VisualStateSpaceBlock(tokens.shape[-1], directions=4, merging="exact")
    for block in (published, exact):
        block.load_state_dict(weights)
        block.to(dtype)
    with torch.no_grad():
        results = {
            "probe.vssblock.output": published(volume).flatten(1, 3),
            "probe.ss3d.output": published.self_attention(volume),
            "variant.ss3d_correct_inverse.output": exact.self_attention(volume),
        }
    for key, result in results.items():
        assert (result - golden[key]).abs().max() <= tolerance, key


@pytest.mark.parametrize("directions", [4, 6])
def test_every_direction_returns_to_its_place(directions: int) -> None:
    volume = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    orders = AXIS_ORDERS[directions]
    sequences = gather_directions(volume, orders)
    assert sequences.shape == (2, directions, 3, 4 * 5 * 6)
    torch.testing.assert_close(merge_directions(sequences, orders, (4, 5, 6)), directions * volume)
    for index in range(directions):
        single = torch.zeros_like(sequences)
        single[:, index] = sequences[:, index]
        torch.testing.assert_close(merge_directions(single, orders, (4, 5, 6)), volume)


def test_each_axis_is_the_fastest_once_forward_and_backward() -> None:
    position = torch.arange(3 * 4 * 5.0).reshape(1, 1, 3, 4, 5)
    sequences = gather_directions(position, AXIS_ORDERS[6])[0, :, 0]
    steps = sequences[:, 1] - sequences[:, 0]
    assert steps.tolist() == [1, 20, 5, -1, -20, -5]


def test_published_merging_is_not_the_inverse() -> None:
    volume = torch.randn(1, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    sequences = gather_directions(volume, AXIS_ORDERS[4])
    merged = merge_directions_as_published(sequences, (4, 4, 4))
    assert (merged - 4 * volume).abs().max() > 0.5


def test_six_directions_treat_the_axes_alike() -> None:
    """With equal weights for all directions, turning the volume's axes in a circle turns the result."""
    torch.manual_seed(0)
    scan = CrossScan3d(4, state_size=3).double()
    with torch.no_grad():
        for name in ("x_proj_weight", "dt_projs_weight", "dt_projs_bias"):
            parameter = getattr(scan, name)
            parameter.copy_(parameter[:1].expand_as(parameter))
        kernel = scan.conv3d.weight
        kernel.copy_((kernel + kernel.permute(0, 1, 3, 4, 2) + kernel.permute(0, 1, 4, 2, 3)) / 3)
    volume = torch.randn(1, 3, 4, 5, 4, dtype=torch.float64)
    with torch.no_grad():
        turned = scan(volume.permute(0, 2, 3, 1, 4))
        torch.testing.assert_close(turned, scan(volume).permute(0, 2, 3, 1, 4))


def test_gradients_are_right() -> None:
    torch.manual_seed(0)
    block = VisualStateSpaceBlock(2, state_size=2).double()
    volume = torch.randn(1, 2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block, (volume,), atol=1e-6)
    block(volume).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in block.parameters())


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="directions"):
        CrossScan3d(4, directions=5)
    with pytest.raises(ValueError, match="as_published"):
        CrossScan3d(4, directions=6, merging="as_published")


def test_gradients_under_autocast_do_not_depend_on_what_lay_in_memory() -> None:
    torch.manual_seed(0)
    scan = CrossScan3d(32, state_size=4)
    tokens = torch.randn(1, 2, 2, 2, 32)

    def gradient(enabled: bool) -> torch.Tensor:
        left_behind = [torch.full((size,), 1e30) for size in (1_000, 30_000, 300_000)]
        del left_behind
        scan.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            result = scan(tokens)
        result.float().square().mean().backward()
        found = scan.conv3d.weight.grad
        assert found is not None
        return found.clone()

    expected = gradient(enabled=False)
    for _ in range(12):
        assert (gradient(enabled=True) - expected).norm() < 0.1 * expected.norm()
