"""Compiled loop of the ``numba`` scan, forward: a plain function over arrays, compiled by ``numba_compiler``.

One call works on a few neighbouring channels of one sequence, token block by token block, so that the block's rows of
B and C stay in the nearest cache while the channels pass. The state is padded to a multiple of sixteen with zeros (with
A = B = C = 0 they stay zero) and lives in vector registers. No array holds the state of every token: one state per
block is kept, from which the backward pass computes the block's states again.

Arrays: ``u``, ``delta``, ``z`` (batch, channels, length) with any strides; ``b_rows``, ``c_rows`` flat, row after row
of the padded state: one row per token of a group, or one per channel where B or C is constant.
"""

from __future__ import annotations

import math

import numpy as np

from mambamed.scan.numba_vectors import LANES
from mambamed.scan.numba_vectors import broadcast
from mambamed.scan.numba_vectors import element
from mambamed.scan.numba_vectors import exponential_of_two
from mambamed.scan.numba_vectors import load
from mambamed.scan.numba_vectors import logarithm_of_one_plus
from mambamed.scan.numba_vectors import maximum
from mambamed.scan.numba_vectors import multiply_add
from mambamed.scan.numba_vectors import row_totals
from mambamed.scan.numba_vectors import store

__all__ = ["gather_rows", "scan_forward"]

LOG2_OF_E = math.log2(math.e)


def gather_rows(source, sequence, group, first, last, rows, first_row, padded):  # type: ignore[no-untyped-def]
    """Copy ``source[sequence, group, :, first:last]`` (state, tokens) to rows of the padded state."""
    state = source.shape[2]
    for token in range(first, last):
        target = (first_row + token) * padded
        for number in range(state):
            rows[target + number] = source[sequence, group, number, token]
        for number in range(state, padded):
            rows[target + number] = 0


def scan_forward(  # type: ignore[no-untyped-def]
    u,
    delta,
    z,
    gated,
    skip,
    bias,
    softplus,
    a_rows,
    b_rows,
    b_row,
    b_channel,
    b_token,
    c_rows,
    c_row,
    c_channel,
    c_token,
    sequence,
    first_channel,
    last_channel,
    padded,
    block,
    y,
    checkpoints,
    keep_checkpoints,
    states,
):
    """Scan channels ``first_channel .. last_channel`` of one sequence from the first token to the last.

    ``a_rows`` is A, flat (channels, padded); the row of B for channel c and token t is
    ``b_row + c * b_channel + t * b_token`` (likewise C). ``states``, flat (batch, channels, padded), starts at zero and
    ends as the last state; ``checkpoints``, flat (batch, channels, blocks, padded), gets the state before each block.
    """
    dtype = u.dtype.type
    length = u.shape[2]
    blocks = (length + block - 1) // block
    step = np.zeros(block, u.dtype)
    drive = np.zeros(block, u.dtype)
    out = np.zeros(block, u.dtype)
    gate = np.zeros(block, u.dtype)
    scaled = np.zeros(padded, u.dtype)
    products = np.zeros(block * LANES, u.dtype)
    log2_of_e = element(dtype(LOG2_OF_E))
    minus_log2_of_e = element(dtype(-LOG2_OF_E))
    one = element(dtype(1))
    zero = element(dtype(0))
    for number in range(blocks):
        start = number * block
        count = min(block, length - start)
        for channel in range(first_channel, last_channel):
            shift = bias[channel]
            weight = skip[channel]
            for i in range(count):
                step[i] = delta[sequence, channel, start + i] + shift
                drive[i] = u[sequence, channel, start + i]
            for i in range(0, count, LANES):
                raw = load(step, i)
                value = raw
                if softplus:
                    positive = maximum(raw, zero)
                    power = exponential_of_two((positive + positive - raw) * minus_log2_of_e)
                    value = positive + logarithm_of_one_plus(power)
                    store(step, i, value)
                token_input = load(drive, i)
                store(out, i, token_input * element(weight))
                store(drive, i, token_input * value)
            home = (sequence * u.shape[1] + channel) * padded
            for part in range(0, padded, LANES):
                store(scaled, part, load(a_rows, channel * padded + part) * log2_of_e)
            for part in range(0, padded, LANES):
                state = load(states, home + part)
                if keep_checkpoints:
                    place = ((sequence * u.shape[1] + channel) * blocks + number) * padded + part
                    store(checkpoints, place, state)
                transition = load(scaled, part)
                b_place = (b_row + channel * b_channel + start * b_token) * padded + part
                c_place = (c_row + channel * c_channel + start * c_token) * padded + part
                for i in range(count):
                    decay = exponential_of_two(broadcast(step, i) * transition)
                    state = multiply_add(decay, state, broadcast(drive, i) * load(b_rows, b_place))
                    store(products, i * LANES, state * load(c_rows, c_place))
                    b_place += b_token * padded
                    c_place += c_token * padded
                store(states, home + part, state)
                for i in range(0, count, LANES):
                    store(out, i, load(out, i) + row_totals(products, i * LANES))
            if gated:
                for i in range(count):
                    gate[i] = z[sequence, channel, start + i]
                for i in range(0, count, LANES):
                    value = load(gate, i)
                    sigmoid = one / (one + exponential_of_two(value * minus_log2_of_e))
                    store(out, i, load(out, i) * value * sigmoid)
            for i in range(count):
                y[sequence, channel, start + i] = out[i]
