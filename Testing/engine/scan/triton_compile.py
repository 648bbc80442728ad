"""Run in a process of its own: compile both Triton kernels for GPUs that need not be here.

Arguments: compute capabilities such as 80 or 90. Prints one line for each kernel, capability and dtype.
"""

from __future__ import annotations

import itertools
import sys

import triton
from mambamed.scan import triton_kernels
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

POINTERS = {
    "forward_kernel": ("u", "delta", "A", "B", "C", "D", "z", "delta_bias", "y", "checkpoints", "last_state"),
    "backward_kernel": (
        *("u", "delta", "A", "B", "C", "D", "z", "delta_bias", "checkpoints", "grad_y", "adjoints"),
        *("grad_u", "grad_delta", "grad_z", "sums", "b_partial", "c_partial"),
    ),
}


def compile_kernel(name: str, capability: int, scalar: str, constant: bool, padded: int) -> int:
    """Compile one variant; returns the length of its machine code."""
    kernel = getattr(triton_kernels, name)
    constants: dict[str, bool | int] = {argument: not constant for argument in kernel.arg_names if argument.isupper()}
    constants |= {"B_CONSTANT": constant, "C_CONSTANT": constant}
    constants |= {"PADDED": padded, "TOKENS": 128 if padded < 32 else 16}
    constants = {argument: value for argument, value in constants.items() if argument not in ("A", "B", "C", "D")}
    if not constant:
        # Triton makes an argument that equals 1 a constant of the kernel.
        constants |= {"b_groups": 1, "c_groups": 1}
    signature = {}
    for argument in kernel.arg_names:
        if argument in POINTERS[name]:
            signature[argument] = "*fp64" if argument == "sums" else f"*{scalar}"
        else:
            signature[argument] = "constexpr" if argument in constants else "i32"
    source = ASTSource(kernel, signature, constexprs=constants)
    return len(triton.compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"])


if __name__ == "__main__":
    variants = [("fp32", False, 16), ("fp64", True, 4), ("fp32", False, 128)]
    for name, capability, variant in itertools.product(POINTERS, map(int, sys.argv[1:]), variants):
        print(name, capability, *variant, compile_kernel(name, capability, *variant), flush=True)
