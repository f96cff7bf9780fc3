"""The rule of origins, held against every reading of every lesson.

A result computed from others is modelled, unless all its inputs were measured in the same run and
it is only their ratio or sum. The type keeps the rule for readings; here the sources are searched
for a reading that was made by hand, says that it was measured, counted or quoted, and whose value
was computed from several others. Such a reading is written as `a / b`, or with `of=`.
"""

import ast
import re

import nbformat
import pytest
import sources

from labkit.reading import Origin

ROOMS = sorted((sources.ROOT / "lessons").glob(sources.ROOM))
SOURCES = [path for room in ROOMS for path in (room / "lesson.py", room / "exercises.py")]
COMPUTES = (ast.Add, ast.Sub, ast.Mult, ast.Div)
STOPWATCHES = {"perf_counter", "perf_counter_ns", "monotonic", "time", "time_ns", "process_time"}


def made_by_hand(tree):
    """Each `Reading(...)` of a source with the origin that it names: (call, value, origin)."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", None) == "Reading":
            named = {keyword.arg: keyword.value for keyword in call.keywords}
            positional = dict(zip(("name", "value", "unit", "origin"), call.args, strict=False))
            given = positional | named
            origin = given.get("origin")
            if "value" in given and origin is not None:
                yield call, given["value"], getattr(origin, "attr", None) or _text(origin)


def _text(node):
    return node.value if isinstance(node, ast.Constant) else ""


def computed_from_several(node, tree, seen=()):
    """The operator by which a value was computed from two others in this source, or None."""
    for part in _parts(node):
        if _combines(part):
            return part
        name = getattr(part, "id", None)
        if name is not None and name not in seen:
            for source in _definitions(name, part.lineno, tree):
                if found := computed_from_several(source, tree, (*seen, name)):
                    return found
    return None


def _parts(node):
    """The nodes that make a value, without indices, arguments of calls and inner functions."""
    yield node
    if isinstance(node, ast.Call):
        yield from _parts(node.func)
        return
    if isinstance(node, ast.Subscript):
        yield from _parts(node.value)
        return
    if isinstance(node, (ast.Lambda, ast.FunctionDef, ast.Compare)):
        return
    if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.DictComp)):
        loops = {part.id for g in node.generators for part in ast.walk(g.target) if _is_name(part)}
        item = node.value if isinstance(node, ast.DictComp) else node.elt
        yield from (part for part in _parts(item) if getattr(part, "id", None) not in loops)
        return
    for child in ast.iter_child_nodes(node):
        yield from _parts(child)


def _is_name(node):
    return isinstance(node, ast.Name)


def _combines(node):
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, COMPUTES):
        return False
    called = getattr(node.left, "func", None)
    if isinstance(node.op, ast.Sub) and getattr(called, "attr", None) in STOPWATCHES:
        return False  # the end less the beginning is how a stopwatch reads
    return not any(_is_constant(side) for side in (node.left, node.right))


def _is_constant(node):
    """A number, a name in capitals or one that begins with `n_`: a scale, or a count."""
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_constant(node.left) and _is_constant(node.right)
    name = getattr(node, "id", "a")
    return isinstance(node, ast.Constant) or name.isupper() or name.startswith("n_")


def _definitions(name, line, tree):
    """What a name was last given before a line: the expression, or what a function returns."""
    last = None
    for node in ast.walk(tree):
        if getattr(node, "lineno", line) >= line and not isinstance(node, ast.FunctionDef):
            continue
        value = None
        if isinstance(node, ast.FunctionDef) and node.name == name:
            value = [r.value for r in ast.walk(node) if isinstance(r, ast.Return) and r.value]
        elif isinstance(node, ast.Assign):
            value = [part for target in node.targets for part in _given(name, target, node.value)]
        if value and (last is None or node.lineno > last[0]):
            last = node.lineno, value
    return last[1] if last else []


def _given(name, target, value):
    if getattr(target, "id", None) == name:
        yield value
    elif isinstance(target, ast.Tuple):
        several = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
        for n, part in enumerate(target.elts):
            yield from _given(name, part, value.elts[n] if several else value)


def breaches(text):
    """Sentences about the readings of a source that claim another origin than the rule allows."""
    tree = ast.parse(text)
    return [
        f"line {call.lineno}: {ast.unparse(call.args[0]) if call.args else 'a reading'} says "
        f"{origin}, but it is {ast.unparse(how)}: write it as a / b or a + b, or with of="
        for call, value, origin in made_by_hand(tree)
        if origin.lower() != Origin.MODELLED and (how := computed_from_several(value, tree))
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name[7:9]} {path.stem}")
def test_every_reading_of_a_lesson_keeps_the_rule(path):
    assert breaches(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", sorted((sources.ROOT / "notebooks").glob("*.ipynb")), ids=str)
def test_what_is_shown_as_computed_from_others_is_modelled(path):
    for line in shown_lines(path):
        if re.search(r"\(from (measured|recorded|simulated|modelled|published)\b", line):
            # What `expect` says quotes the recorded run beside it, with what that came from.
            assert line.startswith(("[modelled] ", "[here] ")), line


def shown_lines(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            yield from (line for line in text.splitlines() if line.startswith("["))


# That the rule bites


@pytest.mark.parametrize("source", [
    'lk.Reading("ratio", a / b, "1", "measured")',
    'lk.Reading("ratio", a / b, "1", lk.Origin.PUBLISHED, source="x")',
    'lk.Reading("ratio", value=a / b, unit="1", origin="simulated")',
    'ratio = a / b\nlk.Reading("ratio", ratio, "1", "measured")',
    'ratio, other = a / b, 3\nlk.Reading("ratio", ratio, "1", "measured")',
    'share = {n: rate[n] / peak for n in rate}\nlk.Reading("share", share[3], "%", "measured")',
    'def gain(n):\n    return a[n] / a[1]\nlk.Reading("gain", gain(3), "1", "recorded", "x")',
    'lk.Reading("share", 1 - a / b, "%", "simulated")',
    'lk.Reading("power", volts * amperes, "W", "measured")',
])  # fmt: skip
def test_a_value_that_was_computed_is_found(source):
    assert len(breaches(source)) == 1


@pytest.mark.parametrize("source", [
    'lk.Reading("ratio", a / b, "1", of=(a, b))',
    'lk.Reading("ratio", a / b, "1", "modelled")',
    'lk.Reading("time", elapsed_ns / 1e9, "s", "measured")',
    'lk.Reading("time", time.perf_counter() - start_s, "s", "measured")',
    'lk.Reading("each", total / N_RUNS, "s", "measured")',
    'lk.Reading("each", total / n_runs, "s", "measured")',
    'lk.Reading("rows", rows[n + 1].time_s, "s", "recorded", source="x")',
    'lk.Reading("mean", answers_s.mean(), "s", "measured")',
    'y = a + b\nfirst, last = (y for y in rows)\nlk.Reading("y", first, "1", "recorded", "x")',
    '(a / b).named("ratio")',
])  # fmt: skip
def test_a_value_that_was_read_is_left_alone(source):
    assert breaches(source) == []
