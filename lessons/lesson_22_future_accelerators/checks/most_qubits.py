"""Exercise 22.2: how many qubits a memory can simulate."""

import math

from labkit.teach.registry import always, exercise, solution

_most = solution("22.2")


@exercise(
    "22.2",
    title="qubits in a memory",
    wrong=[
        (always(32), "got 32"),
        (lambda m, a: m // a, "2**n amplitudes"),
        (lambda m, a: round(math.log2(m / a)), "don't fit"),
        (lambda m, a: math.ceil(math.log2(m / a)), "don't fit"),
        (lambda m, a: int(math.log2(m)), "don't fit"),
        (lambda m, a: int(math.log2(m / a / 2)), "one more"),
        (lambda m, a: math.log2(m / a), "whole number"),
        (lambda m, a: round(math.log2(m / a) - 0.5), "exactly full"),
        (lambda m, a: int(math.log2(m / 16)), "bytes"),
        (lambda m, a: int(math.log10(m / a)), "one more"),
        (lambda m, a: max(n for n in range(60) if 2**n * a < m), "exactly full"),
        (lambda m, a: m.bit_length() - a.bit_length(), "20 bytes an amplitude"),
    ],
)
def most_qubits(answer, rng):
    for _ in range(8):
        _one_memory(answer, 16 * rng.randint(2**10, 2**44), 16)
    for _ in range(4):
        _one_memory(answer, 2 ** rng.randint(20, 45) + rng.randint(1, 99_999), 8)
    first = rng.randint(4, 38)
    for n in (first, first + 1, first + 2):  # odd ones and even ones, as round goes to these
        _one_memory(answer, 16 * 2**n, 16, "a memory may be exactly full")
        _one_memory(answer, 16 * 2**n - 1, 16, "one byte is missing for one more")
        # two numbers of 80 bits each: 20 is not a power of two
        _one_memory(answer, 18 * 2**n, 20)
        _one_memory(answer, 31 * 2**n, 20)


def _one_memory(answer, memory_bytes, amplitude_bytes, hint=""):
    got, right = answer(memory_bytes, amplitude_bytes), _most(memory_bytes, amplitude_bytes)
    case = f"{memory_bytes:,} bytes, {amplitude_bytes} bytes an amplitude: got {got}"
    if got == right and got == int(got):
        return
    assert got == int(got), f"{case}: that's no whole number of qubits"
    assert got < 100, f"{case}: n qubits have 2**n amplitudes"
    if got > right:
        raise AssertionError(
            f"{case}, but the amplitudes of {got} qubits don't fit: they take {amplitude_bytes} "
            f"bytes each" + (f"; {hint}" if hint else "")
        )
    raise AssertionError(
        f"{case}, and one more would fit"
        + (f"; {hint}" if hint else "")
        + f"; count the bytes of an amplitude, here {amplitude_bytes}"
    )
