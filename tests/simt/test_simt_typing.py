"""Operators have the types that numba's own inference gives them."""

import itertools
import operator

import numpy as np
import pytest

from labkit.simt.lanes.values import binary, cast, result_dtype

_WIDTHS = {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64), "float": (32, 64), "complex": (64, 128)}
DTYPES = ["bool", *(f"{kind}{n}" for kind, widths in _WIDTHS.items() for n in widths)]
OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "&": operator.and_,
    "|": operator.or_, "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift,
}  # fmt: skip


def infer(function):
    """(a, b) -> numba's dtype of the result of an operator, for every pair that numba types."""
    from numba.core.registry import cpu_target
    from numba.np.numpy_support import as_dtype, from_dtype

    context = cpu_target.typing_context
    context.refresh()
    found = {}
    for a in DTYPES:
        for b in DTYPES:
            types = (from_dtype(np.dtype(a)), from_dtype(np.dtype(b)))
            try:
                signature = context.resolve_function_type(function, types, {})
            except Exception:
                continue
            if signature is not None:
                found[a, b] = as_dtype(signature.return_type)
    return found


@pytest.fixture(scope="module")
def inferred():
    return {(op, *pair): kind for op, f in OPERATORS.items() for pair, kind in infer(f).items()}


@pytest.fixture(scope="module")
def inferred_powers():
    return infer(operator.pow)


def test_the_rule_agrees_with_numba_on_every_pair(inferred):
    wrong = {
        key: (str(expected), str(result_dtype(key[0], np.dtype(key[1]), np.dtype(key[2]))))
        for key, expected in inferred.items()
        if result_dtype(key[0], np.dtype(key[1]), np.dtype(key[2])) != expected
    }
    assert len(inferred) == 1323
    assert not wrong, f"{len(wrong)} of {len(inferred)}"


def test_powers_agree_too_but_for_an_oddity(inferred_powers):
    for (a, b), expected in inferred_powers.items():
        if (a, b) != ("bool", "int32"):  # numba says float32 for this one pair
            assert result_dtype("**", np.dtype(a), np.dtype(b)) == expected, (a, b)


def test_vectors_come_out_in_the_type_of_the_rule(inferred):
    with np.errstate(all="ignore"):
        for (op, a, b), expected in inferred.items():
            x, y = np.ones(4, a), np.ones(4, b)
            assert binary(op)(x, y).dtype == expected, (op, a, b)


def test_a_python_number_is_strong():
    assert binary("*")(np.ones(2, np.float32), 2.0).dtype == np.float64
    assert binary("+")(np.ones(2, np.int32), 1).dtype == np.int64
    assert binary("+")(np.ones(2, np.uint64), 1).dtype == np.int64


def test_uniform_integers_wrap_at_64_bits():
    assert binary("+")(2**63 - 1, 1) == -(2**63)
    assert binary("*")(2**62, 4) == 0


def test_division_by_zero_gives_infinity_as_on_a_gpu():
    with np.errstate(all="ignore"):
        assert binary("/")(1.0, 0.0) == np.inf


def whole_numbers(dtype):
    limits = np.iinfo(dtype)
    inside = (n for n in (-7, -3, -1, 0, 1, 2, 3, 7, 100) if limits.min <= n <= limits.max)
    return [*inside, limits.min, limits.max]


def is_defined(op, a, b):
    """Whether CUDA says what comes out; Python's own numbers would grow too large, too."""
    if op in ("<<", ">>"):
        return 0 <= b < 8
    return op != "**" or -7 <= b <= 7


def exact(op, a, b):
    """Of two Python numbers, which do not wrap; a power below 1 is cut to 0. What has no result is
    what numba's own code makes of it."""
    if op in ("//", "%") and (b == 0 or (a, b) == (-(2**63), -1)):
        return 0
    if op == "**" and b < 0:
        return -(2**63) if a == 0 else int(a**b) if abs(a) == 1 else 0
    return operator.pow(a, b) if op == "**" else OPERATORS[op](a, b)


@pytest.mark.parametrize("op", ["+", "-", "*", "//", "%", "**", "&", "|", "^", "<<", ">>"])
def test_whole_numbers_come_out_as_python_computes_them_but_wrap(op):
    dtypes = [np.dtype(name) for name in DTYPES if "int" in name]
    for first, second in itertools.product(dtypes, repeat=2):
        kind = result_dtype(op, first, second)
        pairs = itertools.product(whole_numbers(first), whole_numbers(second))
        a, b = np.array(list(pairs), object).T
        a, b = a.astype(first), b.astype(second)
        converted = zip(a.astype(kind).tolist(), b.astype(kind).tolist(), strict=True)
        results = [
            exact(op, *pair) if is_defined(op, *pair) and is_defined(op, 1, given) else None
            for pair, given in zip(converted, b.tolist(), strict=True)
        ]
        defined = np.array([result is not None for result in results])
        wrapped = [result % 2**64 for result in results if result is not None]
        expected = np.array(wrapped, np.uint64).astype(kind)
        if op == "**":  # which numba takes through float64
            expected = cast(expected.astype(np.float64), kind)
        with np.errstate(all="ignore"):
            found = binary(op)(a, b)
        assert (found[defined] == expected).all(), (first, second)
