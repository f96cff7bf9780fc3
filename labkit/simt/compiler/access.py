"""Array elements and calls, turned into closures: the half of the expressions that touches
memory."""

import ast
import inspect

import numpy as np

from labkit.simt.compiler import views
from labkit.simt.compiler.loops import Elements, Ranges, counting
from labkit.simt.compiler.static import kind_of
from labkit.simt.errors import refuse
from labkit.simt.lanes.addresses import locate
from labkit.simt.lanes.arrays import Array
from labkit.simt.lanes.kinds import exactly
from labkit.simt.lanes.memory import load, save

MISSING = object()  # what `static` says of a name that is no name from outside


class Access:
    """The part of the compiler that handles indices, calls and what a `for` runs over."""

    def expr_attribute(self, node):
        value, name = self.expr(node.value), node.attr
        location = self.location(node)
        return lambda f: views.attribute(f, location, value(f), name)

    def expr_subscript(self, node):
        point, location = self.pointer(node), self.location(node)

        def run(f):
            array, address, shift = point(f)
            return array if address is None else load(f, location, array, address, shift)

        return run

    def pointer(self, node):
        """-> (array, address, shift) of an indexed element, or (view or item, None, None)."""
        base, location = self.expr(node.value), self.location(node)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        simple = not any(isinstance(part, ast.Slice) for part in parts)
        parts = [self.index(part) for part in parts]

        def run(f):
            array, index = base(f), [part(f) for part in parts]
            if type(array) is not Array:
                return views.item(f, array, index), None, None
            if simple and len(index) == len(array.shape) and array.dtype.names is None:
                for vector, i in index:
                    if type(i) is not int or (vector is not None and vector.dtype.kind not in "iu"):
                        break
                else:
                    return (array, *locate(f, location, array, index))
            return views.view(f, location, array, index)

        return run

    def index(self, node):
        """An index as (vector or None, int): `i + 1` is the vector i and the shift 1."""
        if isinstance(node, ast.Slice):
            bounds = [
                self.expr(b) if b else lambda f: None for b in (node.lower, node.upper, node.step)
            ]
            return lambda f: (None, slice(*[bound(f) for bound in bounds]))
        sign = {ast.Add: 1, ast.Sub: -1}.get(type(getattr(node, "op", None)))
        if sign is None or not isinstance(node, ast.BinOp):
            value = self.expr(node)
            return lambda f: _split(f, value(f))
        left, right = self.expr(node.left), self.expr(node.right)
        location, key, apply = self.location(node), object(), self.apply(node)

        def run(f):
            a, b = left(f), right(f)
            if type(b) is not int and type(a) is int and sign == 1:
                a, b = b, a
            if type(b) is int and type(a) is np.ndarray and a.dtype.kind == "i":
                base, shift = f.batch.apart(a)
                found = base, shift + sign * b
            else:
                known = f.memo.get(key)
                if known is None or known[0] is not a or known[1] is not b:
                    known = f.memo[key] = (a, b, apply(f, a, b))
                    return _split(f, known[2])
                found = _split(f, known[2])
            f.watch.operation(f.mask, location, "+", 0)
            return found

        return run

    def fill(self, f, location, array, value, of_record):
        """Assign to every element of a view, which may be a record or a field of one."""
        array.even()
        if isinstance(value, Array | tuple) and not of_record and array.dtype.names is None:
            refuse("only a number fills a whole view: copy the elements one by one")
        f.location = location
        for index in np.ndindex(array.shape):
            item = views.at(f, value, index) if isinstance(value, Array) else value
            save(f, location, array, *locate(f, location, array, views.uniform(index)), item)

    # Calls

    def arguments(self, nodes):
        parts = [
            (self.expr(n.value if isinstance(n, ast.Starred) else n), isinstance(n, ast.Starred))
            for n in nodes
        ]
        if not any(starred for _, starred in parts):
            values = [value for value, _ in parts]
            return lambda f: [value(f) for value in values]

        def run(f):
            result = []
            for value, starred in parts:
                result += value(f) if starred else [value(f)]
            return result

        return run

    def expr_call(self, node, used=True):
        location = self.location(node, getattr(self.naming, "id", None))
        keywords = [(k.arg or self.unsupported(node), self.expr(k.value)) for k in node.keywords]
        arguments, found = self.arguments(node.args), self.static(node.func)
        convert, convert_all, types = self.call_types(node)
        if found is MISSING:
            function, text = self.expr(node.func), ast.unparse(node.func)
        else:
            target, function = self.callable_for(found, ast.unparse(node.func), types), None
            self.code.cooperative |= target.together == "grid"
            if not any(isinstance(n, ast.Starred) for n in node.args):
                self.check_arguments(node, target)
            if target.constant:
                self.check_constant(node, target)

        def run(f):
            called = target if function is None else self.callable_for(function(f), text, types)
            args, kwargs = arguments(f), {name: value(f) for name, value in keywords}
            if convert_all is not None:
                args = [v if to is None else to(v) for to, v in zip(convert_all, args, strict=True)]
            f.location = location
            value = (called.run if used else called.statement)(f, *args, **kwargs)
            if convert is not None and value is not None:
                value = convert(value)
            if called.counts:
                f.watch.operation(f.mask, location, called.name, value)
            return value

        return run

    def call_types(self, node):
        """-> (what converts the value of a call, what converts each argument or None, the types of
        the arguments), as numba's signature of it has them."""
        found, signature = (self.types and self.types.call(node)) or (None, None)
        if signature is None:
            return None, None, None
        convert, types = self.conversion_to(found), signature.args
        plain = not node.keywords and not any(isinstance(n, ast.Starred) for n in node.args)
        if not plain or len(types) != len(node.args):
            return convert, None, types
        each = list(map(self._argument, node.args, types))
        return convert, each if any(each) else None, types

    def _argument(self, node, wanted):
        """What gives an argument the width that a function declares; what kinds of numbers it takes
        is up to the function."""
        kind, known = kind_of(wanted), self.types.type_of(node)
        known = None if known is None else kind_of(known)
        if not isinstance(kind, np.dtype) or not isinstance(known, np.dtype):
            return None
        alike = kind.kind == known.kind or {kind.kind, known.kind} == {"i", "u"}
        return exactly(kind) if alike else None

    def check_constant(self, node, called):
        """An argument, such as the shape of a shared array, must be known to the compiler."""
        named = [k.value for k in node.keywords if k.arg == called.constant]
        value = (node.args or named)[0]
        if not self.is_constant(value):
            what = (
                f"the {called.constant} {ast.unparse(value)} is not a constant: numba takes a "
                f"number, a global constant or a tuple of these, and no expression of them"
            )
            self.unsupported(node, what)

    def is_constant(self, node):
        if isinstance(node, ast.Name) and self.depth_of(node.id) == 0:
            if node.id in self.code.params:  # numba passes constants on to device functions
                return not self.code.is_kernel
            values = [n.value for n in ast.walk(self.node) if _assigns(n, node.id)]
            return bool(values) and all(self.is_constant(value) for value in values)
        if isinstance(node, ast.Tuple):
            return all(self.is_constant(part) for part in node.elts)
        if isinstance(node, ast.Subscript):
            return self.is_constant(node.value) and self.is_constant(node.slice)
        if isinstance(node, ast.BinOp):  # of two literals, which Python itself folds
            return all(isinstance(n, ast.Constant | ast.BinOp) and self.is_constant(n)
                       for n in (node.left, node.right))  # fmt: skip
        return isinstance(self.static(node), int | tuple)

    def items(self, f, value):
        """The parts of a tuple, or the elements of an array along its first axis."""
        return views.elements(f, value) if isinstance(value, Array) else views.parts(value)

    def check_arguments(self, node, called):
        """Refuse a call with too many or too few arguments."""
        keywords = {k.arg: k.value for k in node.keywords}
        try:
            inspect.signature(called.run).bind(None, *node.args, **keywords)
        except TypeError as error:
            self.unsupported(node, f"{called.name}(): {error}")

    def iterable(self, node):
        """What a `for` runs over -> `items(f)`, which gives `step(number) -> (more, value)`."""
        location = self.location(node)
        if isinstance(node, ast.Call) and self.static(node.func) is range:
            arguments = self.arguments(node.args)
            return lambda f: counting(*arguments(f))
        value = self.expr_tuple(node) if isinstance(node, ast.List) else self.expr(node)

        def items(f):
            f.location, found = location, value(f)
            if isinstance(found, Ranges):
                return found
            values = self.items(f, found)
            views.alike(values)
            return Elements(values)

        return items


def _split(f, value):
    if type(value) is np.ndarray:
        return f.batch.apart(value)
    return (None, int(value) if isinstance(value, np.integer) else value)


def _assigns(node, name):
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == name for target in node.targets
    )
