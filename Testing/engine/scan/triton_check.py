"""Run in a process of its own with TRITON_INTERPRET=1: the Triton kernels on the CPU against golden set a.

Arguments: the folder of the golden vectors, then the cases. On a machine with a GPU, ``--device cuda`` without the
variable checks the compiled kernels in the same way.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from engine.scan.golden import check_golden_case
from mambamed.scan import triton_scan

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    for tile, window_bytes in ((triton_scan._TILE, triton_scan._WINDOW_BYTES), (1, 1)):
        # The second time: several blocks of tokens, and several windows of one block each.
        triton_scan._TILE, triton_scan._WINDOW_BYTES = tile, window_bytes
        for case in arguments.cases:
            for dtype in (torch.float64, torch.float32):
                check_golden_case(arguments.folder, case, "triton", dtype, arguments.device)
                print(case, dtype, tile, "agrees", flush=True)
