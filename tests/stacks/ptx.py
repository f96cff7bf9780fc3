"""What a GPU does with PTX, one thread at a time: whole numbers and floats by the rules of the PTX
ISA (9.7), so that values, and not only types, have something to be held against.

A register holds bits; an instruction reads them as its type says. What is not here raises
NotImplementedError: shared memory, warps, atomics, and tables of constants.
"""

import math
import operator
import re
import struct
from fractions import Fraction

import numpy as np

_FUNCTION = re.compile(r"^\.?(?:visible |weak )*\.?(?:entry|func)[^{;]*?\n\{(.*?)^\}", re.M | re.S)
_NAME = re.compile(r"(?:\.entry|\.func)\s+(?:\(\.param \S+ (\S+?)\)\s*)?([\w$]+)\s*\(")
_PARAM = re.compile(r"\.param\s+(?:\.align\s+\d+\s+)?\.\w+\s+([\w$]+)")
_CALL = re.compile(r"call(?:\.uni)?\s+(?:\(([\w$]+)\),\s*)?([\w$]+),\s*\(([^)]*)\)", re.S)
_PACK = {"f64": ("<d", 8), "f32": ("<f", 4), "f16": ("<e", 2)}
_BITS = {"pred": 1}
_COMPARE = {"eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le,
            "gt": operator.gt, "ge": operator.ge, "lo": operator.lt, "ls": operator.le,
            "hi": operator.gt, "hs": operator.ge}  # fmt: skip
_ROUND = {"rn": round, "rz": math.trunc, "rm": math.floor, "rp": math.ceil}


def width(kind):
    return _BITS.get(kind) or int(kind[1:])


def number(bits, kind):
    """The bits of a register as a number of this type."""
    if kind in _PACK:
        pack, size = _PACK[kind]
        return struct.unpack(pack, (bits & (1 << 8 * size) - 1).to_bytes(size, "little"))[0]
    n = width(kind)
    bits &= (1 << n) - 1
    return bits - (1 << n) if kind[0] == "s" and bits >> (n - 1) else bits


def bits_of(value, kind):
    if kind not in _PACK:
        return int(value) & (1 << width(kind)) - 1
    pack, _ = _PACK[kind]
    if kind != "f64":  # NumPy rounds to infinity where struct raises
        with np.errstate(all="ignore"):
            value = float({"f32": np.float32, "f16": np.float16}[kind](value))
    return int.from_bytes(struct.pack(pack, value), "little")


def _rounded(exact, kind):
    """A fraction as a float of this type, rounded once."""
    if kind == "f64":
        try:
            return float(exact)
        except OverflowError:
            return math.inf if exact > 0 else -math.inf
    if abs(exact) >= 2**128:
        return math.inf if exact > 0 else -math.inf
    near = np.float32(float(exact))
    both = [near, np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf))]
    both = [one for one in both if np.isfinite(one)] or [near]
    return float(min(both, key=lambda one: (abs(Fraction(float(one)) - exact), one.view("i4") & 1)))


def _fma(a, b, c, kind):
    if not all(map(math.isfinite, (a, b, c))):
        return float(np.float64(a) * np.float64(b) + np.float64(c))
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return a * b + c
    return _rounded(exact, kind)


def _converted(value, to, of, rounding):
    """`cvt`: a float that does not fit is cut to the nearest integer there is, and NaN becomes the
    least integer of 64 bits, or 0."""
    is_float = of in _PACK
    if to in _PACK:
        if rounding and rounding.endswith("i") and math.isfinite(value):
            found = float(_ROUND[rounding[:-1]](value))
            value = math.copysign(found, value)
        elif not is_float:
            return _rounded(Fraction(value), to) if to != "f16" else float(np.float16(value))
        return value
    if not is_float:
        return value
    least, most = (-(2 ** (width(to) - 1)), 2 ** (width(to) - 1) - 1)
    if to[0] == "u":
        least, most = 0, 2 ** width(to) - 1
    if math.isnan(value):
        return 2 ** (width(to) - 1) if of == "f64" or width(to) == 64 else 0
    if math.isinf(value):
        return most if value > 0 else least
    return max(least, min(most, _ROUND[rounding[:-1]](value)))


def launched(text, arrays):
    """What the last of some one-dimensional arrays holds, as bytes, after numba's entry ran on them
    in a block of one thread an element, one thread after the other."""
    memory, params = bytearray(256), []
    for array in arrays:
        numba = [0, 0, array.size, array.itemsize, len(memory), array.size, array.itemsize]
        params, first = params + numba, len(memory)
        memory += array.tobytes() + bytes(-array.nbytes % 256)
    program = Program(text)
    for thread in range(arrays[-1].size):
        program.run(memory, params, thread, arrays[-1].size)
    return bytes(memory[first : first + arrays[-1].nbytes])


class Program:
    """PTX, ready to run: `run(...)` is one thread of a block of its entry."""

    def __init__(self, text):
        text = re.sub(r"//[^\n]*", "", text)
        if re.search(r"^\.(?:global|const|extern \.shared)", text, re.M):
            raise NotImplementedError("tables of constants")
        self.functions, self.entry = {}, None
        for found in re.finditer(_FUNCTION, text):
            head = found[0][: found[0].index("{")]
            result, name = _NAME.search(head).groups()
            after = head[_NAME.search(head).end() :]
            self.functions[name] = (result, _PARAM.findall(after), *self._code(found[1]))
            if ".entry" in head:
                self.entry = name

    def _code(self, body):
        lines, labels = [], {}
        for call in _CALL.findall(body):
            if call[1].startswith("%"):
                raise NotImplementedError("a call through a register")
        for part in re.split(r";|(?<=:)\n", body):
            part = re.sub(r"^[{}\s]+", "", " ".join(part.split()))
            while match := re.match(r"(\$?[\w$]+):\s*", part):
                labels[match[1]] = len(lines)
                part = part[match.end() :]
            if part.startswith((".loc", ".pragma", ".file", ".param", ".reg")) or not part:
                continue
            lines.append(part)
        return lines, labels

    def run(self, memory, params, thread=0, block=4):
        """Run the entry for one thread: `params` are the bits of its parameters."""
        special = {"%tid.x": thread, "%ntid.x": block, "%ctaid.x": 0, "%nctaid.x": 1}
        self._call(self.entry, params, memory, special)

    def _call(self, name, params, memory, special):
        if name not in self.functions:
            raise NotImplementedError(name)
        result, names, lines, labels = self.functions[name]
        frame = _Frame(dict(zip(names, params, strict=True)), memory, special)
        at = 0
        for _ in range(200_000):
            line = lines[at]
            at += 1
            guard = re.match(r"@(!?)(%p\d+) (.*)", line)
            if guard:
                if frame.regs[guard[2]] == (guard[1] == "!"):
                    continue
                line = guard[3]
            word, _, rest = line.partition(" ")
            if word in ("ret", "exit"):
                return frame.params.get(result)
            if word.startswith("bra"):
                at = labels[rest]
            elif word.startswith("call"):
                to, called, given = _CALL.match(line).groups()
                given = [frame.params[one.strip()] for one in given.split(",") if one.strip()]
                frame.params[to] = self._call(called, given, memory, special)
            else:
                frame.execute(word.split("."), _operands(rest))
        raise NotImplementedError("a long loop")


def _operands(text):
    return re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s]+", text)


class _Frame:
    def __init__(self, params, memory, special):
        self.params, self.memory, self.regs = params, memory, dict(special)

    def value(self, operand, kind):
        return number(self.bits(operand, kind), kind)

    def bits(self, operand, kind):
        if operand in self.regs:
            return self.regs[operand]
        if operand.startswith(("0d", "0f")):
            return int(operand[2:], 16)
        if re.fullmatch(r"-?(0x)?[0-9a-fA-F]+", operand):
            return bits_of(int(operand, 0), f"u{width(kind)}")
        raise NotImplementedError(operand)

    def execute(self, word, operands):
        name, kind = word[0], word[-1]
        method = getattr(self, f"do_{name}", None)
        if method is not None:
            method(word, kind, operands)
            return
        if name not in _PLAIN:
            raise NotImplementedError(".".join(word))
        if name in ("add", "mul", "fma", "div") and not {"rz", "rm", "rp"}.isdisjoint(word):
            raise NotImplementedError(".".join(word))
        values = [self.value(one, kind) for one in operands[1:]]
        with np.errstate(all="ignore"):
            found = _PLAIN[name](kind, *values)
        if "sat" in word:
            found = 0.0 if math.isnan(found) else min(max(found, 0.0), 1.0)
        self.regs[operands[0]] = bits_of(found, kind)

    def do_cvta(self, word, kind, operands):
        self.regs[operands[0]] = self.bits(operands[1], kind)

    def do_mov(self, word, kind, operands):
        to, of = operands
        if to.startswith("{"):
            parts, bits = [one.strip() for one in to[1:-1].split(",")], self.bits(of, kind)
            each = width(kind) // len(parts)
            for i, part in enumerate(parts):
                self.regs[part] = bits >> i * each & (1 << each) - 1
        elif of.startswith("{"):
            parts = [one.strip() for one in of[1:-1].split(",")]
            each = width(kind) // len(parts)
            self.regs[to] = sum(
                (self.bits(part, kind) & (1 << each) - 1) << i * each
                for i, part in enumerate(parts)
            )
        else:
            self.regs[to] = self.bits(of, kind)

    def _address(self, operand):
        base, _, shift = operand[1:-1].partition("+")
        return base, int(shift or 0)

    def do_ld(self, word, kind, operands):
        base, shift = self._address(operands[1])
        if word[1] == "param":
            self.regs[operands[0]] = self.params[base]
            return
        if "v2" in word or "v4" in word:
            raise NotImplementedError("a load of a vector")
        size, at = width(kind) // 8, self.regs[base] + shift
        raw = int.from_bytes(self.memory[at : at + size], "little")
        self.regs[operands[0]] = number(raw, kind) if kind not in _PACK else raw

    def do_st(self, word, kind, operands):
        base, shift = self._address(operands[0])
        if word[1] == "param":
            self.params[base] = self.bits(operands[1], kind)
            return
        parts = [one.strip() for one in operands[1].strip("{}").split(",")]
        size, at = width(kind) // 8, self.regs[base] + shift
        for i, part in enumerate(parts):
            raw = self.bits(part, kind) & (1 << 8 * size) - 1
            self.memory[at + i * size : at + (i + 1) * size] = raw.to_bytes(size, "little")

    def do_setp(self, word, kind, operands):
        test, (a, b) = word[1], [self.value(one, kind) for one in operands[1:3]]
        unordered = kind in _PACK and (math.isnan(a) or math.isnan(b))
        if test in ("num", "nan"):
            found = unordered == (test == "nan")
        elif unordered:
            found = test.endswith("u") and test != "u"
        else:
            found = _COMPARE[test[:2]](a, b)
        self.regs[operands[0]] = int(found)
        if len(word) > 3:
            raise NotImplementedError(".".join(word))

    def do_selp(self, word, kind, operands):
        to, yes, no, which = operands
        self.regs[to] = self.bits(yes if self.regs[which] else no, kind)

    def do_cvt(self, word, kind, operands):
        to, of = word[-2:]
        rounding = next((w for w in word[1:-2] if w[0] == "r"), None)
        value = self.value(operands[1], of)
        self.regs[operands[0]] = bits_of(_converted(value, to, of, rounding), to)
        if to[0] == "s":  # a register may be wider than what is put into it
            self.regs[operands[0]] = number(self.regs[operands[0]], to)

    def do_mul(self, word, kind, operands):
        a, b = (self.value(one, kind) for one in operands[1:3])
        if kind in _PACK:
            found = bits_of(_PLAIN["fmul"](kind, a, b), kind)
        elif "wide" in word:
            found = bits_of(a * b, f"u{2 * width(kind)}")
        else:
            found = bits_of(a * b >> (width(kind) if "hi" in word else 0), kind)
        self.regs[operands[0]] = found

    def do_mad(self, word, kind, operands):
        a, b = (self.value(one, kind) for one in operands[1:3])
        if "hi" in word:
            raise NotImplementedError("mad.hi")
        to = f"{kind[0]}{2 * width(kind)}" if "wide" in word else kind
        self.regs[operands[0]] = bits_of(a * b + self.value(operands[3], to), to)

    def do_shl(self, word, kind, operands):
        by = min(self.value(operands[2], "u32"), width(kind))
        self.regs[operands[0]] = bits_of(self.value(operands[1], kind) << by, kind)

    def do_shr(self, word, kind, operands):
        by = min(self.value(operands[2], "u32"), width(kind))
        self.regs[operands[0]] = bits_of(self.value(operands[1], kind) >> by, kind)

    def do_brev(self, word, kind, operands):
        bits = self.value(operands[1], kind.replace("b", "u"))
        self.regs[operands[0]] = int(f"{bits:0{width(kind)}b}"[::-1], 2)

    def do_popc(self, word, kind, operands):
        self.regs[operands[0]] = self.value(operands[1], kind.replace("b", "u")).bit_count()

    def do_clz(self, word, kind, operands):
        bits = self.value(operands[1], kind.replace("b", "u"))
        self.regs[operands[0]] = width(kind) - bits.bit_length()


def _float_division(a, b):
    return float(np.float64(a) / np.float64(b))


def _divided(kind, a, b):
    if kind in _PACK:
        return _float_division(a, b)
    if b == 0:
        return -1  # all ones, as the hardware's own division by 0
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _rest(kind, a, b):
    return a - b * _divided(kind, a, b) if b else a


def _quiet(compute):
    """In double, which is exact enough to be rounded to single once."""
    return lambda kind, *values: float(compute(*map(np.float64, values)))


def _either(whole, single):
    return lambda kind, a, b: single(a, b) if kind in _PACK else whole(a, b)


_PLAIN = {
    "add": _either(operator.add, lambda a, b: float(np.float64(a) + np.float64(b))),
    "sub": _either(operator.sub, lambda a, b: float(np.float64(a) - np.float64(b))),
    "fmul": _quiet(operator.mul),
    "div": _divided,
    "rem": _rest,
    "neg": lambda kind, a: -a,
    "abs": lambda kind, a: abs(a),
    "min": _either(min, lambda a, b: float(np.fmin(a, b))),
    "max": _either(max, lambda a, b: float(np.fmax(a, b))),
    "and": lambda kind, a, b: a & b,
    "or": lambda kind, a, b: a | b,
    "xor": lambda kind, a, b: a ^ b,
    "not": lambda kind, a: ~a,
    "fma": lambda kind, a, b, c: _fma(a, b, c, kind),
    "rcp": lambda kind, a: _float_division(1.0, a),
    "sqrt": _quiet(np.sqrt),
    "rsqrt": _quiet(lambda a: 1 / np.sqrt(a)),
    "ex2": _quiet(np.exp2),
    "lg2": _quiet(np.log2),
    "copysign": lambda kind, a, b: math.copysign(b, a),
}
