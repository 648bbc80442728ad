"""Everything works where torchvision and timm are not installed: neither is imported, even indirectly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BLOCK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torchvision", "timm"):
            raise ModuleNotFoundError(f"No module named {name!r} (blocked by the test)", name=name)
        return None

sys.meta_path.insert(0, Blocker())
"""

WORK = """
import importlib
import pkgutil
import mambamed

left_out = []
for module in pkgutil.walk_packages(mambamed.__path__, "mambamed."):
    if module.name.split(".")[-1] == "__main__":
        continue
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        left_out.append((module.name, error))
for name, error in left_out:
    assert "torchvision" not in str(error) and "timm" not in str(error), (name, error)
    assert not str(error.name).startswith("mambamed"), (name, error)

import torch
from mambamed.segmentation.networks import build_network
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

configuration = {
    "patch_size": [8, 8, 16], "UNet_class_name": "PlainConvUNet", "UNet_base_num_features": 4,
    "unet_max_num_features": 8, "n_conv_per_stage_encoder": [2, 2], "n_conv_per_stage_decoder": [2],
    "pool_op_kernel_sizes": [[1, 1, 1], [2, 2, 2]], "conv_kernel_sizes": [[3, 3, 3], [3, 3, 3]],
}
residual = {**configuration, "UNet_class_name": "ResidualEncoderUNet"}
with torch.no_grad():
    for name, plan in (
        ("UMambaBot", configuration), ("UMambaEnc", configuration), ("plans", configuration), ("plans", residual)
    ):
        assert build_network(name, plan, 1, 2)(torch.zeros(1, 1, 8, 8, 16)).shape == (1, 2, 8, 8, 16)
nnUNetPredictor(device=torch.device("cpu"))
assert issubclass(nnUNetTrainer, object)
assert not {"torchvision", "timm"} & {name.split(".")[0] for name in sys.modules}
print("done")
"""


def test_the_engine_and_nnunet_work_with_torchvision_and_timm_blocked():
    source = Path(__file__).resolve().parents[2] / "SlicerMambaMed"
    environment = {**os.environ, "PYTHONPATH": str(source)}
    result = subprocess.run([sys.executable, "-c", BLOCK + WORK], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().endswith("done")
