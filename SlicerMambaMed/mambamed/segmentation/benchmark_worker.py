"""One measured prediction in a process of its own, so that its peak memory is its own: called by ``benchmark``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["main"]


def _peak_bytes() -> int:
    """Largest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.is_file():
        # What getrusage tells on Linux begins with the memory of the process that started this one.
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _window(model: Any) -> Any:
    """A window of zeros for one call of the network."""
    import torch

    channels = len(model.folder.dataset.get("channel_names") or {"0": "image"})
    return torch.zeros(1, channels, *model.configuration.patch_size)


def _with_mambamed(arguments: argparse.Namespace) -> dict[str, Any]:
    import SimpleITK as sitk

    from mambamed.nn.precision import choose_precision
    from mambamed.segmentation import load_model
    from mambamed.segmentation.inference_network import make_inference_network

    model = load_model(arguments.model, device="cpu")
    image = sitk.ReadImage(arguments.image)
    dimension = len(model.configuration.patch_size)
    precision = choose_precision(arguments.precision, model.device, dimension)
    # One window before the clock starts, so that code compiled at first use is not counted on either side.
    make_inference_network(model.network, None, model.device, precision, dimension)(_window(model))
    before = _peak_bytes()
    start, start_cpu = time.perf_counter(), time.process_time()
    result = model.predict(image, precision=arguments.precision, orientation="file", mirroring=arguments.mirroring)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    np.save(arguments.output, sitk.GetArrayFromImage(result.labelmap))
    stages = result.record["durations_s"]
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": _peak_bytes(),
        "loaded_bytes": before,
        "stages_s": stages,
        "dtype": result.record["dtype"],
        "scan_backend": result.record["scan_backend"],
    }


def _with_nnunet(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run nnunetv2's predictor with its defaults, but for the device and what the arguments say about mirroring."""
    import torch
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    from mambamed.segmentation import load_model

    # Only the weights and plans come from here; U-Mamba's trainers are not classes of nnunetv2 itself.
    model = load_model(arguments.model, device="cpu")
    predictor = nnUNetPredictor(use_mirroring=arguments.mirroring, device=torch.device("cpu"), allow_tqdm=False)
    predictor.manual_initialization(
        model.network,
        model.plans_manager,
        model.configuration,
        [{name: value for name, value in model.network.state_dict().items()}],
        model.folder.dataset,
        model.folder.trainer_name,
        model.folder.folds[0].mirroring_axes,
    )
    with torch.inference_mode():
        model.network(_window(model))
    data, properties = SimpleITKIO().read_images([arguments.image])
    before = _peak_bytes()
    start, start_cpu = time.perf_counter(), time.process_time()
    segmentation = predictor.predict_single_npy_array(data, properties)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    np.save(arguments.output, np.asarray(segmentation))
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": _peak_bytes(), "loaded_bytes": before}


def main() -> None:
    """Predict once and print the measurements as JSON on the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=("mambamed", "nnunet"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--image", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--mirroring", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore")
    with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
        measured = _with_mambamed(arguments) if arguments.engine == "mambamed" else _with_nnunet(arguments)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
