"""Warping, integration, losses and metrics against golden sets g_layers and g_losses_metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch
from mambamed.errors import BadRequestError
from mambamed.registration.layers import compose
from mambamed.registration.layers import dice_loss
from mambamed.registration.layers import hausdorff_distance
from mambamed.registration.layers import integrate_velocity
from mambamed.registration.layers import jacobian_determinant
from mambamed.registration.layers import ncc_loss
from mambamed.registration.layers import negative_jacobian_percent
from mambamed.registration.layers import resize_displacement
from mambamed.registration.layers import smoothness_loss
from mambamed.registration.layers import warp
from mambamed.registration.layers.losses import dice_of_labels
from mambamed.registration.layers.losses import one_hot_labels
from mambamed.registration.layers.metrics import dice_coefficient
from safetensors.torch import load_file

DTYPES = [(torch.float64, 1e-6), (torch.float32, 2e-5)]


@pytest.mark.shared_data
@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_golden_layers(shared_folder: Path, dtype: torch.dtype, tolerance: float) -> None:
    golden = {key: value.to(dtype) for key, value in load_file(shared_folder / "golden/g_layers.safetensors").items()}
    flow, volume = golden["flow"], golden["vol"]
    shift = torch.zeros_like(flow)
    shift[:, 0], shift[:, 2] = 1.5, -2.0
    results = {
        "warp.bilinear": warp(volume, flow),
        "warp.nearest": warp(golden["labels"], flow, "nearest"),
        "warp.shift_ax0_+1.5_ax2_-2": warp(volume, shift),
        "vecint.steps7": integrate_velocity(flow, 7),
        "vecint.steps4": integrate_velocity(flow, 4),
        "resize.down2": resize_displacement(flow, 0.5),
        "resize.up2": resize_displacement(resize_displacement(flow, 0.5), 2.0),
        "compose.warp(flow,flow2)+flow2": compose(flow, golden["flow2"]),
    }
    for name, result in results.items():
        assert (result - golden[name]).abs().max() <= tolerance, name


@pytest.mark.shared_data
@pytest.mark.parametrize(("dtype", "relative"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
def test_golden_losses(shared_folder: Path, dtype: torch.dtype, relative: float) -> None:
    golden = load_file(shared_folder / "golden/g_losses_metrics.safetensors")
    facts = json.loads((shared_folder / "golden/g_losses_metrics.json").read_text(encoding="utf-8"))
    values = facts["values"]
    fixed, moved = golden["I"].to(dtype), golden["J"].to(dtype).requires_grad_()
    flow = golden["flow"].to(dtype).requires_grad_()
    target = one_hot_labels(golden["label_true"], facts["n_labels"]).to(dtype)
    prediction = golden["onehot_warped_pred"].to(dtype).requires_grad_()
    losses = {
        "grad_l2": smoothness_loss(flow),
        "grad_l2_mult2": smoothness_loss(flow, multiplier=2.0),
        "grad_l1": smoothness_loss(flow, "l1"),
        "ncc_win9": ncc_loss(fixed, moved),
        "ncc_win5": ncc_loss(fixed, moved, 5),
        "dice_all": dice_loss(target, prediction),
        "dice_ignore_0_2": dice_loss(target, prediction, (0, 2)),
    }
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(values[name], rel=relative), name
    total = losses["dice_ignore_0_2"] + 0.1 * losses["grad_l2_mult2"]
    assert total.item() == pytest.approx(
        values["train_total = dice_ignore_0_2 + 0.1*grad_l2_mult2"], rel=max(relative, 1e-9)
    )
    for name, argument in {
        "grad_l2_mult2": flow,
        "ncc_win9": moved,
        "ncc_win5": moved,
        "dice_ignore_0_2": prediction,
    }.items():
        expected = golden[f"grad.{name}"]
        (gradient,) = torch.autograd.grad(losses[name], argument, retain_graph=True)
        limit = 1e-6 if dtype == torch.float64 else 1e-3
        assert (gradient - expected).abs().max() <= limit * expected.abs().max(), name
    each = torch.tensor(facts["each_dice"], dtype=dtype)
    torch.testing.assert_close(dice_of_labels(target, prediction.detach()), each, rtol=max(relative, 1e-7), atol=1e-7)


@pytest.mark.shared_data
def test_golden_metrics(shared_folder: Path) -> None:
    golden = load_file(shared_folder / "golden/g_losses_metrics.safetensors")
    facts = json.loads((shared_folder / "golden/g_losses_metrics.json").read_text(encoding="utf-8"))
    first, second = golden["metric.label_a"].numpy(), golden["metric.label_b"].numpy()
    for label, (hd95, hd100, dice) in facts["metric_per_label_[hd95,hd100,dice]"].items():
        masks = (first == int(label), second == int(label))
        assert hausdorff_distance(*masks) == pytest.approx(hd95, rel=1e-9)
        assert hausdorff_distance(*masks, percentile=100) == pytest.approx(hd100, rel=1e-9)
        assert dice_coefficient(*masks) == pytest.approx(dice, rel=1e-9)
    flow = golden["metric.flow"].double()[None]
    for order, name in (("array", "components_in_axis_order"), ("public_code", "public_code")):
        determinant = jacobian_determinant(flow, order)
        assert (determinant[0] - golden[f"metric.jacdet_{name}"]).abs().max() <= 1e-6
        assert negative_jacobian_percent(flow, order) == pytest.approx(
            facts["values"][f"negative_jacobian_percent_{name}"], rel=1e-9
        )


def test_jacobian_equals_simpleitk_on_an_odd_grid() -> None:
    field = torch.randn(1, 3, 5, 7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # SimpleITK's arrays are (z, y, x) with components x, y, z; the field has axis 0 first.
    image = sitk.GetImageFromArray(field[0].permute(3, 2, 1, 0).contiguous().numpy(), isVector=True)
    expected = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(image))
    torch.testing.assert_close(
        jacobian_determinant(field)[0], torch.from_numpy(expected).permute(2, 1, 0).double(), rtol=1e-5, atol=1e-5
    )


def test_negative_velocity_is_the_inverse() -> None:
    noise = torch.randn(1, 3, 4, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    velocity = torch.nn.functional.interpolate(noise, size=(29, 25, 31), mode="trilinear", align_corners=True)
    there, back = integrate_velocity(velocity), integrate_velocity(-velocity)
    rest = compose(there, back)[:, :, 4:-4, 4:-4, 4:-4]
    assert rest.abs().max() < 0.1 * there.abs().max()
    assert there.abs().max() > 1.0


def test_a_single_voxel_axis_is_warped_in_its_plane() -> None:
    image = torch.arange(30.0).reshape(1, 1, 5, 6, 1)
    displacement = torch.zeros(1, 3, 5, 6, 1)
    displacement[:, 1] = 1.0
    torch.testing.assert_close(warp(image, displacement)[:, :, :, :-1], image[:, :, :, 1:])


def test_empty_and_wrong_input() -> None:
    empty = torch.zeros(4, 5, 6).numpy()
    assert dice_coefficient(empty, empty) != dice_coefficient(empty, empty)
    assert hausdorff_distance(empty, empty + 1) != hausdorff_distance(empty, empty + 1)
    with pytest.raises(BadRequestError, match="displacement field"):
        jacobian_determinant(torch.zeros(3, 4, 5, 6))
    with pytest.raises(BadRequestError, match="ignored"):
        dice_loss(torch.zeros(1, 2, 3, 3, 3), torch.zeros(1, 2, 3, 3, 3), (0, 1))
