"""Restricted reading: trained checkpoints load, everything that could execute code is refused and not executed."""

from __future__ import annotations

import builtins
import importlib
import io
import os
import pickle
import subprocess
import sys
import zipfile

import numpy
import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError
from mambamed.models import load_weights
from mambamed.models import read_checkpoint


def with_module_renamed(data: bytes, old: bytes, new: bytes) -> bytes:
    """Return a ``torch.save`` file in which a module of the pickle has another name."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(result, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename.endswith("data.pkl"):
                assert old in content
                content = content.replace(old, new)
            target.writestr(entry.filename, content)
    return result.getvalue()


@pytest.fixture(params=["numpy._core", "numpy.core"])
def trained_file(request, tmp_path, checkpoint):
    """A trained checkpoint in the spelling of numpy 2 and in that of numpy 1."""
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    written = numpy.float64(0).__reduce__()[0].__module__
    path = tmp_path / "checkpoint_final.pth"
    path.write_bytes(
        with_module_renamed(
            buffer.getvalue(), f"c{written}\nscalar".encode(), f"c{request.param}.multiarray\nscalar".encode()
        )
    )
    return path


def test_a_trained_checkpoint_is_read_whole(trained_file, checkpoint):
    with pytest.raises(pickle.UnpicklingError):
        torch.load(trained_file, weights_only=True)  # PyTorch's own list does not suffice
    content = read_checkpoint(trained_file)
    assert set(content) == set(checkpoint)
    for name, value in checkpoint["network_weights"].items():
        assert torch.equal(content["network_weights"][name], value)
    assert content["logging"] == checkpoint["logging"]
    assert isinstance(content["logging"]["train_losses"][0], numpy.float32)
    assert content["_best_ema"] == numpy.float64(0.625)
    assert content["init_args"]["configuration"] == "3d_fullres"
    assert content["init_args"]["device"] == torch.device("cpu")
    assert content["inference_allowed_mirroring_axes"] == (0, 1, 2)


def test_the_allow_list_is_not_left_behind(trained_file):
    before = set(map(repr, torch.serialization.get_safe_globals()))
    read_checkpoint(trained_file)
    assert set(map(repr, torch.serialization.get_safe_globals())) == before


class Payload:
    """Runs a function when it is unpickled in the ordinary way."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def payloads(marker):
    command = f"touch {marker}"
    return {
        "system": Payload(os.system, command),
        "eval": Payload(builtins.eval, f"open({str(marker)!r}, 'w').close()"),
        "popen": Payload(subprocess.Popen, ["touch", str(marker)]),
        "import": Payload(importlib.import_module, "this"),
    }


@pytest.mark.parametrize("name", ["system", "eval", "popen", "import"])
@pytest.mark.parametrize("place", ["weights", "log", "whole file"])
@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_payloads_are_refused_by_name_and_do_not_run(tmp_path, checkpoint, name, place, form):
    marker, path = tmp_path / "executed", tmp_path / "checkpoint_final.pth"
    payload = payloads(marker)[name]
    content = {
        "weights": {**checkpoint, "network_weights": {**checkpoint["network_weights"], "extra": payload}},
        "log": {**checkpoint, "logging": {"mean_fg_dice": [payload]}},
        "whole file": payload,
    }[place]
    if form == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    for read in (read_checkpoint, load_weights):
        with pytest.raises(BadRequestError) as refusal:
            read(path)
        assert not marker.exists()
        assert "this" not in sys.modules
        if form != "pickle":  # a bare pickle is not a file of PyTorch at all
            assert isinstance(refusal.value, UnsafeFileError)
            found = {"system": "system", "eval": "eval", "popen": "Popen", "import": "importlib.import_module"}[name]
            assert found in str(refusal.value)
            assert "Nothing was executed" in str(refusal.value)


def test_payloads_in_newer_forms_of_pickle_are_refused(tmp_path):
    marker, path = tmp_path / "executed", tmp_path / "checkpoint_final.pth"
    torch.save(payloads(marker)["system"], path, pickle_protocol=4)
    with pytest.raises(UnsafeFileError, match="a call or an operation"):
        read_checkpoint(path)
    assert not marker.exists()


def test_the_payloads_of_these_tests_are_real(tmp_path):
    marker, path = tmp_path / "executed", tmp_path / "evil.pth"
    torch.save(payloads(marker)["system"], path)
    torch.load(path, weights_only=False)
    assert marker.exists()


class Harmless:
    """A class of somebody's own, as careless checkpoints hold them."""


def test_objects_of_unknown_classes_are_refused_by_name(tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"network_weights": {"a": torch.zeros(1)}, "config": Harmless()}, path)
    with pytest.raises(UnsafeFileError, match=r"it asks for .*Harmless"):
        read_checkpoint(path)
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(UnsafeFileError, match=r"it asks for torch\.nn\.modules\.linear\.Linear"):
        read_checkpoint(path)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_truncated_files_are_called_damaged(trained_file, kept):
    data = trained_file.read_bytes()
    trained_file.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    with pytest.raises(BadRequestError, match="incomplete, damaged or of another kind") as refusal:
        read_checkpoint(trained_file)
    assert not isinstance(refusal.value, UnsafeFileError)


@pytest.mark.parametrize("content", [b"just a text", b"\x00" * 64, b"PK\x03\x04 no zip", b"\x80\x02}q\x00."])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "checkpoint_final.pth"
    path.write_bytes(content)
    with pytest.raises(BadRequestError, match=r"checkpoint_final\.pth"):
        read_checkpoint(path)


def test_missing_files_and_checkpoints_of_another_kind(tmp_path):
    with pytest.raises(BadRequestError, match="There is no file"):
        read_checkpoint(tmp_path / "absent.pth")
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(BadRequestError, match=r"not a checkpoint of nnU-Net v2 or U-Mamba.*state_dict"):
        read_checkpoint(tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(BadRequestError, match="not a checkpoint"):
        read_checkpoint(tmp_path / "list.pth")
