"""Variables that may be read before they are assigned: found in the source, so that only these are
watched while a kernel runs."""

import ast
import itertools

import numpy as np


def maybe_unset(function):
    """The `ast.Name` nodes of a function that some path reaches without an assignment before."""
    args = function.args
    params = itertools.chain(args.posonlyargs, args.args, [args.vararg] if args.vararg else [])
    flow = _Flow({arg.arg for arg in params})
    if isinstance(function, ast.FunctionDef):
        flow.block(function.body)
    return [node for node in flow.unsure if node.id in flow.assigned]


class _Flow:
    """Walks statements in order; `sure` are the names assigned on every path to here, None where no
    path leads."""

    def __init__(self, sure):
        self.sure, self.assigned, self.unsure, self.breaks = sure, set(), [], []

    def block(self, nodes):
        for node in nodes:
            method = getattr(self, f"stmt_{type(node).__name__.lower()}", self.simple)
            method(node)

    def read(self, node):
        for part in ast.walk(node) if node is not None else ():
            is_read = isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
            if is_read and self.sure is not None and part.id not in self.sure:
                self.unsure.append(part)

    def assign(self, node):
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                self.assigned.add(part.id)
                if self.sure is not None:
                    self.sure = self.sure | {part.id}

    def simple(self, node):
        """A statement without statements in it: it reads, and then it assigns."""
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            self.read(ast.copy_location(ast.Name(node.target.id, ast.Load()), node))
        self.read(node)
        self.assign(node)

    def stmt_functiondef(self, node):
        self.assign(ast.Name(node.name, ast.Store()))

    def leave(self, node):
        self.read(node)
        self.sure = None

    stmt_return = stmt_raise = stmt_continue = leave

    def stmt_break(self, node):
        self.breaks.append(self.sure)
        self.sure = None

    def stmt_if(self, node):
        self.read(node.test)
        before = self.sure
        self.block(node.body)
        after, self.sure = self.sure, before
        self.block(node.orelse)
        self.sure = _on_all([after, self.sure])

    def stmt_for(self, node):
        self.read(node.iter)
        before, outer, self.breaks = self.sure, self.breaks, []
        self.assign(node.target)
        self.block(node.body)
        self.end_loop(node, before, outer)

    def stmt_while(self, node):
        self.read(node.test)
        before, outer, self.breaks = self.sure, self.breaks, []
        self.block(node.body)
        is_endless = isinstance(node.test, ast.Constant) and node.test.value
        self.end_loop(node, None if is_endless else before, outer)

    def end_loop(self, node, before, outer):
        """After a loop: its test failed, which may be at once, or a `break` led here."""
        self.sure = before
        self.block(node.orelse)
        self.sure, self.breaks = _on_all([self.sure, *self.breaks]), outer


def _on_all(paths):
    """What is sure on all paths that lead here."""
    paths = [path for path in paths if path is not None]
    return set.intersection(*map(set, paths)) if paths else None


class Watched:
    """The variables of a function that may be unset where they are read. Beside each lies a local
    of its own, true in the threads that have assigned it; so it goes through branches and loops as
    every local does."""

    def __init__(self, function):
        nodes = maybe_unset(function)
        self.places = {_place(node) for node in nodes}
        self.names = list(dict.fromkeys(node.id for node in nodes))
        self.flags = [f"{name} is set" for name in self.names]

    def assigning(self, node, assign, slot_of):
        """`assign(f, value)` of a name, which also says that it is set."""
        if node.id not in self.names:
            return assign
        slot = slot_of(f"{node.id} is set")

        def run(f, value):
            assign(f, value)
            if f.watch.sees_unset:
                f.assign(slot, True)

        return run

    def reading(self, node, location, read, slot_of):
        """`read(f)` of a name, which tells the watcher of lanes that have not set it."""
        if _place(node) not in self.places:
            return read
        slot = slot_of(f"{node.id} is set")

        def run(f):
            is_set = f.vals[slot]
            if f.watch.sees_unset and is_set is not False:  # else nobody has, and reading fails
                unset = f.mask.bits & np.logical_not(is_set)
                if unset.any():
                    f.watch.unset(f, location, node.id, unset)
            return read(f)

        return run

    def entering(self, body, slot_of):
        """The body of the function, at whose beginning nothing is set."""
        slots = [slot_of(flag) for flag in self.flags]

        def run(f):
            for slot in slots:
                f.vals[slot], f.defs[slot] = False, f.entry
            body(f)

        return run if slots else body


def _place(node):
    return node.lineno, node.col_offset, node.id
