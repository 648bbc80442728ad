"""U-Mamba Bot and Enc against golden set c: outputs, probes, gradients, names, counts; layouts and precision."""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.segmentation.networks import NetworkPlan
from mambamed.segmentation.networks import build_network
from mambamed.segmentation.networks.umamba import blocks_of_decoder
from mambamed.segmentation.networks.umamba import blocks_of_encoder

pytestmark = pytest.mark.shared_data


def largest_error(found, expected):
    return (found - expected).abs().max().item() / expected.abs().max().item()


@contextmanager
def plain_convolutions():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with torch.backends.mkldnn.flags(enabled=False):
            yield


@pytest.fixture(scope="module")
def networks(golden):
    """The golden network in float64 and float32, weights loaded strictly."""
    built = {}
    for dtype in (torch.float64, torch.float32):
        network = golden.build().to(dtype).eval()
        network.load_state_dict(golden.state, strict=True)
        built[dtype] = network
    return built


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_outputs_of_all_resolutions(golden, networks, dtype):
    tolerance = 1e-6 if dtype == torch.float64 else golden.relative_tolerance_float32
    with torch.no_grad():
        outputs = networks[dtype](golden.tensors["input"].to(dtype))
    assert len(outputs) == len(golden.outputs)
    for output, expected in zip(outputs, golden.outputs, strict=True):
        assert largest_error(output, expected) <= tolerance


def test_without_deep_supervision_the_output_is_the_full_resolution(golden, networks):
    network = networks[torch.float64]
    image = golden.tensors["input"].double()
    with torch.no_grad():
        every = network(image)
        network.deep_supervision = False
        single = network(image)
        network.deep_supervision = True
    assert torch.equal(single, every[0])
    if "output.nods" in golden.tensors:
        assert largest_error(single, golden.tensors["output.nods"]) <= 1e-6


def test_probes_of_the_encoder_and_bottleneck(golden, networks):
    network = networks[torch.float64]
    with torch.no_grad():
        maps = network.encoder(golden.tensors["input"].double())
        if "probe.bottleneck_mamba_out" in golden.tensors:
            bottleneck = network.mamba_layer(maps[-1])
            assert largest_error(bottleneck, golden.tensors["probe.bottleneck_mamba_out"]) <= 1e-6
    for stage, stage_map in enumerate(maps):
        values = stage_map.flatten(2)
        assert largest_error(values.mean(2), golden.tensors[f"probe.encoder_out{stage}.mean"]) <= 1e-6
        assert largest_error(values.std(2), golden.tensors[f"probe.encoder_out{stage}.std"]) <= 1e-6


@pytest.mark.parametrize(("dtype", "relative", "absolute"), [(torch.float64, 1e-4, 1e-7), (torch.float32, 5e-3, 1e-4)])
def test_gradient_norms_and_order_of_parameters(golden, networks, dtype, relative, absolute):
    # Mamba's small outputs are amplified by the next instance norm, so a float32 rounding error early in U-Mamba Enc
    # can carry a value across the kink of a leaky ReLU (margins of 1e-5 here) and change gradients by percents. The
    # plain convolutions stay on the right side; oneDNN's round differently.
    network = networks[dtype]
    network.zero_grad()
    with plain_convolutions():
        outputs = network(golden.tensors["input"].to(dtype))
    loss = sum(0.5**level * (output**2).mean() for level, output in enumerate(outputs))
    assert loss.item() == pytest.approx(golden.gradient_norms["loss"], rel=relative)
    with plain_convolutions():
        loss.backward()
    expected = golden.gradient_norms["grad_l2_norm"]
    assert [name for name, _ in network.named_parameters()] == list(expected)
    largest = max(expected.values())
    for name, parameter in network.named_parameters():
        assert parameter.grad.norm().item() == pytest.approx(expected[name], rel=relative, abs=absolute * largest), name
    network.zero_grad()


def test_counts_blocks_and_token_widths(golden, networks):
    network, described = networks[torch.float32], golden.description
    assert sum(parameter.numel() for parameter in network.parameters()) == described["parameters_unique"]
    assert len(network.state_dict()) == described["state_dict_entries"]
    effective = described["effective"]
    plan = NetworkPlan.from_configuration(golden.configuration)
    assert list(plan.features_per_stage) == effective["features_per_stage"]
    assert [len(stage) for stage in network.encoder.stages] == effective["n_conv_per_stage_encoder_after_construction"]
    assert [len(stage) for stage in network.decoder.stages] == effective["n_conv_per_stage_decoder_after_construction"]
    layers = getattr(network.encoder, "mamba_layers", [])
    assert [getattr(layer, "channel_token", None) for layer in layers] == effective["channel_token_per_stage"]
    assert [getattr(layer, "width", None) for layer in layers] == effective["mamba_dim_per_stage"]


def test_parameter_counts_at_realistic_sizes(shared_folder):
    described = json.loads((shared_folder / "golden" / "c_parameter_counts.json").read_text(encoding="utf-8"))
    assert len(described) == 6
    for name, facts in described.items():
        configuration = {
            "patch_size": facts["patch"],
            "UNet_class_name": "PlainConvUNet",
            "UNet_base_num_features": 32,
            "unet_max_num_features": facts["max_features"],
            "n_conv_per_stage_encoder": [2] * len(facts["strides"]),
            "n_conv_per_stage_decoder": [2] * (len(facts["strides"]) - 1),
            "pool_op_kernel_sizes": facts["strides"],
            "conv_kernel_sizes": facts["kernels"],
        }
        with torch.device("meta"):
            network = build_network(
                f"UMamba{name.split()[-1]}", configuration, facts["in_channels"], facts["classes"], True
            )
        assert sum(parameter.numel() for parameter in network.parameters()) == facts["parameters"], name
        layers = getattr(network.encoder, "mamba_layers", [])
        assert [getattr(layer, "width", None) for layer in layers] == facts["mamba_dim"], name


@pytest.mark.parametrize(
    ("planned", "encoder", "decoder"),
    [
        ([2] * 4, [2, 2, 1, 1], [2, 2, 1]),
        ([2] * 5, [2, 2, 2, 1, 1], [2, 2, 2, 1]),
        ([3] * 6, [3, 3, 3, 1, 1, 1], [3, 3, 3, 1, 1]),
        ([1, 3, 4, 6, 6, 6, 6], [1, 3, 4, 6, 1, 1, 1], [1, 3, 4, 6, 1, 1]),
    ],
)
def test_number_of_blocks_per_stage(planned, encoder, decoder):
    assert blocks_of_encoder(planned) == encoder
    assert blocks_of_decoder(planned[:-1]) == decoder


def test_initial_weights(golden_bot_3d):
    torch.manual_seed(0)
    network = golden_bot_3d.build()
    state = network.state_dict()
    for name, described in golden_bot_3d.description["init_stats"].items():
        if name.endswith("bias"):
            assert not state[name].any()
        else:
            expected = (2 / (1 + 0.01**2) / described["fan_in"]) ** 0.5
            deviations = state[name].numel() ** 0.5
            assert state[name].std().item() == pytest.approx(expected, rel=4 / deviations), name
    assert torch.equal(network.encoder.stages[0][0].norm2.weight, torch.ones(6))
    assert network.mamba_layer.mamba.conv1d.bias.abs().max() > 0


def test_channels_last_gives_the_same_result(golden, networks):
    network = golden.build().eval()
    network.load_state_dict(golden.state)
    image = golden.tensors["input"]
    memory_format = torch.channels_last if image.dim() == 4 else torch.channels_last_3d
    network = network.to(memory_format=memory_format)
    with torch.no_grad():
        outputs = network(image.contiguous(memory_format=memory_format))
    for output, expected in zip(outputs, golden.outputs, strict=True):
        assert largest_error(output, expected) <= golden.relative_tolerance_float32


def test_trains_in_channels_last_with_bfloat16_autocast(golden):
    torch.manual_seed(0)
    network = golden.build()
    image = golden.tensors["input"]
    memory_format = torch.channels_last if image.dim() == 4 else torch.channels_last_3d
    network = network.to(memory_format=memory_format)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.005)
    target = (image[:, 0] > 0).long()
    losses = []
    for _ in range(4):
        optimiser.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = network(image.contiguous(memory_format=memory_format))[0]
        assert output.is_contiguous(memory_format=memory_format)
        loss = torch.nn.functional.cross_entropy(output.float(), target)
        loss.backward()
        assert all(parameter.grad.isfinite().all() for parameter in network.parameters() if parameter.grad is not None)
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_no_strided_convolution_of_one_voxel(golden, networks):
    """Their backward pass corrupts memory in PyTorch 2.13 (CPU, several threads, channels-last)."""
    convolutions = [
        module for module in networks[torch.float32].modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Conv3d)
    ]
    narrow = [module for module in convolutions if set(module.kernel_size) == {1}]
    assert any(max(module.stride) > 1 for module in convolutions)
    assert narrow
    assert all(set(module.stride) == {1} for module in narrow)


def test_bot_takes_other_patch_sizes(golden_bot_3d):
    network = golden_bot_3d.build(deep_supervision=False).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 16, 8, 24)).shape == (1, 3, 16, 8, 24)
    with pytest.raises(BadRequestError, match=r"16 x 8 x 20 .* multiple of its total stride, 8 x 8 x 8"):
        network(torch.zeros(1, 1, 16, 8, 20))


def test_enc_refuses_other_patch_sizes(golden_enc_3d):
    network = golden_enc_3d.build().eval()
    with pytest.raises(BadRequestError, match=r"8 x 32 x 64 .* only take 8 x 32 x 32: .* channels are the tokens"):
        network(torch.zeros(1, 2, 8, 32, 64))


def test_enc_refuses_to_be_built_for_a_patch_that_the_strides_do_not_divide(golden_enc_3d):
    configuration = {**golden_enc_3d.configuration, "patch_size": [8, 32, 36]}
    with pytest.raises(BadRequestError, match="multiple of its total stride, 4 x 8 x 8"):
        build_network("UMambaEnc", configuration, 2, 3)
