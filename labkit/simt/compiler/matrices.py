"""What numba makes of `mma_sync`: its types, and the PTX instruction that a GPU executes.

Our own object is what numba is told about, so a kernel names the same function wherever it runs.
"""

import functools

from labkit.simt.compiler.numba_modules import either
from labkit.simt.language.fragments import SHAPES, shape_of, taken
from labkit.simt.language.tensor_cores import mma_sync

_PTX_TYPE = {"float16": "f16", "tf32": "tf32"}


@functools.cache
def declare():
    """Tell the numba that is installed about `mma_sync`. Raises ImportError without one."""
    templates, types = either("typing.templates"), either("types")
    template = templates.make_intrinsic_template(mma_sync, _typed, mma_sync.name)
    templates.infer(template)
    templates.infer_global(mma_sync, types.Function(template))


def _typed(typing_context, a, b, c):
    """-> (the signature, what builds the call), as numba's @intrinsic gives them."""
    types, errors = either("types"), either("errors")
    sums, shape = types.UniTuple(types.float32, 4), None
    if isinstance(a, types.UniTuple) and isinstance(b, types.UniTuple):
        shape = shape_of({str(a.dtype), str(b.dtype)}, a.count, b.count)
    if shape is None or c != sums:
        raise errors.TypingError(f"mma_sync takes {taken()}; these are {a}, {b} and {c}")
    return sums(a, b, c), functools.partial(_build, shape)


def _build(shape, context, builder, signature, arguments):
    """The instruction, with what a lane holds in registers of 32 bits."""
    a, b, c = (
        [builder.extract_value(value, i) for i in range(kind.count)]
        for value, kind in zip(arguments, signature.args, strict=True)
    )
    to_words = _pairs_of_halves if shape.dtype == "float16" else _rounded_to_tf32
    a, b = to_words(builder, a), to_words(builder, b)
    if shape.name == "m16n8k16" and _compute_capability() < (8, 0):
        # Turing's instruction is half as deep: the first half of A and B, then the second.
        for n in (0, 1):
            c = _multiply(builder, SHAPES["m16n8k8"], a[2 * n : 2 * n + 2], b[n : n + 1], c)
    else:
        c = _multiply(builder, shape, a, b, c)
    return context.make_tuple(builder, signature.return_type, c)


def _compute_capability():
    """Of the GPU that numba compiles for."""
    return either("targetconfig").ConfigStack().top().compute_capability


def _multiply(builder, shape, a, b, c):
    """One instruction: the lane's four elements of A B + C."""
    from llvmlite import ir

    word, single = ir.IntType(32), ir.FloatType()
    call = ir.FunctionType(
        ir.LiteralStructType([single] * 4), [word] * len(a + b) + [single] * len(c)
    )
    constraints = ",".join(["=f"] * 4 + ["r"] * len(a + b) + ["f"] * len(c))
    text = f"{ptx_name(shape)} {_operands(4, len(a), len(b), len(c))};"
    asm = ir.InlineAsm(call, text, constraints, side_effect=True)
    d = builder.call(asm, a + b + c, attrs=("convergent",))
    return [builder.extract_value(d, i) for i in range(4)]


def ptx_name(shape):
    """The instruction as PTX spells it."""
    dtype = _PTX_TYPE[shape.dtype]
    return f"mma.sync.aligned.m{shape.m}n{shape.n}k{shape.k}.row.col.f32.{dtype}.{dtype}.f32"


def _operands(*lengths):
    """`{$0, $1}, {$2}`: the numbers of the registers of each operand in braces."""
    groups, first = [], 0
    for n in lengths:
        groups.append("{" + ", ".join(f"${i}" for i in range(first, first + n)) + "}")
        first += n
    return ", ".join(groups)


def _pairs_of_halves(builder, halves):
    """Two halves a register, the first in its lower bits."""
    from llvmlite import ir

    half, word = ir.IntType(16), ir.IntType(32)
    wide = [builder.zext(builder.bitcast(one, half), word) for one in halves]
    return [
        builder.or_(low, builder.shl(high, ir.Constant(word, 16)))
        for low, high in zip(wide[::2], wide[1::2], strict=True)
    ]


def _rounded_to_tf32(builder, singles):
    """A float32 rounded to tf32, as its bits."""
    from llvmlite import ir

    convert = ir.FunctionType(ir.IntType(32), [ir.FloatType()])
    asm = ir.InlineAsm(convert, "cvt.rna.tf32.f32 $0, $1;", "=r,f")
    return [builder.call(asm, [one]) for one in singles]
