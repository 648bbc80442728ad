"""The window loop: blending, less memory than wanted, overflow, cancelling, progress."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.reporter import NullReporter
from mambamed.segmentation.sliding_window import NotFiniteError
from mambamed.segmentation.sliding_window import WindowPlan
from mambamed.segmentation.sliding_window import predict_windows
from torch import Tensor

PLAN = WindowPlan(
    patch_size=(8, 12, 10),
    step_size=0.5,
    mirror_axes=None,
    batch_size=2,
    results_device=torch.device("cpu"),
    results_dtype=torch.float32,
    size_divisor=(2, 2, 2),
    fixed_patch=False,
)
WHOLE = (slice(0, 13), slice(0, 17), slice(0, 11))


class Recorder(NullReporter):
    def __init__(self, cancel_after: int | None = None) -> None:
        self.warnings: list[str] = []
        self.asked = 0
        self.cancel_after = cancel_after

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def check_cancelled(self) -> None:
        self.asked += 1
        if self.cancel_after is not None and self.asked > self.cancel_after:
            raise JobCancelledError("The job was cancelled.")


class PointwiseNetwork:
    """Two classes that depend on the voxel alone, so that the blended result is known."""

    def __init__(self, largest_voxels: int | None = None, factor: float = 1.0) -> None:
        self.largest_voxels = largest_voxels
        self.factor = factor
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, windows: Tensor) -> Tensor:
        if self.largest_voxels is not None and windows.numel() > self.largest_voxels:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB")
        self.shapes.append(tuple(windows.shape))
        return torch.cat([self.factor * windows, 1.0 - windows], dim=1)


@pytest.fixture
def image() -> Tensor:
    return torch.rand((1, 13, 17, 11), generator=torch.Generator().manual_seed(3))


def run(
    network: PointwiseNetwork, image: Tensor, plan: WindowPlan = PLAN, **options: object
) -> tuple[Tensor, WindowPlan]:
    box = options.pop("box", WHOLE)
    reporter = options.pop("reporter", Recorder())
    return predict_windows(network, image, box, 2, plan, reporter, options.pop("on_progress", lambda _: None))  # type: ignore[arg-type]


def test_blending_of_a_pointwise_network_is_the_network(image: Tensor) -> None:
    logits, plan = run(PointwiseNetwork(), image)
    assert plan == PLAN
    torch.testing.assert_close(logits.float(), torch.cat([image, 1 - image]))


def test_float16_results_are_the_same_within_their_rounding(image: Tensor) -> None:
    logits, _ = run(PointwiseNetwork(), image, dataclasses.replace(PLAN, results_dtype=torch.float16))
    assert logits.dtype == torch.float16
    # At the outermost corners the weights are at float16's smallest numbers, as in nnunetv2: only there it is coarse.
    wrong = (logits.float() - torch.cat([image, 1 - image])).abs() > 4e-3
    assert wrong.float().mean() < 0.05
    assert not wrong[:, 2:-2, 2:-2, 2:-2].any()


def test_mirrored_copies_come_back_in_place(image: Tensor) -> None:
    network = PointwiseNetwork()
    logits, _ = run(network, image, dataclasses.replace(PLAN, mirror_axes=(0, 2)))
    torch.testing.assert_close(logits.float(), torch.cat([image, 1 - image]))
    assert len(network.shapes) % 4 == 0


def test_image_smaller_than_the_window(image: Tensor) -> None:
    small = image[:, :5, :7, :6]
    logits, _ = run(PointwiseNetwork(), small, box=(slice(0, 5), slice(0, 7), slice(0, 6)))
    torch.testing.assert_close(logits.float(), torch.cat([small, 1 - small]))


def test_box_computes_only_windows_that_touch_it(image: Tensor) -> None:
    everything, part = PointwiseNetwork(), PointwiseNetwork()
    whole, _ = run(everything, image)
    box = (slice(0, 3), slice(1, 5), slice(2, 9))
    logits, _ = run(part, image, box=box)
    assert len(part.shapes) < len(everything.shapes)
    torch.testing.assert_close(logits, whole[(slice(None), *box)])


def test_memory_runs_out_once_per_halving(image: Tensor) -> None:
    reporter = Recorder()
    network = PointwiseNetwork(largest_voxels=8 * 6 * 10)
    logits, plan = run(network, image, reporter=reporter)
    assert plan.batch_size == 1
    assert plan.patch_size == (8, 6, 10)
    assert len(reporter.warnings) == 2
    assert "1 windows are computed at a time instead of 2" in reporter.warnings[0]
    assert "windows of 8 x 6 x 10 voxels" in reporter.warnings[1]
    torch.testing.assert_close(logits.float(), torch.cat([image, 1 - image]))


def test_memory_runs_out_for_good(image: Tensor) -> None:
    with pytest.raises(MambaMedError, match="not enough memory"):
        run(PointwiseNetwork(largest_voxels=1), image)
    with pytest.raises(MambaMedError, match="not enough memory for a window of 8 x 12 x 10"):
        run(PointwiseNetwork(largest_voxels=100), image, dataclasses.replace(PLAN, fixed_patch=True))


def test_other_errors_are_not_taken_for_lack_of_memory(image: Tensor) -> None:
    class Broken(PointwiseNetwork):
        def __call__(self, windows: Tensor) -> Tensor:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        run(Broken(), image)


def test_large_logits_are_collected_in_float32(image: Tensor) -> None:
    plan = dataclasses.replace(PLAN, results_dtype=torch.float16)
    logits, plan = run(PointwiseNetwork(factor=1e5), image + 0.5, plan)
    assert plan.results_dtype == torch.float32
    torch.testing.assert_close(logits[:1], 1e5 * (image + 0.5), rtol=1e-4, atol=1.0)


def test_not_finite_logits_are_an_error(image: Tensor) -> None:
    with pytest.raises(NotFiniteError, match="not finite"):
        run(PointwiseNetwork(factor=float("nan")), image)


def test_cancel_between_windows(image: Tensor) -> None:
    network = PointwiseNetwork()
    with pytest.raises(JobCancelledError):
        run(network, image, reporter=Recorder(cancel_after=3))
    assert len(network.shapes) == 2


def test_progress_counts_windows(image: Tensor) -> None:
    fractions: list[float] = []
    run(PointwiseNetwork(), image, on_progress=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(set(fractions)) == len(fractions)
