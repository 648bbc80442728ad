"""The loss of every method, and one step of every row of the study."""

from __future__ import annotations

import pytest
import torch
from mambamed.detection.assign import coarse_to_fine_assign
from mambamed.detection.geometry.iou_loss import rotated_iou_loss
from mambamed.detection.losses import focal_loss
from mambamed.detection.networks import DetectorSettings
from mambamed.detection.networks import build_detector
from mambamed.detection.networks import encode_boxes
from mambamed.detection.training.criterion import DetectionCriterion
from mambamed.detection.training.criterion import ImageObjects
from mambamed.detection.training.method import METHODS
from mambamed.detection.training.method import MethodSettings
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.study import STUDY_ROWS
from mambamed.detection.training.study import StudyRow
from mambamed.errors import BadRequestError

_BOXES = torch.tensor([[20.0, 24.0, 26.0, 10.0, 0.4], [46.0, 38.0, 14.0, 12.0, 1.5]])


def _objects(difficult: tuple[bool, bool] = (False, False)) -> ImageObjects:
    return ImageObjects(_BOXES, torch.tensor([0, 1]), torch.tensor(difficult))


def _nothing() -> ImageObjects:
    return ImageObjects(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))


def _network(method: MethodSettings, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    small = DetectorSettings(
        2, "resnet18", width=0.125, feature_channels=8, prior_capturing=method.prior_capturing, finest_stride=4
    )
    return build_detector(small)


@pytest.mark.parametrize("row", STUDY_ROWS, ids=lambda row: row.name)
def test_every_row_of_the_study_is_built_and_takes_a_step(row: StudyRow) -> None:
    settings = DetectionTrainingSettings(
        synthetic="ct", width=0.125, feature_channels=8, finest_stride=4, learning_rate=0.05
    ).replace(**row.changes)
    torch.manual_seed(1)
    network = build_detector(settings.network(2)).train()
    assert (network.head.block is not None) == (settings.method == "dcfl")
    optimiser = torch.optim.SGD(network.parameters(), lr=settings.learning_rate)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    loss = DetectionCriterion(settings.method_settings)(network(torch.randn(2, 3, 64, 96)), [_objects(), _nothing()])
    loss.total.backward()
    optimiser.step()
    assert torch.isfinite(loss.total)
    assert loss.positives > 0
    assert float(loss.classes) > 0
    assert float(loss.boxes) > 0
    # Deep in a narrow network a first gradient may be too small to change a float; the head's and the stem's are not.
    changed = [not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True)]
    assert sum(changed) > 0.7 * len(changed)
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())


def test_loss_of_dcfl_is_that_of_its_parts() -> None:
    method = MethodSettings(class_weight=2.0, box_weight=0.5)
    output = _network(method)(torch.randn(1, 3, 64, 64))
    loss = DetectionCriterion(method)(output, [_objects()])
    found = coarse_to_fine_assign(
        priors=output.dynamic_priors[0],
        gt_boxes=_BOXES,
        gt_labels=torch.tensor([0, 1]),
        cls_logits=output.cls_logits[0],
        decoded_boxes=output.boxes_of_dynamic_priors()[0],
    )
    positive = found.gt_index > 0
    target = torch.nn.functional.one_hot(found.labels.clamp_min(0), 2).T * positive
    count = int(positive.sum())
    assert loss.positives == count
    classes = focal_loss(output.cls_logits[0], target)[:, found.gt_index >= 0].sum() / count
    boxes = rotated_iou_loss(output.boxes()[0][positive], _BOXES[found.gt_index[positive] - 1]).sum() / count
    assert float(loss.classes) == pytest.approx(2 * float(classes.detach()), rel=1e-5)
    assert float(loss.boxes) == pytest.approx(0.5 * float(boxes.detach()), rel=1e-5)
    assert float(loss.total.detach()) == pytest.approx(float(loss.classes) + float(loss.boxes), rel=1e-5)


def test_absolute_error_of_the_differences() -> None:
    method = MethodSettings("atss-o", box_loss="l1")
    output = _network(method)(torch.randn(1, 3, 64, 64))
    criterion = DetectionCriterion(method)
    loss = criterion(output, [_objects()])
    index = criterion.assign(output, 0, _objects()).gt_index
    positive = index > 0
    wanted = encode_boxes(output.priors[positive], _BOXES[index[positive] - 1])
    error = (output.deltas[0][:, positive].T - wanted).abs().sum() / loss.positives
    assert float(loss.boxes) == pytest.approx(float(error.detach()), rel=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_difficult_object_counts_neither_as_object_nor_as_background(name: str) -> None:
    method = MethodSettings(name)
    output = _network(method)(torch.randn(1, 3, 64, 64))
    criterion = DetectionCriterion(method)
    index = criterion.assign(output, 0, _objects()).gt_index
    loss = criterion(output, [_objects((True, False))])
    assert loss.positives == int((index == 2).sum())
    loss.total.backward(inputs=[output.cls_logits])
    gradient = output.cls_logits.grad
    assert gradient is not None
    assert torch.all(gradient[0][:, index == 1] == 0)
    assert torch.all(gradient[0][:, index == 2] != 0)


def test_pictures_without_objects_teach_background() -> None:
    method = MethodSettings()
    output = _network(method)(torch.randn(2, 3, 64, 64))
    loss = DetectionCriterion(method)(output, [_nothing(), _nothing()])
    assert loss.positives == 0
    assert float(loss.boxes) == 0
    assert float(loss.total.detach()) > 0
    loss.total.backward()


def test_refuses_another_number_of_images() -> None:
    method = MethodSettings()
    with pytest.raises(BadRequestError, match="give one each"):
        DetectionCriterion(method)(_network(method)(torch.randn(2, 3, 64, 64)), [_objects()])
