"""Compiled loop of the ``numba`` scan, backward: the states of a block are computed again from its first state.

Same division and arrays as in ``numba_forward``; token blocks are visited from the last to the first. Sums over all
tokens are kept in float64.
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
from mambamed.scan.numba_vectors import total
from mambamed.scan.numba_vectors import two_totals

__all__ = ["scan_backward", "scatter_rows"]

LOG2_OF_E = math.log2(math.e)


def scatter_rows(partial, first_part, last_part, tokens, start, stop, target, sequence, group, first, padded):  # type: ignore[no-untyped-def]
    """Write the sum of some parts' rows (part, token, padded state) to ``target[sequence, group, :, first ...]``."""
    for token in range(start, stop):
        for number in range(target.shape[2]):
            value = partial[(first_part * tokens + token) * padded + number]
            for part in range(first_part + 1, last_part):
                value += partial[(part * tokens + token) * padded + number]
            target[sequence, group, number, first + token] = value


def scan_backward(  # type: ignore[no-untyped-def]
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
    first_token,
    last_token,
    checkpoints,
    adjoints,
    grad_y,
    grad_u,
    grad_delta,
    grad_z,
    sums,
    b_partial,
    c_partial,
    part_number,
):
    """Gradients of channels ``first_channel .. last_channel`` for tokens ``first_token .. last_token``, last to first.

    ``first_token`` is a multiple of ``block``. ``adjoints``, flat (batch, channels, padded), is the gradient of the
    state that later tokens hand back; it starts at zero and is carried between calls. ``sums``, float64 (batch,
    channels, 3 padded + 2), collects the gradients of A, of constant B and C, of D and of the bias. ``b_partial`` and
    ``c_partial``, flat (parts, tokens, padded), collect over the channels of part ``part_number`` the gradients of B
    and C per token; they start at zero, and token 0 is ``first_token``.
    """
    dtype = u.dtype.type
    length = u.shape[2]
    blocks = (length + block - 1) // block
    tokens = last_token - first_token
    raw_step = np.zeros(block, u.dtype)
    step = np.zeros(block, u.dtype)
    token_input = np.zeros(block, u.dtype)
    drive = np.zeros(block, u.dtype)
    out = np.zeros(block, u.dtype)
    gate = np.zeros(block, u.dtype)
    upstream = np.zeros(block, u.dtype)
    inner = np.zeros(block, u.dtype)
    input_slope = np.zeros(block, u.dtype)
    step_slope = np.zeros(block, u.dtype)
    decays = np.zeros(block * LANES, u.dtype)
    decayed = np.zeros(block * LANES, u.dtype)
    visited = np.zeros(block * LANES, u.dtype)
    products = np.zeros(block * LANES, u.dtype)
    constant_b = np.zeros(LANES, u.dtype)
    constant_c = np.zeros(LANES, u.dtype)
    a_slope = np.zeros(LANES, u.dtype)
    log2_of_e = element(dtype(LOG2_OF_E))
    minus_log2_of_e = element(dtype(-LOG2_OF_E))
    one = element(dtype(1))
    zero = element(dtype(0))
    for number in range((last_token - 1) // block, first_token // block - 1, -1):
        start = number * block
        count = min(block, length - start)
        for channel in range(first_channel, last_channel):
            row = sequence * u.shape[1] + channel
            shift = bias[channel]
            weight = element(skip[channel])
            for i in range(count):
                raw_step[i] = delta[sequence, channel, start + i] + shift
                token_input[i] = u[sequence, channel, start + i]
                upstream[i] = grad_y[sequence, channel, start + i]
            for i in range(count, block):
                upstream[i] = 0
                token_input[i] = 0
            for i in range(0, count, LANES):
                value = load(raw_step, i)
                if softplus:
                    positive = maximum(value, zero)
                    power = exponential_of_two((positive + positive - value) * minus_log2_of_e)
                    value = positive + logarithm_of_one_plus(power)
                store(step, i, value)
                store(drive, i, value * load(token_input, i))
                store(out, i, weight * load(token_input, i))
                store(step_slope, i, zero)
            if gated:
                for i in range(count):
                    gate[i] = z[sequence, channel, start + i]
                for i in range(0, count, LANES):
                    value = load(gate, i)
                    sigmoid = one / (one + exponential_of_two(value * minus_log2_of_e))
                    received = load(upstream, i)
                    store(inner, i, received * value * sigmoid)
                    # Times the ungated output below: the gradient of z.
                    store(gate, i, received * sigmoid * multiply_add(value, one - sigmoid, one))
            else:
                for i in range(0, count, LANES):
                    store(inner, i, load(upstream, i))
            skip_slope = zero
            for i in range(0, count, LANES):
                if i + LANES <= count:
                    skip_slope = multiply_add(load(inner, i), load(token_input, i), skip_slope)
                store(input_slope, i, load(inner, i) * weight)
            skip_sum = total(skip_slope)
            for i in range(count - count % LANES, count):
                skip_sum += inner[i] * token_input[i]
            sums[sequence, channel, 3 * padded] += skip_sum
            for part in range(0, padded, LANES):
                state = load(checkpoints, (row * blocks + number) * padded + part)
                transition = load(a_rows, channel * padded + part)
                scaled = transition * log2_of_e
                b_place = (b_row + channel * b_channel + start * b_token) * padded + part
                c_place = (c_row + channel * c_channel + start * c_token) * padded + part
                for i in range(count):
                    decay = exponential_of_two(broadcast(step, i) * scaled)
                    kept = decay * state
                    state = multiply_add(broadcast(drive, i), load(b_rows, b_place + i * b_token * padded), kept)
                    store(decays, i * LANES, decay)
                    store(decayed, i * LANES, kept)
                    store(visited, i * LANES, state)
                    if gated:
                        store(products, i * LANES, state * load(c_rows, c_place + i * c_token * padded))
                if gated:
                    for i in range(0, count, LANES):
                        store(out, i, load(out, i) + row_totals(products, i * LANES))
                adjoint = load(adjoints, row * padded + part)
                slope = zero
                b_slope = zero
                c_slope = zero
                for i in range(count - 1, -1, -1):
                    received = broadcast(inner, i)
                    b_here = load(b_rows, b_place + i * b_token * padded)
                    adjoint = multiply_add(received, load(c_rows, c_place + i * c_token * padded), adjoint)
                    partial = ((part_number * tokens) + start - first_token + i) * padded + part
                    if c_token:
                        collected = load(c_partial, partial)
                        store(c_partial, partial, multiply_add(received, load(visited, i * LANES), collected))
                    else:
                        c_slope = multiply_add(received, load(visited, i * LANES), c_slope)
                    if b_token:
                        collected = load(b_partial, partial)
                        store(b_partial, partial, multiply_add(broadcast(drive, i), adjoint, collected))
                    else:
                        b_slope = multiply_add(broadcast(drive, i), adjoint, b_slope)
                    through_decay = adjoint * load(decayed, i * LANES)
                    slope = multiply_add(broadcast(step, i), through_decay, slope)
                    drive_slope, exponent_slope = two_totals(adjoint * b_here, through_decay * transition)
                    input_slope[i] += drive_slope * step[i]
                    step_slope[i] += exponent_slope + drive_slope * token_input[i]
                    adjoint = adjoint * load(decays, i * LANES)
                store(adjoints, row * padded + part, adjoint)
                store(a_slope, 0, slope)
                store(constant_b, 0, b_slope)
                store(constant_c, 0, c_slope)
                for lane in range(LANES):
                    sums[sequence, channel, part + lane] += a_slope[lane]
                    sums[sequence, channel, padded + part + lane] += constant_b[lane]
                    sums[sequence, channel, 2 * padded + part + lane] += constant_c[lane]
            if softplus:
                for i in range(0, count, LANES):
                    sigmoid = one / (one + exponential_of_two(load(raw_step, i) * minus_log2_of_e))
                    store(step_slope, i, load(step_slope, i) * sigmoid)
            bias_sum = dtype(0)
            for i in range(count):
                bias_sum += step_slope[i]
                grad_u[sequence, channel, start + i] = input_slope[i]
                grad_delta[sequence, channel, start + i] = step_slope[i]
            sums[sequence, channel, 3 * padded + 1] += bias_sum
            if gated:
                for i in range(count):
                    grad_z[sequence, channel, start + i] = gate[i] * out[i]
