"""The authors' checkpoints become model folders: network and sizes are read from their names and shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk
import torch
from engine.registration.structured import structured_image
from mambamed.cli.main import main
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError
from mambamed.registration import register
from mambamed.registration.networks import build
from mambamed.registration.networks.model import load_network
from mambamed.registration.networks.reference_model import import_reference_network
from mambamed.registration.networks.reference_model import reference_arguments

SMALL: dict[str, dict[str, Any]] = {
    "vmambamorph": {"embed_dim": 8, "depths": [2, 1, 2], "state_size": 4, "mode": "reference"},
    "vmambamorph_feat": {"embed_dim": 8, "head_channels": 8, "mode": "reference"},
    "mambamorph": {"embed_dim": 8, "convolution_taps": 3, "expansion": 1},
    "mambamorph_feat": {"embed_dim": 8, "state_size": 8},
    "transmorph": {"embed_dim": 12, "depths": [1, 2, 2], "heads": [2, 2, 4], "window": [4, 4, 4], "expansion": 2.0},
    "transmorph_feat": {"embed_dim": 16, "projection_bias": True},
    "voxelmorph": {"encoder_channels": [4, 6], "decoder_channels": [6, 4, 8]},
    "voxelmorph_feat": {"feature_channels": [[4, 4], [4, 4, 4, 16]]},
}


@pytest.mark.parametrize("name", list(SMALL))
def test_network_and_sizes_are_told_by_the_weights(name: str) -> None:
    weights = build(name, **SMALL[name]).state_dict()
    stored = {f"module.{key}": value for key, value in weights.items()}
    stored["spatial_trans.grid"] = torch.zeros(1, 3, 2, 2, 2)
    found, arguments = reference_arguments(stored)
    assert found == name
    mode = {"mode": "reference"} if name.startswith("vmambamorph") else {}
    again = build(found, **arguments, **mode).state_dict()
    assert {key: value.shape for key, value in again.items()} == {key: value.shape for key, value in weights.items()}


def test_a_checkpoint_is_imported_and_registers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    network = build("voxelmorph").eval()
    torch.nn.init.normal_(network.flow.weight, 0.0, 0.01)
    file = tmp_path / "vxm best.pt"
    torch.save({"config": {"inshape": [32, 32, 32]}, "model_state": network.state_dict()}, file)
    folder = tmp_path / "model"
    words = ["models", "import", str(file), "-o", str(folder), "--grid", "16", "32", "16", "--spacing", "4"]
    assert main(words) == 0
    assert f"network:{folder}" in capsys.readouterr().out
    assert main(words) == 2
    assert "not empty" in capsys.readouterr().err
    model = load_network(folder, device="cpu")
    assert (model.card.id, model.card.derived, model.description.mode) == ("vxm-best", True, "reference")
    source, target = torch.rand(2, 1, 1, 16, 32, 16)
    with torch.no_grad():
        torch.testing.assert_close(
            model.network(source, target).pos_flow, network(source, target).pos_flow, atol=0.02, rtol=0.02
        )
    image = structured_image(8, (30, 50, 28), detail=3.0)
    fast = {"initial": "header", "search": "none", "cache": False, "device": "cpu"}
    result = register(image, image, f"network:{folder}", **fast)
    assert isinstance(result.transform, sitk.DisplacementFieldTransform)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="not those of VMambaMorph"):
        reference_arguments({"conv.weight": torch.zeros(3)})
    torch.save({"model_state": {"flow.weight": object}}, tmp_path / "evil.pt")
    with pytest.raises(UnsafeFileError):
        import_reference_network(tmp_path / "evil.pt", tmp_path / "model")
    assert not (tmp_path / "model").exists()
