"""The training: it learns, it goes on after an interruption as if there had been none, and it runs as a job."""

from __future__ import annotations

import json

import pytest
import torch
from mambamed.cli.main import main
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.jobs.reporter import NullReporter
from mambamed.nn.precision import Precision
from mambamed.registration.disa import DISANet
from mambamed.registration.disa.training.batches import batches
from mambamed.registration.disa.training.batches import draw_batch
from mambamed.registration.disa.training.positions import gather_features
from mambamed.registration.disa.training.schedule import learning_rate_factor
from mambamed.registration.disa.training.schedule import offset_weight
from mambamed.registration.disa.training.state import new_state
from mambamed.registration.disa.training.train import CHECKPOINT
from mambamed.registration.disa.training.train import train_disa
from mambamed.registration.disa.training.train import training_step
from mambamed.registration.disa_training_settings import DISATrainingSettings
from mambamed.training.schedule import TrainingClock
from safetensors.torch import load_file
from safetensors.torch import save_file

TINY = {
    "scenes": 1,
    "crop_voxels": 25,
    "positions": 16,
    "warm_up_steps": 2,
    "metric_steps": 1,
    "precision": "float32",
    "device": "cpu",
}


class Listener(NullReporter):
    """Keeps the curve; cancels, or wants to stop, after a number of steps."""

    def __init__(self, cancel_at: int | None = None, stop_at: int | None = None) -> None:
        self.losses: dict[int, float] = {}
        self._cancel_at = cancel_at
        self._stop_at = stop_at

    @property
    def stop_requested(self):
        return self._stop_at is not None and len(self.losses) >= self._stop_at

    def metric(self, name, value, step=None):
        if name == "loss":
            self.losses[step] = value

    def check_cancelled(self):
        if self._cancel_at is not None and len(self.losses) >= self._cancel_at:
            raise JobCancelledError("The job was cancelled.")


@pytest.fixture
def batch():
    return draw_batch(DISATrainingSettings(**{**TINY, "crop_voxels": 29, "positions": 32}), 0, torch.device("cpu"))


def test_one_batch_is_learned(batch):
    """Shown the same pairs again and again, the network explains more and more of their balanced variance."""
    settings = DISATrainingSettings(**TINY)
    state = new_state(settings, batch)
    explained = [training_step(state, batch, 2e-3, 0.05, 0.995, Precision("float32", True))[1] for _ in range(60)]
    assert max(explained[-20:]) > 0.25
    assert max(explained[-20:]) > max(explained[:5]) + 0.1


def test_the_first_weights_know_neither_sign_nor_offset(batch):
    state = new_state(DISATrainingSettings(**TINY), batch)
    with torch.no_grad():
        plain, changed = (
            gather_features(state.network(volumes), batch.positions) for volumes in (batch.volumes, -batch.volumes)
        )
        inner = (slice(None), slice(None)) + (slice(3, -3),) * 3
        shifted = state.network(batch.volumes + 2.0)[inner] - state.network(batch.volumes)[inner]
    torch.testing.assert_close(plain, changed, atol=1e-5, rtol=1e-4)
    assert float(shifted.abs().max()) < 0.05 * float(plain.abs().max())


def test_half_of_the_first_descriptors_are_clipped(batch):
    state = new_state(DISATrainingSettings(**TINY), batch)
    with torch.no_grad():
        lengths = gather_features(state.network(batch.volumes), batch.positions).norm(dim=1)
    assert float((lengths > 1.0).float().mean()) == pytest.approx(0.5, abs=0.05)


def test_a_resumed_training_continues_the_same_curve(tmp_path):
    settings = DISATrainingSettings(**TINY, steps=8, checkpoint_steps=2)
    whole, before, after = Listener(), Listener(cancel_at=5), Listener()
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    expected = train_disa(settings, tmp_path / "whole", whole)
    with pytest.raises(JobCancelledError):
        train_disa(settings, tmp_path / "parts", before)
    network = train_disa(settings, tmp_path / "parts", after, resume=True)
    assert sorted(after.losses) == [5, 6, 7, 8]
    assert [after.losses[step] for step in (5, 6, 7, 8)] == pytest.approx([whole.losses[s] for s in (5, 6, 7, 8)])
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, expected.state_dict()[name])


def test_a_training_goes_on_from_given_weights(tmp_path):
    """With steps too small to matter the given weights come out; resumed, their file is not needed any more."""
    first = DISANet()
    weights = tmp_path / "first.safetensors"
    save_file(first.state_dict(), str(weights))
    settings = DISATrainingSettings(**TINY, steps=3, learning_rate=1e-9, initial_weights=str(weights))
    with pytest.raises(JobCancelledError):
        train_disa(settings, tmp_path, Listener(stop_at=2))
    weights.unlink()
    network = train_disa(settings, tmp_path, resume=True)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, first.state_dict()[name], atol=1e-6, rtol=0)


def test_initial_weights_that_are_not_there_are_refused(tmp_path):
    settings = DISATrainingSettings(**TINY, steps=1, initial_weights=str(tmp_path / "none.safetensors"))
    with pytest.raises(BadRequestError, match=r"none\.safetensors"):
        train_disa(settings, tmp_path)


def test_a_stopped_training_goes_on_from_its_last_step(tmp_path):
    settings = DISATrainingSettings(**TINY, steps=4, checkpoint_steps=100)
    with pytest.raises(JobCancelledError, match="stopped after step 3"):
        train_disa(settings, tmp_path, Listener(stop_at=3))
    after = Listener()
    train_disa(settings, tmp_path, after, resume=True)
    assert sorted(after.losses) == [4]


def test_a_foreign_checkpoint_is_refused(tmp_path):
    torch.save({"step": 3}, tmp_path / CHECKPOINT)
    with pytest.raises(BadRequestError, match="not a checkpoint of a DISA training"):
        train_disa(DISATrainingSettings(**TINY, steps=1), tmp_path, resume=True)


def test_the_batches_of_a_step_do_not_depend_on_where_one_began():
    settings = DISATrainingSettings(**TINY)
    device = torch.device("cpu")
    from_the_start, from_one = batches(settings, 0, device), batches(settings, 1, device)
    next(from_the_start)
    first, second = next(from_the_start), next(from_one)
    assert torch.equal(first.volumes, second.volumes)
    assert torch.equal(first.targets, second.targets)
    assert (first.positions == second.positions).all()
    from_the_start.close()
    from_one.close()


def test_the_mean_error_counts_fully_at_the_end():
    clock = TrainingClock(iterations=100)
    weights = []
    for done in range(101):
        clock.done = done
        weights.append(offset_weight(clock, decay_from=0.5, before=0.2))
    assert weights[:51] == [0.2] * 51
    assert weights[75] == pytest.approx(0.6)
    assert weights[100] == pytest.approx(1.0)


def test_the_learning_rate_rises_stays_and_falls():
    clock = TrainingClock(iterations=100, warm_up_iterations=10)
    rates = []
    for done in range(101):
        clock.done = done
        rates.append(learning_rate_factor(clock, decay_from=0.5))
    assert rates[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert rates[10:51] == [1.0] * 41
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"crop_voxels": 24},
        {"crop_voxels": 21},
        {"shared_positions": 1.5},
        {"learning_rate": 0.0},
        {"precision": "float8"},
        {"time_limit_minutes": -1.0},
        {"epochs": 3},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(BadRequestError):
        DISATrainingSettings.from_json(wrong)


def test_the_command_leaves_weights_that_load(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    job = tmp_path / "job"
    arguments = ["--steps", "1", "--scenes", "1", "--positions", "8", "--precision", "float32", "--device", "cpu"]
    assert main(["train", "disa", "-o", str(job), "--json", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "done"
    DISANet().load_state_dict(load_file(job / "outputs" / "weights.safetensors"))
    assert json.loads((job / "request.json").read_text(encoding="utf-8"))["settings"]["steps"] == 1

    # Its weights can be the beginning of another training, named as a shell completes them.
    monkeypatch.chdir(tmp_path)
    given = ["--initial-weights", "job/outputs/weights.safetensors", "--decay-from", "0", "--averaging", "0.9"]
    assert main(["train", "disa", "-o", "second", "--json", *arguments, *given]) == 0
    settings = json.loads((tmp_path / "second" / "request.json").read_text(encoding="utf-8"))["settings"]
    assert settings["initial_weights"] == str(job / "outputs" / "weights.safetensors")
    assert (settings["decay_from"], settings["averaging"]) == (0.0, 0.9)
