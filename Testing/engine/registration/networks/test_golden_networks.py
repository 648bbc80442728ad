"""All registration networks in reference mode against golden sets g."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mambamed.registration.networks import NETWORK_NAMES
from mambamed.registration.networks import build
from mambamed.registration.networks import from_reference_config
from mambamed.registration.networks import load_reference_weights
from safetensors.torch import load_file

GOLDEN_NAMES = (
    "vmambamorph",
    "vmambamorph_feat",
    "mambamorph",
    "mambamorph_feat",
    "transmorph",
    "voxelmorph",
    "voxelmorph_feat",
)
FLOW_TOLERANCE = {torch.float64: 3e-5, torch.float32: 1e-4}
IMAGE_TOLERANCE = {torch.float64: 1e-6, torch.float32: 5e-5}
GRADIENT_TOLERANCE = {torch.float64: (1e-4, 1e-7), torch.float32: (5e-3, 1e-4)}
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


def _load(folder: Path, name: str) -> tuple[dict[str, torch.Tensor], dict]:
    return load_file(folder / f"golden/g_{name}.safetensors"), json.loads(
        (folder / f"golden/g_{name}.json").read_text(encoding="utf-8")
    )


def _network(golden: dict[str, torch.Tensor], name: str, cfg: dict, dtype: torch.dtype) -> torch.nn.Module:
    prefix = "state_dict."
    weights = {key[len(prefix) :]: value for key, value in golden.items() if key.startswith(prefix)}
    # The public code stores its sampling grids with the weights.
    weights["spatial_trans.grid"] = torch.zeros(1, 3, 2, 2, 2)
    return load_reference_weights(from_reference_config(name, cfg), weights).to(dtype).eval()


@pytest.mark.shared_data
@DTYPES
@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_outputs_probes_and_gradients(shared_folder: Path, name: str, dtype: torch.dtype) -> None:
    golden, facts = _load(shared_folder, name)
    network = _network(golden, name, facts["cfg"], dtype)
    assert sum(parameter.numel() for parameter in network.parameters()) == facts["parameters"]
    maps: list[torch.Tensor] = []
    if hasattr(network, "transformer"):
        network.transformer.register_forward_hook(lambda module, inputs, output: maps.extend(output))
    source, target = golden["source"].to(dtype), golden["target"].to(dtype)
    output = network(source, target, return_features=True)

    flow, image = FLOW_TOLERANCE[dtype], IMAGE_TOLERANCE[dtype]
    tolerances = {"moved_vol": image, "preint_flow": flow, "pos_flow": flow, "feature": flow, "warped_feature": flow}
    checked = 0
    for key, tolerance in tolerances.items():
        if f"output.{key}" in golden:
            result = output.moved if key == "moved_vol" else getattr(output, key)
            assert (result - golden[f"output.{key}"]).abs().max() <= tolerance, key
            checked += 1
    assert checked == sum(key.startswith("output.") and ".rec2." not in key for key in golden)
    for index, features in enumerate(maps):
        assert (features - golden[f"probe.backbone_out{index}"]).abs().max() <= flow

    gradients = json.loads((shared_folder / f"golden/g_{name}.gradnorms.json").read_text(encoding="utf-8"))
    loss = (output.pos_flow**2).mean() + ((output.moved - target) ** 2).mean() + 0.1 * (output.preint_flow**2).mean()
    assert loss.item() == pytest.approx(gradients["loss"], rel=1e-9 if dtype == torch.float64 else 1e-5)
    loss.backward()
    parameters = dict(network.named_parameters())
    norms = gradients["grad_l2_norm"]
    assert parameters.keys() == norms.keys()
    relative, absolute = GRADIENT_TOLERANCE[dtype]
    largest = max(norm for norm in norms.values() if norm is not None)
    for key, expected in norms.items():
        gradient = parameters[key].grad
        if expected is None:
            assert gradient is None, key
        else:
            assert gradient.norm().item() == pytest.approx(expected, rel=relative, abs=absolute * largest), key


@pytest.mark.shared_data
@DTYPES
def test_recursive_network(shared_folder: Path, dtype: torch.dtype) -> None:
    golden, facts = _load(shared_folder, "vmambamorph_feat")
    network = _network(golden, "vmambamorph_recursive", facts["cfg"], dtype)
    with torch.no_grad():
        output = network(golden["source"].to(dtype), golden["target"].to(dtype))
    assert (output.moved - golden["output.rec2.moved_vol"]).abs().max() <= IMAGE_TOLERANCE[dtype]
    for key in ("preint_flow", "pos_flow"):
        assert (getattr(output, key) - golden[f"output.rec2.{key}"]).abs().max() <= FLOW_TOLERANCE[dtype]


@pytest.mark.shared_data
def test_parameter_counts_of_the_paper(shared_folder: Path) -> None:
    counts = json.loads((shared_folder / "golden/g_parameter_counts.json").read_text(encoding="utf-8"))
    expected = {
        "voxelmorph": counts["VoxelMorph vm (enc 16x4, dec 16x6)"],
        "voxelmorph_feat": counts["VoxelMorph vm-feat"],
        "transmorph": counts["TransMorph"],
        "transmorph_feat": counts["TransMorph-feat"],
        "mambamorph": counts["MambaMorph"],
        "mambamorph_feat": counts["MambaMorph-feat"],
        "vmambamorph": counts["VMambaMorph"],
        "vmambamorph_feat": counts["VMambaMorph-feat"],
        "vmambamorph_recursive": counts["RecVMambaMorph"],
    }
    assert expected.keys() == set(NETWORK_NAMES)
    for name, count in expected.items():
        with torch.device("meta"):
            network = build(name, **({"mode": "reference"} if name.startswith("vmambamorph") else {}))
        assert sum(parameter.numel() for parameter in network.parameters()) == count, name
