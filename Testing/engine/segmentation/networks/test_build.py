"""Networks by name from both forms of plans, equal to what nnunetv2 builds; hostile plans."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.segmentation.networks import NetworkPlan
from mambamed.segmentation.networks import build_network
from mambamed.segmentation.networks import network_name_of_trainer
from mambamed.segmentation.networks import resolve_configuration

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def plans(shared_folder):
    folder = shared_folder / "golden" / "d_nnunet_folder"
    return {
        "old": json.loads((folder / "plans.json").read_text(encoding="utf-8")),
        "new": json.loads((folder / "plans_as_converted_by_nnunetv2_2.8.json").read_text(encoding="utf-8")),
    }


def test_both_forms_of_plans_describe_the_same_network(plans):
    old = NetworkPlan.from_configuration(resolve_configuration(plans["old"], "3d_fullres"))
    new = NetworkPlan.from_configuration(resolve_configuration(plans["new"], "3d_fullres"))
    assert old.features_per_stage == new.features_per_stage == (6, 12, 24, 24)
    assert (old.strides, old.kernel_sizes, old.patch_size) == (new.strides, new.kernel_sizes, new.patch_size)
    assert old.n_conv_per_stage == new.n_conv_per_stage
    assert old.n_conv_per_stage_decoder == new.n_conv_per_stage_decoder == (2, 2, 2)
    assert old.arch_kwargs == new.arch_kwargs


def test_plans_objects_of_nnunet_are_taken_and_left_alone(plans):
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(copy.deepcopy(plans["old"]))
    configuration = manager.get_configuration("3d_fullres")
    before = copy.deepcopy(configuration.configuration)
    from_manager = build_network("nnUNetTrainerUMambaBot", configuration, 1, 3)
    from_plans = build_network("UMambaBot", plans["old"]["configurations"]["3d_fullres"], 1, 3)
    assert configuration.configuration == before
    assert [tuple(p.shape) for p in from_manager.parameters()] == [tuple(p.shape) for p in from_plans.parameters()]


@pytest.mark.parametrize("form", ["old", "new"])
@pytest.mark.parametrize("name", ["plans", "PlainConvUNet", "nnUNetTrainer"])
def test_the_planned_network_is_nnunets_own(plans, form, name):
    network = build_network(name, plans[form]["configurations"]["3d_fullres"], 1, 3)
    assert type(network).__name__ == "PlainConvUNet"
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 16, 16, 8)).shape == (1, 3, 16, 16, 8)


def test_residual_encoder_from_old_and_new_plans(plans):
    old = copy.deepcopy(plans["old"]["configurations"]["3d_fullres"])
    old["UNet_class_name"] = "ResidualEncoderUNet"
    new = copy.deepcopy(plans["new"]["configurations"]["3d_fullres"])
    arguments = new["architecture"]["arch_kwargs"]
    arguments["n_blocks_per_stage"] = arguments.pop("n_conv_per_stage")
    new["architecture"]["network_class_name"] = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
    networks = [build_network("plans", configuration, 1, 3, deep_supervision=True) for configuration in (old, new)]
    for network in networks:
        assert type(network).__name__ == "ResidualEncoderUNet"
        assert len(network(torch.zeros(1, 1, 8, 8, 16))) == 3
    assert set(networks[0].state_dict()) == set(networks[1].state_dict())


def test_numbers_for_all_stages_at_once(plans):
    configuration = copy.deepcopy(plans["new"]["configurations"]["3d_fullres"])
    configuration["architecture"]["arch_kwargs"].update(n_conv_per_stage=2, n_conv_per_stage_decoder=2, kernel_sizes=3)
    plan = NetworkPlan.from_configuration(configuration)
    assert plan.n_conv_per_stage == (2, 2, 2, 2)
    assert plan.kernel_sizes == ((3, 3, 3),) * 4


@pytest.mark.parametrize(
    ("trainer", "network"),
    [
        ("nnUNetTrainerUMambaBot", "UMambaBot"),
        ("nnUNetTrainerUMambaEnc", "UMambaEnc"),
        ("nnUNetTrainerUMambaEncNoAMP", "UMambaEnc"),
        ("nnUNetTrainer", "plans"),
        ("nnUNetTrainer_250epochs", "plans"),
    ],
)
def test_trainers_and_their_networks(trainer, network):
    assert network_name_of_trainer(trainer) == network


def test_inherited_configurations():
    plans = {
        "configurations": {
            "low": {"patch_size": [8, 8], "spacing": [1, 1], "batch_size": 2},
            "high": {"inherits_from": "low", "spacing": [0.5, 0.5]},
            "circle": {"inherits_from": "circle"},
        }
    }
    assert resolve_configuration(plans, "high") == {"patch_size": [8, 8], "spacing": [0.5, 0.5], "batch_size": 2}
    with pytest.raises(BadRequestError, match="no configuration 'other'; they have: circle, high, low"):
        resolve_configuration(plans, "other")
    with pytest.raises(BadRequestError, match="circle -> circle"):
        resolve_configuration(plans, "circle")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nonlin": "torch.nn.modules.module.warnings.os.system", "nonlin_kwargs": {"command": "true"}}, "nonlin is"),
        ({"norm_op": "os.system"}, "norm_op is 'os.system'"),
        ({"norm_op": "torch.nn.functional.relu"}, "expected a layer"),
        ({"features_per_stage": [6, 12]}, "features_per_stage has 2 entries; 4 are expected"),
        ({"conv_bias": None, "unheard_of": 1}, "cannot be built"),
    ],
)
def test_hostile_or_broken_plans_are_refused(plans, change, message):
    configuration = copy.deepcopy(plans["new"]["configurations"]["3d_fullres"])
    configuration["architecture"]["arch_kwargs"].update(change)
    with pytest.raises(BadRequestError, match=message):
        build_network("plans", configuration, 1, 3)


def test_foreign_and_contradicting_networks_are_refused(plans):
    configuration = copy.deepcopy(plans["new"]["configurations"]["3d_fullres"])
    with pytest.raises(BadRequestError, match="ResidualEncoderUNet was asked for, but the plan describes"):
        build_network("ResidualEncoderUNet", configuration, 1, 3)
    configuration["architecture"]["network_class_name"] = "subprocess.Popen"
    with pytest.raises(BadRequestError, match=r"network_class_name is 'subprocess.Popen'"):
        build_network("plans", configuration, 1, 3)
    with pytest.raises(BadRequestError, match="has no 'patch_size'"):
        build_network("UMambaBot", {}, 1, 3)
