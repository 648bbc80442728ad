"""Golden U-Mamba networks (set c) for the tests of this folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from mambamed.segmentation.networks import build_network
from safetensors.torch import load_file
from torch import Tensor
from torch import nn

GOLDEN_NETWORKS = {
    "bot2d": "nnUNetTrainerUMambaBot",
    "bot3d": "nnUNetTrainerUMambaBot",
    "enc2d": "nnUNetTrainerUMambaEnc",
    "enc3d_aniso_chtok": "nnUNetTrainerUMambaEncNoAMP",
}


@dataclass
class GoldenNetwork:
    """One reference network: its plan, weights, input, outputs and probes."""

    trainer_name: str
    description: dict
    aliases: dict[str, str]
    gradient_norms: dict
    tensors: dict[str, Tensor]

    @property
    def configuration(self) -> dict:
        return self.description["plans"]["configurations"][self.description["configuration"]]

    @property
    def state(self) -> dict[str, Tensor]:
        prefix = "state_dict."
        return {name[len(prefix) :]: value for name, value in self.tensors.items() if name.startswith(prefix)}

    @property
    def outputs(self) -> list[Tensor]:
        return [self.tensors[name] for name in sorted(self.tensors) if name.startswith("output.ds")]

    @property
    def relative_tolerance_float32(self) -> float:
        return 2e-5 if "Bot" in self.trainer_name else 1e-3

    def build(self, deep_supervision: bool = True) -> nn.Module:
        classes = len(self.description["dataset_json"]["labels"])
        channels = self.description["num_input_channels"]
        return build_network(self.trainer_name, self.configuration, channels, classes, deep_supervision)


def read_golden_network(folder: Path, name: str) -> GoldenNetwork:
    stem = f"c_umamba_{name}"
    return GoldenNetwork(
        trainer_name=GOLDEN_NETWORKS[name],
        description=json.loads((folder / f"{stem}.json").read_text(encoding="utf-8")),
        aliases=json.loads((folder / f"{stem}.aliases.json").read_text(encoding="utf-8"))["alias_to_canonical"],
        gradient_norms=json.loads((folder / f"{stem}.gradnorms.json").read_text(encoding="utf-8")),
        tensors=load_file(folder / f"{stem}.safetensors"),
    )


@pytest.fixture(scope="module", params=list(GOLDEN_NETWORKS))
def golden(request, shared_folder) -> GoldenNetwork:
    return read_golden_network(shared_folder / "golden", request.param)


@pytest.fixture(scope="module")
def golden_bot_3d(shared_folder) -> GoldenNetwork:
    return read_golden_network(shared_folder / "golden", "bot3d")


@pytest.fixture(scope="module")
def golden_enc_3d(shared_folder) -> GoldenNetwork:
    return read_golden_network(shared_folder / "golden", "enc3d_aniso_chtok")
