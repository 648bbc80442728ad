"""Vectors of sixteen numbers for numba kernels, written out as LLVM vector instructions.

Numba leaves vectorisation to LLVM's loop vectoriser, which gives up where it cannot prove that arrays do not overlap.
Here a vector is a value of its own: it lives in registers, and every operation below becomes vector instructions on any
processor that LLVM knows (one AVX-512 register, two AVX, four NEON in float32).

Offsets count elements of a C-contiguous one-dimensional array; nothing checks bounds. Not-a-number passes through every
operation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate
from numba.core.typing.templates import infer_global
from numba.core.typing.templates import signature
from numba.extending import intrinsic
from numba.extending import models
from numba.extending import register_model

__all__ = [
    "LANES",
    "broadcast",
    "element",
    "exponential_of_two",
    "load",
    "logarithm_of_one_plus",
    "maximum",
    "multiply_add",
    "row_totals",
    "store",
    "total",
    "two_totals",
]

LANES = 16
"""Numbers in a vector."""


class VectorType(types.Type):
    """Numba type of a vector; ``scalar`` is float32 or float64."""

    def __init__(self, scalar: types.Float) -> None:
        self.scalar = scalar
        super().__init__(name=f"MambaMedVector({scalar})")


VECTOR32 = VectorType(types.float32)
VECTOR64 = VectorType(types.float64)


def _vector_of(scalar: types.Type) -> Any:
    return VECTOR32 if scalar == types.float32 else VECTOR64


def _element_ir(vector: VectorType) -> ir.Type:
    return ir.FloatType() if vector.scalar == types.float32 else ir.DoubleType()


def _vector_ir(vector: VectorType) -> ir.VectorType:
    return ir.VectorType(_element_ir(vector), LANES)


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    """A vector is stored as the LLVM vector itself."""

    def __init__(self, manager: Any, vector: VectorType) -> None:
        super().__init__(manager, vector, _vector_ir(vector))


def _constant(vector_ir: ir.VectorType, value: float | int) -> ir.Constant:
    return ir.Constant(vector_ir, [ir.Constant(vector_ir.element, value)] * LANES)


def _splat(builder: Any, value: Any) -> Any:
    vector_ir = ir.VectorType(value.type, LANES)
    first = builder.insert_element(ir.Constant(vector_ir, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return _shuffle(builder, first, first, [0] * LANES)


def _shuffle(builder: Any, left: Any, right: Any, lanes: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)
    return builder.shuffle_vector(left, right, mask)


def _call(builder: Any, name: str, arguments: list[Any]) -> Any:
    """Call an LLVM intrinsic whose arguments and result are all of one vector type."""
    vector_ir = arguments[0].type
    kind = "f32" if vector_ir.element == ir.FloatType() else "f64"
    function_type = ir.FunctionType(vector_ir, [vector_ir] * len(arguments))
    full_name = f"llvm.{name}.v{vector_ir.count}{kind}"
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, full_name), arguments)


def _muladd(builder: Any, left: Any, right: Any, addend: Any) -> Any:
    return _call(builder, "fmuladd", [left, right, addend])


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [offset])


@intrinsic
def load(typing_context: Any, array: Any, offset: Any) -> Any:
    """Vector of the elements ``array[offset : offset + LANES]``."""
    vector = _vector_of(array.dtype)
    alignment = array.dtype.bitwidth // 8

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        pointer = builder.bitcast(pointer, _vector_ir(vector).as_pointer())
        return builder.load(pointer, align=alignment)

    return vector(array, types.intp), generate


@intrinsic
def store(typing_context: Any, array: Any, offset: Any, value: Any) -> Any:
    """Write a vector to ``array[offset : offset + LANES]``."""
    alignment = array.dtype.bitwidth // 8

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        pointer = builder.bitcast(pointer, _vector_ir(signature.args[2]).as_pointer())
        builder.store(arguments[2], pointer, align=alignment)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def broadcast(typing_context: Any, array: Any, offset: Any) -> Any:
    """Vector with ``array[offset]`` in every lane."""
    vector = _vector_of(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _splat(builder, builder.load(_pointer(context, builder, signature.args[0], *arguments)))

    return vector(array, types.intp), generate


@intrinsic
def element(typing_context: Any, value: Any) -> Any:
    """Vector with one number in every lane."""
    vector = _vector_of(value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _splat(builder, arguments[0])

    return vector(value), generate


@intrinsic
def multiply_add(typing_context: Any, left: Any, right: Any, addend: Any) -> Any:
    """``left * right + addend``, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _muladd(builder, *arguments)

    return left(left, left, left), generate


def _register_operator(function: Callable[..., Any], instruction: str) -> None:
    """Make an arithmetic operator between two vectors one LLVM instruction."""

    class _VectorOperator(ConcreteTemplate):
        cases = [signature(vector, vector, vector) for vector in (VECTOR32, VECTOR64)]  # noqa: RUF012

    infer_global(function)(_VectorOperator)

    @lower_builtin(function, VectorType, VectorType)
    def _generate(context: Any, builder: Any, operator_signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _register_operator(_function, _instruction)


def _clamp_below(builder: Any, value: Any, limit: Any) -> Any:
    """The larger of both; written so that not-a-number in ``value`` stays."""
    return builder.select(builder.fcmp_ordered("<", value, limit), limit, value)


@intrinsic
def maximum(typing_context: Any, value: Any, limit: Any) -> Any:
    """Larger of two vectors, lane by lane; not-a-number in ``value`` stays."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _clamp_below(builder, *arguments)

    return value(value, value), generate


@intrinsic
def exponential_of_two(typing_context: Any, value: Any) -> Any:
    """2 to the power of each lane, exact at 0.

    The nearest whole number becomes the exponent bits; a polynomial covers the rest, -0.5..0.5 (relative error 2e-9
    before rounding in float32, 1e-17 in float64). Below the smallest normal number it gives that number; above the
    largest, infinity.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector_ir = _vector_ir(signature.args[0])
        single = vector_ir.element == ir.FloatType()
        bits_ir = ir.VectorType(ir.IntType(32 if single else 64), LANES)
        lowest, highest, bias, shift = (-126.0, 128.0, 127, 23) if single else (-1022.0, 1024.0, 1023, 52)
        power = _clamp_below(builder, arguments[0], _constant(vector_ir, lowest))
        top = _constant(vector_ir, highest)
        power = builder.select(builder.fcmp_ordered(">", power, top), top, power)
        whole = _call(builder, "rint", [power])
        rest = builder.fsub(power, whole)
        coefficients = _EXPONENTIAL32 if single else _EXPONENTIAL64
        result = _constant(vector_ir, coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            result = _muladd(builder, result, rest, _constant(vector_ir, coefficient))
        bits = builder.add(builder.fptosi(whole, bits_ir), _constant(bits_ir, bias))
        scale = builder.bitcast(builder.shl(bits, _constant(bits_ir, shift)), vector_ir)
        return builder.fmul(result, scale)

    return value(value), generate


# 2^r = 1 + c1 r + c2 r^2 + ...: in float32 a least-squares fit at Chebyshev nodes of -0.5..0.5 with the first
# coefficient held at 1; in float64 the Taylor coefficients ln(2)^k / k!.
_EXPONENTIAL32 = (
    1.0,
    6.93147206e-01,
    2.40226485e-01,
    5.55032904e-02,
    9.61837325e-03,
    1.33998483e-03,
    1.53707048e-04,
)


def _taylor_of_two(degree: int) -> tuple[float, ...]:
    coefficients = [1.0]
    for order in range(1, degree + 1):
        coefficients.append(coefficients[-1] * 0.6931471805599453 / order)
    return tuple(coefficients)


_EXPONENTIAL64 = _taylor_of_two(13)


@intrinsic
def logarithm_of_one_plus(typing_context: Any, value: Any) -> Any:
    """log(1 + w) of each lane for w in 0..1, small w without loss: 2 artanh(w / (2 + w)) as its series."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector_ir = _vector_ir(signature.args[0])
        terms = 7 if vector_ir.element == ir.FloatType() else 17
        ratio = builder.fdiv(arguments[0], builder.fadd(arguments[0], _constant(vector_ir, 2.0)))
        square = builder.fmul(ratio, ratio)
        series = _constant(vector_ir, 2.0 / (2 * terms - 1))
        for order in reversed(range(terms - 1)):
            series = _muladd(builder, series, square, _constant(vector_ir, 2.0 / (2 * order + 1)))
        return builder.fmul(series, ratio)

    return value(value), generate


def _folded(builder: Any, vector: Any, count: int) -> Any:
    """Add the upper half to the lower until ``count`` lanes are left."""
    lanes = vector.type.count
    while lanes > count:
        lanes //= 2
        low = _shuffle(builder, vector, vector, list(range(lanes)))
        high = _shuffle(builder, vector, vector, list(range(lanes, 2 * lanes)))
        vector = builder.fadd(low, high)
    return vector


@intrinsic
def total(typing_context: Any, value: Any) -> Any:
    """Sum of the lanes, always in the same order."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pair = _folded(builder, arguments[0], 1)
        return builder.extract_element(pair, ir.Constant(ir.IntType(32), 0))

    return value.scalar(value), generate


@intrinsic
def row_totals(typing_context: Any, array: Any, offset: Any) -> Any:
    """Vector whose lane r is the sum of the r-th of LANES vectors stored one behind the other at ``offset``.

    Each step merges two vectors into one: lanes add their partner at a distance, and half of the lanes go to each of
    the two. So LANES sums take LANES - 1 merges, a third of the work of as many single sums.
    """
    vector = _vector_of(array.dtype)
    alignment = array.dtype.bitwidth // 8

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = []
        for row in range(LANES):
            place = builder.add(arguments[1], ir.Constant(arguments[1].type, row * LANES))
            pointer = _pointer(context, builder, signature.args[0], arguments[0], place)
            pointer = builder.bitcast(pointer, _vector_ir(vector).as_pointer())
            rows.append(builder.load(pointer, align=alignment))
        distance = 1
        while len(rows) > 1:
            own = [lane + (LANES if lane & distance else 0) for lane in range(LANES)]
            partner = [(lane ^ distance) + (LANES if lane & distance else 0) for lane in range(LANES)]
            rows = [
                builder.fadd(_shuffle(builder, first, second, own), _shuffle(builder, first, second, partner))
                for first, second in zip(rows[::2], rows[1::2], strict=True)
            ]
            distance *= 2
        return rows[0]

    return vector(array, types.intp), generate


@intrinsic
def two_totals(typing_context: Any, left: Any, right: Any) -> Any:
    """Sums of the lanes of two vectors at once, as a pair; cheaper than two single sums."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        half = LANES // 2
        left_value, right_value = arguments
        low = _shuffle(builder, left_value, right_value, list(range(half)) + list(range(LANES, LANES + half)))
        upper = list(range(half, LANES)) + list(range(LANES + half, 2 * LANES))
        high = _shuffle(builder, left_value, right_value, upper)
        both = builder.fadd(low, high)
        while half > 1:
            half //= 2
            starts = (0, 2 * half)
            low = _shuffle(builder, both, both, [start + lane for start in starts for lane in range(half)])
            high = _shuffle(builder, both, both, [start + half + lane for start in starts for lane in range(half)])
            both = builder.fadd(low, high)
        sums = [builder.extract_element(both, ir.Constant(ir.IntType(32), lane)) for lane in range(2)]
        return context.make_tuple(builder, signature.return_type, sums)

    return types.UniTuple(left.scalar, 2)(left, left), generate
