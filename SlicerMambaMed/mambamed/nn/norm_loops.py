"""Loops of the fused instance norm over channels-last memory, compiled by numba.

An image is seen as rows of channels (voxels, channels). bfloat16 numbers are handled as their 16 bits, the upper half
of a float32. Sums run over differences from the first voxel's values, in float32 for 256 rows and then in float64,
so that neither a large mean nor a large image costs accuracy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba import uint16
from numba import uint32
from numba.extending import intrinsic

__all__ = ["normalise_bfloat16", "normalise_float32", "sum_bfloat16", "sum_float32"]

_BLOCK_ROWS = 256
_intrinsic: Any = intrinsic


@_intrinsic
def _float_of_bits(typing_context: Any, bits: Any) -> Any:
    """Read 32 bits as a float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.uint32), generate


@_intrinsic
def _bits_of_float(typing_context: Any, value: Any) -> Any:
    """Read a float32 as 32 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.uint32(types.float32), generate


def sum_float32(rows: Any, start: int, stop: int, shift: Any, total: Any, squares: Any) -> None:
    """Add up (rows - shift) and its square over rows start to stop, per channel, into float64."""
    channels = rows.shape[1]
    part = np.zeros(channels, np.float32)
    part_squares = np.zeros(channels, np.float32)
    for block in range(start, stop, _BLOCK_ROWS):
        part[:] = 0
        part_squares[:] = 0
        for row in range(block, min(block + _BLOCK_ROWS, stop)):
            for channel in range(channels):
                difference = rows[row, channel] - shift[channel]
                part[channel] += difference
                part_squares[channel] += difference * difference
        for channel in range(channels):
            total[channel] += part[channel]
            squares[channel] += part_squares[channel]


def sum_bfloat16(rows: Any, start: int, stop: int, shift: Any, total: Any, squares: Any) -> None:
    """Do the same for rows of bfloat16 bits."""
    channels = rows.shape[1]
    part = np.zeros(channels, np.float32)
    part_squares = np.zeros(channels, np.float32)
    for block in range(start, stop, _BLOCK_ROWS):
        part[:] = 0
        part_squares[:] = 0
        for row in range(block, min(block + _BLOCK_ROWS, stop)):
            for channel in range(channels):
                difference = _float_of_bits(uint32(rows[row, channel]) << uint32(16)) - shift[channel]
                part[channel] += difference
                part_squares[channel] += difference * difference
        for channel in range(channels):
            total[channel] += part[channel]
            squares[channel] += part_squares[channel]


def normalise_float32(
    rows: Any, start: int, stop: int, shift: Any, scale: Any, offset: Any, slope: Any, result: Any
) -> None:
    """Write (rows - shift) * scale + offset, negative values times slope; result may be rows itself."""
    channels = rows.shape[1]
    for row in range(start, stop):
        for channel in range(channels):
            value = (rows[row, channel] - shift[channel]) * scale[channel] + offset[channel]
            result[row, channel] = value if value >= 0 else value * slope


def normalise_bfloat16(
    rows: Any, start: int, stop: int, shift: Any, scale: Any, offset: Any, slope: Any, result: Any
) -> None:
    """Do the same for rows of bfloat16 bits, rounded to nearest even; not-a-number stays so."""
    channels = rows.shape[1]
    for row in range(start, stop):
        for channel in range(channels):
            value = _float_of_bits(uint32(rows[row, channel]) << uint32(16)) - shift[channel]
            value = value * scale[channel] + offset[channel]
            value = value if value >= 0 else value * slope
            bits = _bits_of_float(value)
            rounded = (bits + uint32(0x7FFF) + ((bits >> uint32(16)) & uint32(1))) >> uint32(16)
            result[row, channel] = uint16(rounded) if value == value else uint16(0x7FC0)
