"""Exercise 13.2: the bytes of a type in HLO."""

import math
import re

from labkit.teach.registry import always, exercise, solution

_BITS = {"f32": 32, "bf16": 16, "s8": 8, "f64": 64, "u8": 8, "f16": 16, "s32": 32}
_bytes = solution("13.2")


def _sides(text):
    inside = text.split("[")[1].split("]")[0]
    return [int(side) for side in inside.split(",") if side]


def _bits(text):
    return _BITS[text.split("[")[0]]


def _layout_too(text):
    numbers = re.findall(r"\d+", text[text.index("[") :])
    return math.prod(int(n) for n in numbers if n != "0") * _bits(text) // 8


@exercise(
    "13.2",
    title="bytes of a type in HLO",
    wrong=[
        (always(4194304), "expected"),
        (lambda text: math.prod(_sides(text)), "those are numbers"),
        (lambda text: math.prod(_sides(text)) * 4, "are bits"),
        (lambda text: math.prod(_sides(text)) * _bits(text), "8 bits are one byte"),
        (lambda text: math.prod(_sides(text)[:1]) * _bits(text) // 8, "multiply all sides"),
        (lambda text: _bytes(text) if _sides(text) else 0, "a single number"),
        (_layout_too, "layout"),
        (lambda text: sum(_sides(text)) * _bits(text) // 8, "expected"),
        (lambda text: math.prod(_sides(text)) * (2 if "f16" in text else 4), "are bits"),
        (lambda text: math.prod(_sides(text)[:2]) * _bits(text) // 8, "expected"),
        (lambda text: math.prod(_sides(text)[:3]) * _bits(text) // 8, "expected"),
        (lambda text: 0 if "[]{" in text else _bytes(text), "a single number"),
    ],
)
def type_bytes(answer, rng):
    rows, columns = rng.randint(3, 90), rng.randint(3, 90)
    layouts = ("", "{1,0}", "{1,0:T(8,128)(2,1)}")
    cases = [("bf16", (rows, columns), layout) for layout in layouts]
    cases += [("f32", (), ""), ("f32", (), "{:T(128)}")]
    for n, dtype in enumerate(rng.sample(list(_BITS), len(_BITS))):
        sides = tuple(rng.randint(2, 64) for _ in range(1 + n % 4))
        layout = ",".join(str(axis) for axis in reversed(range(len(sides))))
        cases.append((dtype, sides, f"{{{layout}}}"))
    for dtype, sides, layout in cases:
        text = f"{dtype}[{','.join(map(str, sides))}]{layout}"
        n_numbers, bits = math.prod(sides), _BITS[dtype]
        got, right = answer(text), n_numbers * bits // 8
        case = f"{text}: got {got}, expected {right}"
        assert sides or got == right, f"{case}. Without a side it's a single number"
        for mistake, hint in (
            (n_numbers, "those are numbers, not bytes"),
            (4 * n_numbers, "a number isn't always 4 bytes: the digits in the type are bits"),
            (n_numbers * bits, "8 bits are one byte"),
            (sides[0] * bits // 8 if sides else None, "multiply all sides"),
        ):
            assert got != mistake or got == right, f"{case}. Look again: {hint}"
        is_misled = layout and got != right and answer(text.removesuffix(layout)) == right
        assert not is_misled, f"{case}. What stands in braces is the layout: leave it"
        assert got == right, case
