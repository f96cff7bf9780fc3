"""numba's refusals as sentences: what it says in paragraphs, said in one line of the kernel."""

import ast
import re

_PREAMBLE = ("Failed in", "During:", "File")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_NO_FUNCTION = re.compile(r"No implementation of function Function\((.+?)\) found for")
_SIGNATURE = re.compile(r">>>\s*([\w.]+)\((.*)\)")
_ARITHMETIC = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg", "max", "min", "abs",
    "lt", "le", "gt", "ge", "eq", "ne", "iadd", "isub", "imul", "itruediv",
)  # fmt: skip
_UNIFY = re.compile(r"Cannot unify (.+) and (.+) for '([^']+)'")


def sentence(words, node):
    """What numba says against a function, with the syntax node that it is about, or None."""
    words = _ANSI.sub("", words)
    for say in (_of_ours, _not_defined, _one_type, _too_large, _no_attribute, _no_function):
        found = say(words, node)
        if found:
            return found
    lines = [line.strip(" >-") for line in words.splitlines()]
    lines = [line for line in lines if line and not line.startswith(_PREAMBLE)]
    return f"numba refuses this: {lines[0] if lines else 'it says no more'}"


def _of_ours(words, node):
    """What one of our own functions says of types that it does not take."""
    found = re.search(r"TypingError: (mma_sync takes .*)", words)
    return found and named(found[1])


def _not_defined(words, node):
    found = re.search(r"Variable '(\w+)' is not defined", words)
    return found and f"{found[1]} is read before it is assigned"


def _one_type(words, node):
    found = _UNIFY.search(words)
    if not found:
        return None
    one, other, name = found.groups()
    name = name.partition(".")[0]
    what = "a value" if name.startswith("$") else name
    return (
        f"{what} is {named(one)} on one path and {named(other)} on another: a variable has one "
        f"type, also where a path is not taken"
    )


def _too_large(words, node):
    found = re.search(r"Int value is too large: (-?\d+)", words)
    return found and f"{found[1]} does not fit in 64 bits"


def _no_attribute(words, node):
    found = re.search(r"Unknown attribute '(\w+)' of type (\S+)", words)
    if not found:
        return None
    what = re.sub(r"Module\(<module '([\w.]+)'.*", r"\1", found[2])
    return f"{named(what)} has no attribute {found[1]!r} in a kernel"


def _no_function(words, node):
    function = _NO_FUNCTION.search(words)
    if not function:
        return None
    found = _SIGNATURE.search(words)
    if not found:
        return None
    name, types = found[1], _parts(found[2])
    if name in ("getitem", "setitem", "static_getitem", "static_setitem") and len(types) > 1:
        return _of_items(name, types, node)
    if name == "array" and "Function(<class" in found[2]:
        python = re.search(r"Function\(<class '(\w+)'>\)", found[2])
        kind = python[1] if python else "type"
        return f"Python's {kind} isn't a type of elements: write cuda.float32 or its like"
    if name == "array":
        return "the shape of an array is a constant, a number or a tuple of these"
    if ".atomic." in function[1]:
        return f"cuda.atomic.{name} takes no {', '.join(map(named, types))}"
    refused = f"numba has no {name} for {', '.join(map(named, types))}"
    if name in _ARITHMETIC and any(part.startswith("array(") for part in types):
        refused += ": a kernel has no arithmetic on whole arrays: one thread, one element"
    return refused


def _of_items(name, types, node):
    base = getattr(node, "value", None)
    what = ast.unparse(base) if isinstance(base, ast.expr) else "an array"
    array, index = types[0], types[1]
    if array.startswith("readonly ") and name.endswith("setitem"):
        return f"{what} is constant and cannot be stored to"
    axes = re.match(r"array\(.+, (\d+)d, \w\)", array)
    given = re.match(r"UniTuple\(.+ x (\d+)\)", index)
    n = int(given[1]) if given else len(_parts(index[6:-1])) if index.startswith("Tuple(") else 1
    if axes and n > int(axes[1]):
        return f"{what} has {axes[1]} axes and is indexed with {n}"
    if axes and re.search(r"float|complex|bool", index):
        return f"{what} is indexed with {named(index)}: an index is an integer, as int() gives"
    if name.endswith("setitem") and types[-1] == "none":
        return f"what is stored to {what} is None: a function that returns nothing?"
    if axes and name.endswith("setitem"):
        return f"{what} is {named(array)} and takes no {named(types[-1])}"
    if re.match(r"Tuple\(", array):
        return (
            f"{what} is {named(array)}: a tuple of several types is read by constant indices only"
        )
    return f"a {named(array)} cannot be indexed with {named(index)}"


def _parts(text):
    """The types of a signature, between the commas that are in no brackets."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "([{<") - (letter in ")]}>")
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [part.strip() for part in found if part.strip()]


def named(found):
    """numba's name of a type, shorter: a literal is of its type, an array says no layout."""
    found = re.sub(r"Literal\[(\w+)\]\([^)]*\)", lambda m: {"int": "int64"}.get(m[1], m[1]), found)
    found = re.sub(r"array\(([^,()]+), (\d)d, \w\)", r"\2-D array of \1", found)
    found = re.sub(r"type\(CUDADispatcher\(<function ([\w.<>]+) at \w+>\)\)", r"function \1", found)
    return re.sub(r"<function ([\w.<>]+) at \w+>", r"\1", found)
