"""The whole detector: sizes, gradients, dynamic priors, and a step of learning."""

from __future__ import annotations

import pytest
import torch
from mambamed.detection.assign import coarse_to_fine_assign
from mambamed.detection.geometry import rotated_iou_loss
from mambamed.detection.networks import BACKBONES
from mambamed.detection.networks import DetectorSettings
from mambamed.detection.networks import build_detector
from mambamed.errors import BadRequestError

SMALL = {"class_count": 2, "width": 0.125, "feature_channels": 8, "image_channels": 1}


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("prior_capturing", [True, False])
def test_every_backbone_gives_boxes_and_gradients(backbone: str, prior_capturing: bool) -> None:
    torch.manual_seed(0)
    detector = build_detector(DetectorSettings(**SMALL, backbone=backbone, prior_capturing=prior_capturing))
    output = detector(torch.randn(2, 1, 70, 93))
    count = 9 * 12 + 5 * 6 + 3 * 3 + 2 * 2 + 1
    assert output.cls_logits.shape == (2, 2, count)
    assert output.deltas.shape == (2, 5, count)
    assert output.boxes().shape == output.dynamic_priors.shape == (2, count, 5)
    assert output.levels.bincount().tolist() == [9 * 12, 5 * 6, 3 * 3, 2 * 2, 1]
    # The first probability is 0.01, and the first boxes are about the priors.
    assert abs(float(output.cls_logits.detach().sigmoid().mean()) - 0.01) < 0.002
    assert torch.allclose(output.boxes()[..., 2:4], output.priors[:, 2:4].expand(2, -1, -1), rtol=0.05)
    (output.cls_logits.sum() + output.boxes().sum()).backward()
    without = [name for name, value in detector.named_parameters() if value.grad is None]
    assert without == []


def test_learned_offsets_move_the_dynamic_priors_alone() -> None:
    torch.manual_seed(0)
    detector = build_detector(DetectorSettings(**SMALL))
    images = torch.randn(1, 1, 64, 128)
    assert torch.equal(detector(images).dynamic_priors[0], detector(images).priors)
    with torch.no_grad():  # every tap: 1 cell along y, -3 along x
        detector.head.block.offsets_and_mask.bias[0:18:2] = 1
        detector.head.block.offsets_and_mask.bias[1:18:2] = -3
    output = detector(images)
    shift = output.dynamic_priors[0] - output.priors
    factor = 0.5 * 2.0**output.levels  # 128 / 256 pixels per cell on the finest level
    assert torch.allclose(shift[:, 0], -3 * factor)
    assert torch.allclose(shift[:, 1], factor)
    assert float(shift[:, 2:].abs().max()) == 0
    assert not output.dynamic_priors.requires_grad
    assert torch.allclose(output.boxes()[0, :, 0], output.priors[:, 0], atol=1)
    moved = output.boxes_of_dynamic_priors() - output.boxes()
    assert torch.allclose(moved[0, :, :2], shift[:, :2], atol=1e-3)


def test_bounded_offsets_keep_the_dynamic_priors_by_their_cells() -> None:
    shifts = []
    for bound in (0.0, 4.0):
        torch.manual_seed(0)
        detector = build_detector(DetectorSettings(**SMALL, largest_offset=bound))
        images = torch.randn(1, 1, 64, 128)
        with torch.no_grad():
            detector.head.block.offsets_and_mask.bias[0:18:2] = 1000
            detector.head.block.offsets_and_mask.bias[1:18:2] = -0.1
        output = detector(images)
        shifts.append((output.dynamic_priors[0] - output.priors)[:, :2] / (0.5 * 2.0**output.levels)[:, None])
    free, bounded = shifts
    assert torch.allclose(free[:, 1], torch.tensor(1000.0))
    assert torch.allclose(bounded[:, 1], torch.tensor(4.0))
    assert torch.allclose(bounded[:, 0], torch.tensor(-0.1), rtol=1e-3)  # small ones stay what they are


@pytest.mark.parametrize("backbone", BACKBONES)
def test_group_norm_sees_each_tile_alone_in_training_as_in_prediction(backbone: str) -> None:
    torch.manual_seed(0)
    detector = build_detector(DetectorSettings(**SMALL, backbone=backbone, norm="group"))
    assert not [module for module in detector.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    images = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        trained, predicted, alone = detector.train()(images), detector.eval()(images), detector(images[1:])
    assert torch.equal(trained.cls_logits, predicted.cls_logits)
    assert torch.allclose(alone.deltas[0], predicted.deltas[1], atol=1e-5)


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    detector = build_detector(DetectorSettings(**SMALL, backbone="lsknet"))
    images = torch.randn(1, 1, 64, 64)
    objects = torch.tensor([[20.0, 24.0, 18.0, 8.0, 0.4], [45.0, 40.0, 12.0, 6.0, 1.2]])
    labels = torch.tensor([0, 1])
    optimizer = torch.optim.Adam(detector.parameters(), lr=3e-3)
    losses = []
    for _ in range(8):
        output = detector(images)
        target = coarse_to_fine_assign(
            priors=output.dynamic_priors[0],
            gt_boxes=objects,
            gt_labels=labels,
            cls_logits=output.cls_logits[0],
            decoded_boxes=output.boxes_of_dynamic_priors()[0],
        )
        positive = target.gt_index > 0
        assert bool(positive.any())
        loss = rotated_iou_loss(output.boxes()[0][positive], objects[target.gt_index[positive] - 1]).mean()
        loss = loss + torch.nn.functional.cross_entropy(output.cls_logits[0].T[positive], target.labels[positive])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_refusals() -> None:
    with pytest.raises(BadRequestError, match="backbone"):
        DetectorSettings(2, backbone="resnet34")
    with pytest.raises(BadRequestError, match="class_count"):
        DetectorSettings(0)
    with pytest.raises(BadRequestError, match="width"):
        DetectorSettings(2, width=0)
    with pytest.raises(BadRequestError, match="lsknet"):
        DetectorSettings(2, backbone="lsknet", imagenet_weights="weights.pth")
    with pytest.raises(BadRequestError, match="norm"):
        DetectorSettings(2, norm="layer")
    with pytest.raises(BadRequestError, match="group norm"):
        DetectorSettings(2, norm="group", imagenet_weights="weights.pth")
    for bound in (-1.0, float("nan"), "4"):
        with pytest.raises(BadRequestError, match="largest offset"):
            DetectorSettings(2, largest_offset=bound)
    with pytest.raises(BadRequestError, match="rows, columns"):
        build_detector(DetectorSettings(**SMALL))(torch.zeros(1, 3, 64, 64))


@pytest.mark.parametrize("backbone", ["resnet18", "lsknet"])
def test_a_finest_stride_of_4_halves_cells_and_priors(backbone: str) -> None:
    small = {"backbone": backbone, "width": 0.125, "feature_channels": 8}
    coarse, fine = (
        build_detector(DetectorSettings(2, **small, finest_stride=stride)).eval()(torch.zeros(1, 3, 64, 96))
        for stride in (8, 4)
    )
    first = fine.priors[fine.levels == 0]
    assert len(first) == 16 * 24
    assert first[1, 0] - first[0, 0] == 4
    assert first[:, 2:4].unique().tolist() == [16]
    # The second level of the fine network lies where the first of the coarse one does.
    assert torch.equal(fine.priors[fine.levels == 1], coarse.priors[coarse.levels == 0])


def test_with_kept_variance_features_do_not_fade_through_the_head() -> None:
    torch.manual_seed(0)
    network = build_detector(DetectorSettings(2, "resnet18", width=0.125, feature_channels=16))
    features = torch.randn(1, 16, 20, 20)

    def spread() -> float:
        deep = network.head.class_branch(features), network.head.box_branch(features)
        return float(network.head.block(*deep)[1].detach().std())

    published = spread()
    offsets = network.head.block.offsets_and_mask.weight.detach().clone()
    outputs = network.head.boxes.weight.detach().clone()
    network.head.keep_variance()
    assert spread() > 1000 * published
    assert 0.1 < spread() < 10
    assert torch.equal(network.head.block.offsets_and_mask.weight, offsets)
    assert torch.equal(network.head.boxes.weight, outputs)
