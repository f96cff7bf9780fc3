"""Assignment: what stores a value in a name, an element, a field, or a tuple of these."""

import ast

from labkit.simt.compiler.expressions import Expressions
from labkit.simt.compiler.static import kind_of
from labkit.simt.errors import refuse
from labkit.simt.lanes.addresses import locate
from labkit.simt.lanes.kinds import conversion, converts
from labkit.simt.lanes.memory import load, save


class Assignment(Expressions):
    """Turns assignments into closures on a frame; a target becomes an `assign(f, value)`."""

    def stmt_assign(self, node):
        self.naming = node.targets[0]
        value, self.naming = self.expr(node.value), None
        targets = [self.target(target) for target in node.targets]

        def run(f):
            result = value(f)
            for target in targets:
                target(f, result)

        return run

    def stmt_annassign(self, node):
        if node.value is None:
            return lambda f: None
        value, target = self.expr(node.value), self.target(node.target)
        return lambda f: target(f, value(f))

    def stmt_augassign(self, node):
        value, location = self.expr(node.value), self.location(node)
        if isinstance(node.target, ast.Subscript):
            point, apply = self.pointer(node.target), self.apply(node)

            def run(f):
                array, address, shift = point(f)
                old = load(f, location, array, address, shift)
                save(f, location, array, address, shift, apply(f, old, value(f)))

            return run
        target = self.target(node.target)
        by_name = isinstance(node.target, ast.Name)
        old = self.expr_name(node.target) if by_name else self.expr(_loaded(node.target))
        result = self.binop(node, old, value)
        return lambda f: target(f, result(f))

    def target(self, node):
        """What assigns to a name, an element, a field or a tuple of these: `assign(f, value)`."""
        if isinstance(node, ast.Name):
            return self.watched.assigning(node, self._assign(node), self.slot_of)
        if isinstance(node, ast.Tuple | ast.List):
            return self._unpack([self.target(part) for part in node.elts])
        if isinstance(node, ast.Subscript):
            return self._store(node)
        if isinstance(node, ast.Attribute):
            return self._store_field(node)
        return self.unsupported(node)

    def _assign(self, node):
        """What assigns to a local: to each of the types it is read as that this version may become
        where paths meet."""
        slots = self.code.slots_of[node.id]
        known = None if self.types is None else self.types.stores.get(node)
        if known is not None:
            slots = [(slot, kind) for slot, kind in slots if converts(kind_of(known), kind)]
        slots = [(slot, conversion(kind)) for slot, kind in slots]
        if len(slots) == 1:
            ((slot, convert),) = slots
            if convert is None:
                return lambda f, value: f.assign(slot, value)
            return lambda f, value: f.assign(slot, convert(value))

        def assign(f, value):
            for slot, convert in slots:
                f.assign(slot, value if convert is None else convert(value))

        return assign

    def _unpack(self, parts):
        def assign(f, value):
            values = self.items(f, value)
            if len(values) != len(parts):
                refuse(f"{len(parts)} names for {len(values)} values")
            for part, item in zip(parts, values, strict=True):
                part(f, item)

        return assign

    def _store(self, node):
        point, location = self.pointer(node), self.location(node)
        of_record = isinstance(getattr(node.slice, "value", None), str)

        def assign(f, value):
            array, address, shift = point(f)
            if address is None:
                self.fill(f, location, array, value, of_record)
            else:
                save(f, location, array, address, shift, value)

        return assign

    def _store_field(self, node):
        record, location, name = self.expr(node.value), self.location(node), node.attr

        def assign(f, value):
            array = record(f).field(name)
            save(f, location, array, *locate(f, location, array, []), value)

        return assign


def _loaded(node):
    return ast.copy_location(type(node)(**{**vars(node), "ctx": ast.Load()}), node)
