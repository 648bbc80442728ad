"""Triton kernels of the selective scan: one program per sequence and channel, block of tokens by block of tokens.

Inside a block all tokens are scanned together (an associative scan over pairs of decay and drive: products of decays
only, so nothing overflows). The state is padded to a power of two. Tensors are contiguous; offsets are 64-bit. Forward
keeps one state per block; backward computes a block's states again from it.
"""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["backward_kernel", "forward_kernel"]


@triton.jit
def _link(decay_before, drive_before, decay_after, drive_after):  # type: ignore[no-untyped-def]
    """Two consecutive steps of the recurrence as one."""
    return decay_before * decay_after, decay_after * drive_before + drive_after


@triton.jit
def _softplus(value):  # type: ignore[no-untyped-def]
    """log(1 + exp(value)) without overflow and without loss for very negative values."""
    power = tl.exp(-tl.abs(value))
    rounded = 1.0 + power
    loss = tl.where(rounded == 1.0, 1.0, rounded - 1.0)
    logarithm = tl.where(rounded == 1.0, power, tl.log(rounded) * (power / loss))
    return tl.where(value > 0.0, value, 0.0) + logarithm


@triton.jit
def _sigmoid(value):  # type: ignore[no-untyped-def]
    return 1.0 / (1.0 + tl.exp(-value))


@triton.jit
def _weights(source, row, tokens, valid, numbers, known, state, length, CONSTANT: tl.constexpr):  # type: ignore[no-untyped-def]
    """B or C for some tokens, (padded state, tokens); constant weights are (padded state, 1)."""
    # Triton compiles what follows an if that returns; only an else keeps the other shape out.
    if CONSTANT:
        return tl.load(source + row * state + numbers, mask=known, other=0.0)[:, None]
    else:
        places = (row * state + numbers)[:, None] * length + tokens[None, :]
        return tl.load(source + places, mask=known[:, None] & valid[None, :], other=0.0)


@triton.jit
def _steps(delta, base, tokens, valid, bias, SOFTPLUS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Step of some tokens after bias and softplus; 0 where there is no token, which leaves the state as it is."""
    step = tl.load(delta + base + tokens, mask=valid, other=0.0) + bias
    if SOFTPLUS:
        step = _softplus(step)
    return tl.where(valid, step, 0.0)


@triton.jit
def forward_kernel(  # type: ignore[no-untyped-def]
    u,
    delta,
    A,
    B,
    C,
    D,
    z,
    delta_bias,
    y,
    checkpoints,
    last_state,
    channels,
    length,
    state,
    blocks,
    b_groups,
    c_groups,
    HAS_D: tl.constexpr,
    HAS_Z: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    B_CONSTANT: tl.constexpr,
    C_CONSTANT: tl.constexpr,
    KEEP: tl.constexpr,
    PADDED: tl.constexpr,
    TOKENS: tl.constexpr,
):
    """Compute ``y`` and ``last_state`` (batch, channels, state).

    If KEEP, ``checkpoints`` (batch, channels, blocks, state) gets the state before each block.
    """
    program = tl.program_id(0).to(tl.int64)
    sequence = program // channels
    channel = program % channels
    numbers = tl.arange(0, PADDED)
    known = numbers < state
    transition = tl.load(A + channel * state + numbers, mask=known, other=0.0)
    bias = tl.load(delta_bias + channel) if HAS_BIAS else 0.0
    b_row = channel if B_CONSTANT else sequence * b_groups + channel // (channels // b_groups)
    c_row = channel if C_CONSTANT else sequence * c_groups + channel // (channels // c_groups)
    base = program * length
    carried = tl.zeros_like(transition)
    for block in range(blocks):
        within = tl.arange(0, TOKENS)
        tokens = block * TOKENS + within.to(tl.int64)
        valid = tokens < length
        if KEEP:
            tl.store(checkpoints + (program * blocks + block) * state + numbers, carried, mask=known)
        step = _steps(delta, base, tokens, valid, bias, SOFTPLUS)
        token_input = tl.load(u + base + tokens, mask=valid, other=0.0)
        decay = tl.exp(transition[:, None] * step[None, :])
        b = _weights(B, b_row, tokens, valid, numbers, known, state, length, B_CONSTANT)
        c = _weights(C, c_row, tokens, valid, numbers, known, state, length, C_CONSTANT)
        reach, gained = tl.associative_scan((decay, b * (step * token_input)[None, :]), 1, _link)
        states = reach * carried[:, None] + gained
        out = tl.sum(states * c, 0)
        if HAS_D:
            out += tl.load(D + channel) * token_input
        if HAS_Z:
            gate = tl.load(z + base + tokens, mask=valid, other=0.0)
            out = out * gate * _sigmoid(gate)
        tl.store(y + base + tokens, out, mask=valid)
        carried = tl.sum(tl.where((within == TOKENS - 1)[None, :], states, 0.0), 1)
    tl.store(last_state + program * state + numbers, carried, mask=known)


@triton.jit
def backward_kernel(  # type: ignore[no-untyped-def]
    u,
    delta,
    A,
    B,
    C,
    D,
    z,
    delta_bias,
    checkpoints,
    grad_y,
    adjoints,
    grad_u,
    grad_delta,
    grad_z,
    sums,
    b_partial,
    c_partial,
    channels,
    length,
    state,
    blocks,
    b_groups,
    c_groups,
    first_block,
    last_block,
    window,
    HAS_D: tl.constexpr,
    HAS_Z: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    B_CONSTANT: tl.constexpr,
    C_CONSTANT: tl.constexpr,
    PADDED: tl.constexpr,
    TOKENS: tl.constexpr,
):
    """Gradients for the blocks ``first_block .. last_block``, last to first.

    ``adjoints`` (batch, channels, PADDED) is carried between calls and starts at zero; ``sums``, float64 (batch,
    channels, 3 PADDED + 2), collects the gradients of A, constant B and C, D and the bias; ``b_partial``, ``c_partial``
    (batch, channels, state, window) receive each channel's share of the gradients of B and C per token.
    """
    program = tl.program_id(0).to(tl.int64)
    sequence = program // channels
    channel = program % channels
    numbers = tl.arange(0, PADDED)
    known = numbers < state
    transition = tl.load(A + channel * state + numbers, mask=known, other=0.0)
    bias = tl.load(delta_bias + channel) if HAS_BIAS else 0.0
    b_row = channel if B_CONSTANT else sequence * b_groups + channel // (channels // b_groups)
    c_row = channel if C_CONSTANT else sequence * c_groups + channel // (channels // c_groups)
    base = program * length
    carried = tl.load(adjoints + program * PADDED + numbers)
    a_sum = tl.zeros_like(transition)
    b_sum = tl.zeros_like(transition)
    c_sum = tl.zeros_like(transition)
    within = tl.arange(0, TOKENS)
    skip_sum = tl.sum(tl.zeros_like(transition), 0)
    bias_sum = skip_sum
    for back in range(last_block - first_block):
        block = last_block - 1 - back
        tokens = block * TOKENS + within.to(tl.int64)
        valid = tokens < length
        has_before = valid & (within > 0)
        has_after = tokens + 1 < length
        raw_step = tl.load(delta + base + tokens, mask=valid, other=0.0) + bias
        step = _steps(delta, base, tokens, valid, bias, SOFTPLUS)
        step_before = _steps(delta, base, tokens - 1, has_before, bias, SOFTPLUS)
        step_after = _steps(delta, base, tokens + 1, has_after, bias, SOFTPLUS)
        token_input = tl.load(u + base + tokens, mask=valid, other=0.0)
        input_before = tl.load(u + base + tokens - 1, mask=has_before, other=0.0)
        b = _weights(B, b_row, tokens, valid, numbers, known, state, length, B_CONSTANT)
        b_before = _weights(B, b_row, tokens - 1, has_before, numbers, known, state, length, B_CONSTANT)
        c = _weights(C, c_row, tokens, valid, numbers, known, state, length, C_CONSTANT)
        received = tl.load(grad_y + base + tokens, mask=valid, other=0.0)

        first_state = tl.load(checkpoints + (program * blocks + block) * state + numbers, mask=known, other=0.0)
        decay_before = tl.exp(transition[:, None] * step_before[None, :])
        reach, gained = tl.associative_scan((decay_before, b_before * (step_before * input_before)[None, :]), 1, _link)
        drive = step * token_input
        kept = tl.exp(transition[:, None] * step[None, :]) * (reach * first_state[:, None] + gained)
        states = kept + b * drive[None, :]

        inner = received
        if HAS_Z:
            gate = tl.load(z + base + tokens, mask=valid, other=0.0)
            sigmoid = _sigmoid(gate)
            out = tl.sum(states * c, 0)
            if HAS_D:
                out += tl.load(D + channel) * token_input
            slope = sigmoid * (1.0 + gate * (1.0 - sigmoid))
            tl.store(grad_z + base + tokens, received * out * slope, mask=valid)
            inner = received * gate * sigmoid

        decay_after = tl.exp(transition[:, None] * step_after[None, :])
        reach_back, gained_back = tl.associative_scan((decay_after, c * inner[None, :]), 1, _link, reverse=True)
        adjoint = reach_back * carried[:, None] + gained_back
        carried = tl.sum(tl.where((within == 0)[None, :], adjoint, 0.0), 1)

        through_decay = adjoint * kept
        a_sum += tl.sum(through_decay * step[None, :], 1)
        places = (program * state + numbers)[:, None] * window + (tokens - first_block * TOKENS)[None, :]
        here = known[:, None] & valid[None, :]
        if B_CONSTANT:
            b_sum += tl.sum(adjoint * drive[None, :], 1)
        else:
            tl.store(b_partial + places, adjoint * drive[None, :], mask=here)
        if C_CONSTANT:
            c_sum += tl.sum(states * inner[None, :], 1)
        else:
            tl.store(c_partial + places, states * inner[None, :], mask=here)
        drive_slope = tl.sum(adjoint * b, 0)
        step_slope = tl.sum(through_decay * transition[:, None], 0) + drive_slope * token_input
        input_slope = drive_slope * step
        if HAS_D:
            input_slope += tl.load(D + channel) * inner
            skip_sum += tl.sum(inner * token_input, 0)
        if SOFTPLUS:
            step_slope = step_slope * _sigmoid(raw_step)
        step_slope = tl.where(valid, step_slope, 0.0)
        bias_sum += tl.sum(step_slope, 0)
        tl.store(grad_u + base + tokens, input_slope, mask=valid)
        tl.store(grad_delta + base + tokens, step_slope, mask=valid)
    tl.store(adjoints + program * PADDED + numbers, carried)
    place = sums + program * (3 * PADDED + 2)
    tl.store(place + numbers, tl.load(place + numbers) + a_sum)
    tl.store(place + PADDED + numbers, tl.load(place + PADDED + numbers) + b_sum)
    tl.store(place + 2 * PADDED + numbers, tl.load(place + 2 * PADDED + numbers) + c_sum)
    tl.store(place + 3 * PADDED, tl.load(place + 3 * PADDED) + skip_sum)
    tl.store(place + 3 * PADDED + 1, tl.load(place + 3 * PADDED + 1) + bias_sum)
