"""A kernel run thread by thread in plain Python, under any schedule: it knows nothing of the
executor.

A kernel becomes a generator that yields a request before every access, barrier and shuffle, and the
schedule decides whose request is served next, also within a warp. A store to global memory may stay
hidden from other blocks until a fence publishes it. Whatever goes wrong raises Misbehaviour.
"""

import ast
import collections
import copy
import heapq
import itertools
import math
import random

import numpy as np

from labkit.simt import cuda
from labkit.simt.lanes.dtypes import TYPES, as_dtype

WARP_LANES = 32
ALL = 0xFFFFFFFF
MATRICES = "mma_sync"
FOREVER = 1 << 40
PLAIN_CALLS = {"abs", "bool", "float", "int", "len", "max", "min", "range", "round"}


class Misbehaviour(Exception):  # noqa: N818 (what it is called everywhere)
    """What no correct kernel does under any schedule: `kind` says which."""

    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


# From a syntax tree to a generator


class Requests(ast.NodeTransformer):
    """Accesses and intrinsics become `(yield request)`; `cuda` becomes the thread `_`."""

    def __init__(self, generators, draws):
        self.generators, self.draws, self.sites = generators, draws, itertools.count()

    def visit_FunctionDef(self, node):
        node.decorator_list = []
        node.args.args.insert(0, ast.arg("_"))
        node.body = [*self._block(node.body), *ast.parse("if False: yield").body]
        return node

    def _block(self, nodes):
        done = []
        for node in nodes:
            new = self.visit(node)
            done += new if isinstance(new, list) else [new]
        return done

    def visit_Name(self, node):
        return ast.Name("_", node.ctx) if node.id == "cuda" else node

    def visit_Subscript(self, node):
        return _yielded("load", self.visit(node.value), self.visit(node.slice))

    def visit_Assign(self, node):
        value, (target, *others) = self.visit(node.value), node.targets
        if not isinstance(target, ast.Subscript):
            return ast.Assign(node.targets, value)
        assert not others, "a chain of stores"
        return self._store(target, value)

    def _store(self, target, value):
        place = self.visit(target.value), self.visit(target.slice)
        return ast.Expr(_yielded("store", *place, value))

    def visit_AugAssign(self, node):
        if not isinstance(node.target, ast.Subscript):
            return ast.AugAssign(node.target, node.op, self.visit(node.value))
        name = f"_{next(self.sites)}"
        index = ast.Assign([ast.Name(name, ast.Store())], self.visit(node.target.slice))
        place = ast.Subscript(node.target.value, ast.Name(name, ast.Load()), ast.Load())
        value = ast.BinOp(self.visit(copy.deepcopy(place)), node.op, self.visit(node.value))
        return [index, self._store(place, value)]

    def visit_Return(self, node):
        self.generic_visit(node)
        return ast.Return(node.value or ast.Constant(True))  # not the end, which returns None

    def visit_Call(self, node):
        name, args = ast.unparse(node.func), [self.visit(arg) for arg in node.args]
        site = ast.Constant(next(self.sites))
        head, _, member = name.partition(".")
        if name in self.generators:
            return ast.YieldFrom(ast.Call(node.func, [ast.Name("_", ast.Load()), *args], []))
        if name in self.draws:
            return _yielded("draw", *args)
        if name == MATRICES:
            return _yielded("warp", ast.Constant(MATRICES), site, ast.Constant(ALL), *args)
        if name.endswith(".sync") and head != "cuda":
            return _yielded("barrier", ast.Constant("grid"), site)
        if head != "cuda":
            return ast.Call(self.visit(node.func), args, [])
        if member == "syncthreads":
            return _yielded("barrier", ast.Constant("block"), site)
        if member.startswith("threadfence"):
            return _yielded("fence", ast.Constant(member))
        if member == "syncwarp" or "shfl" in member:
            return _yielded("warp", ast.Constant(member), site, *args)
        if member.startswith("atomic."):
            return _yielded("atomic", ast.Constant(member[7:]), *args)
        if member in ("shared.array", "local.array"):
            args = [site, *args]
        if member in TYPES:
            name, args = "_.cast", [ast.Constant(member), *args]
        name = name.replace("cuda.", "_.").replace(".array", "_array")
        return ast.Call(ast.parse(name, mode="eval").body, args, [])


def _yielded(kind, *parts):
    return ast.Yield(ast.Tuple([ast.Constant(kind), *parts], ast.Load()))


def generator(trees, scope, kernel):
    """The generator function of the function named `kernel` among syntax trees of functions."""
    draws = {name for name, value in scope.items() if _is_draw(value)}
    requests = Requests({tree.name for tree in trees}, draws)
    body = [requests.visit(copy.deepcopy(tree)) for tree in trees]
    module = ast.fix_missing_locations(ast.Module(body, []))
    space = {name: getattr(value, "py_func", value) for name, value in scope.items()}
    exec(compile(module, f"<threads of {kernel}>", "exec"), space)
    return space[kernel]


def _is_draw(value):
    return getattr(value, "__module__", None) == "labkit.simt.language.random"


# Memory


class Memory:
    """An array as a flat list; `written` says which elements hold no rubbish."""

    def __init__(self, space, shape, dtype, values=None):
        self.space, self.shape = space, tuple(shape) if isinstance(shape, tuple) else (shape,)
        self.size, self.ndim, self.dtype = math.prod(self.shape), len(self.shape), np.dtype(dtype)
        self.values = [None] * self.size if values is None else values
        self.quiet = space == "local"  # no schedule can matter to it
        exact = self.dtype.kind == "V" or self.dtype.str in ("<f8", "<i8")
        self.convert = (lambda v: v) if exact else lambda v: self.dtype.type(v).item()

    def place(self, index):
        index = index if type(index) is tuple else (index,)
        assert len(index) == self.ndim, "views are not modelled"
        where = 0
        for i, n in zip(index, self.shape, strict=True):
            if not -n <= i < n:
                raise Misbehaviour("out-of-bounds")
            where = where * n + i % n
        return where


class Thread:
    """`cuda` as one thread sees it, and where that thread stands."""

    def __init__(self, world, number, block, warp, index, block_index):
        self.world, self.number, self.block, self.warp = world, number, block, warp
        self.threadIdx, self.blockIdx = index, block_index
        self.blockDim, self.gridDim = world.block_dim, world.grid_dim
        self.local, self.request, self.rank = {}, None, None

    def grid(self, n):
        axes = zip(self.blockIdx, self.blockDim, self.threadIdx, strict=True)
        found = tuple(int(b * n + t) for b, n, t in axes)
        return found[0] if n == 1 else found[:n]

    def gridsize(self, n):
        found = tuple(a * b for a, b in zip(self.gridDim, self.blockDim, strict=True))
        return found[0] if n == 1 else found[:n]

    def shared_array(self, site, shape, dtype):
        known = self.world.shared
        if (self.block, site) not in known:
            known[self.block, site] = Memory("shared", shape, as_dtype(dtype))
        return known[self.block, site]

    def local_array(self, site, shape, dtype):
        return self.local.setdefault(site, Memory("local", shape, as_dtype(dtype)))

    def cast(self, name, value):
        return as_dtype(getattr(cuda, name)).type(value).item()

    @property
    def cg(self):
        return self

    def this_grid(self):
        return self

    def __getattr__(self, name):
        return getattr(cuda, name)


def _conflict(a, b):
    (one, block_epoch, warp_epoch, kind, value), (other, *epochs, other_kind, other_value) = a, b
    if one is other or (kind == other_kind and (kind != "store" or value == other_value)):
        return False
    if one.block != other.block:
        return True
    return block_epoch == epochs[0] and (one.warp != other.warp or warp_epoch == epochs[1])


class Axes(tuple):
    x, y, z = (property(lambda self, axis=axis: self[axis]) for axis in range(3))


def _axes(number, shape):
    return Axes((number % shape[0], number // shape[0] % shape[1], number // shape[0] // shape[1]))


ATOMICS = {
    "add": lambda old, v: old + v,
    "sub": lambda old, v: old - v,
    "max": max,
    "min": min,
    "exch": lambda old, v: v,
    "cas": lambda old, expected, v: v if old == expected else old,
}
SHUFFLES = {
    "shfl_down_sync": lambda lane, by: lane + by,
    "shfl_up_sync": lambda lane, by: lane - by,
    "shfl_xor_sync": lambda lane, by: lane ^ by,
    "shfl_sync": lambda lane, by: by % WARP_LANES,
}


def multiplied(by_lane):
    """What each lane holds of A B + C, from what it brings: (its mask, a, b, c), halves in a, b."""
    if len(by_lane) < WARP_LANES:
        raise Misbehaviour("divergent-warp")
    matrices = {}
    for lane, (_, *held) in by_lane.items():
        group, pair = lane // 4, lane % 4 * 2
        for name, values in zip("abc", held, strict=True):
            for i, value in enumerate(values):
                down, right = 8 * (i // 2 % 2), 8 * (i // 4)
                at = group + down, pair + i % 2 + right
                at = (pair + i % 2 + down, group) if name == "b" else at
                matrices[name, *at] = float(value)
    depth = 2 * len(by_lane[0][1])
    found = {}
    for lane in by_lane:
        places = [(lane // 4 + 8 * (i // 2), lane % 4 * 2 + i % 2) for i in range(4)]
        found[lane] = tuple(
            float(np.float32(math.fsum(
                [matrices["a", m, k] * matrices["b", k, n] for k in range(depth)]
                + [matrices["c", m, n]]
            )))
            for m, n in places
        )  # fmt: skip
    return found


class World:
    """A launch while its threads run, one request at a time."""

    def __init__(self, kernel, grid, block, args, schedule, written=None, limit=FOREVER, log=False):
        self.grid_dim, self.block_dim = Axes(grid), Axes(block)
        self.schedule, self.shared, self.left = schedule, {}, limit
        self.partial = False  # whether a warp's intrinsic named fewer than all of its lanes
        self.hidden = {}  # block -> {(array, element): (value, thread, epoch of the block)}
        self.arrays, self.written, self.log = [], set(), {} if log else None
        memory = {}
        for arg in args:
            if isinstance(arg, np.ndarray) and id(arg) not in memory:
                values = [0] * arg.size if arg.dtype.kind == "V" else arg.ravel().tolist()
                memory[id(arg)] = one = Memory("global", arg.shape, arg.dtype, values)
                one.quiet = written is not None and len(self.arrays) not in written
                self.arrays.append(one)
        args = [memory.get(id(arg), arg) for arg in args]
        n_threads, n_blocks = math.prod(block), math.prod(grid)
        self.queue, self.waiting, self.live = [], {}, {}
        self.fallen, self.epoch = set(), collections.Counter()
        for b, t in itertools.product(range(n_blocks), range(n_threads)):
            where = _axes(t, block), _axes(b, grid)
            thread = Thread(self, b * n_threads + t, b, (b, t // WARP_LANES), *where)
            thread.lane = thread.laneid = t % WARP_LANES
            thread.run = kernel(thread, *args)
            for group in ("grid", b, thread.warp):
                self.live.setdefault(group, set()).add(thread)
            self.push(thread, None)

    def results(self):
        """Run all threads -> the values of the global arrays."""
        while self.queue:
            thread = heapq.heappop(self.queue)[2]
            self.go_on(thread, self.schedule.quantum())
        if any(self.waiting.values()):
            raise Misbehaviour("divergent-barrier")
        for block in list(self.hidden):
            self.publish(block, lambda thread, epoch: True)
        return [array.values for array in self.arrays]

    def push(self, thread, answer):
        thread.answer, thread.rank = answer, self.schedule.rank(thread)
        heapq.heappush(self.queue, (thread.rank, thread.number, thread))

    def go_on(self, thread, steps):
        """Serve a thread's requests until its steps are used up, it waits or it ends."""
        request, answer = thread.request, thread.answer
        while True:
            if request is not None:
                answer = self.serve(thread, request)
            try:
                request = thread.run.send(answer)
            except StopIteration as end:
                return self.finish(thread, end.value is True)
            if request[0] in ("barrier", "warp"):
                thread.request = None
                return self.arrive(thread, request)
            if request[0] in ("load", "store") and getattr(request[1], "quiet", True):
                continue
            steps -= 1
            self.left -= 1
            if self.left < 0:
                raise Misbehaviour("livelock")
            if steps <= 0:
                thread.request = request
                return self.push(thread, None)

    def finish(self, thread, returned):
        for group in ("grid", thread.block, thread.warp):
            self.live[group].discard(thread)
            if not returned and group != thread.warp:
                self.fallen.add(group)
            if self.waiting.get(group):
                self.meet(group)

    # What a request does

    def serve(self, thread, request):
        kind, *rest = request
        if kind == "fence":
            if rest == ["threadfence"]:
                now = self.epoch[thread.block]
                self.publish(thread.block, lambda other, epoch: other is thread or epoch < now)
            return None
        if kind == "draw":
            self.load(thread, *rest)
            return self.store(thread, *rest, 0) or 0.5
        if self.log is not None:
            self.note(thread, *request)
        if kind == "atomic":
            return self.atomic(thread, *rest)
        return self.load(thread, *rest) if kind == "load" else self.store(thread, *rest)

    def note(self, thread, kind, *rest):
        """Who touched what between which barriers."""
        array, index = rest[1:3] if kind == "atomic" else rest[:2]
        if type(array) is Memory and array.space != "local":
            seen = thread, self.epoch[thread.block], self.epoch[thread.warp], kind, rest[-1]
            self.log.setdefault((array, array.place(index)), {})[seen] = None

    def conflict(self):
        """Did two threads touch an element, not both to read or atomically, with nothing between?

        Stores of one value are none.
        """
        return any(
            _conflict(a, b)
            for seen in self.log.values()
            for a, b in itertools.combinations(seen, 2)
        )

    def load(self, thread, array, index):
        if type(array) is not Memory:
            return array[index]
        where = array.place(index)
        value = array.values[where]
        if self.hidden:
            value = self.hidden.get(thread.block, {}).get((array, where), (value,))[0]
        if value is None:
            raise Misbehaviour("uninitialised")
        return value

    def store(self, thread, array, index, value):
        where, value = array.place(index), array.convert(value)
        if array.space == "global":
            self.written.add(self.arrays.index(array))
            if self.schedule.weak:
                seen = value, thread, self.epoch[thread.block]
                self.hidden.setdefault(thread.block, {})[array, where] = seen
                return
        array.values[where] = value

    def atomic(self, thread, name, array, index, *values):
        where = array.place(index)
        mine = self.hidden.get(thread.block, {}).pop((array, where), None)
        if mine is not None:
            array.values[where] = mine[0]
        old = array.values[where]
        if old is None:
            raise Misbehaviour("uninitialised")
        if array.space == "global":
            self.written.add(self.arrays.index(array))
        array.values[where] = array.convert(ATOMICS[name](old, *values))
        return old

    def publish(self, block, which):
        kept = {}
        for (array, where), (value, thread, epoch) in self.hidden.get(block, {}).items():
            if which(thread, epoch):
                array.values[where] = value
            else:
                kept[array, where] = (value, thread, epoch)
        self.hidden[block] = kept

    # Where threads meet

    def arrive(self, thread, request):
        kind, what, site, *args = request
        group = thread.warp if kind == "warp" else thread.block if what == "block" else "grid"
        if group in self.fallen:
            raise Misbehaviour("divergent-barrier")
        self.partial |= kind == "warp" and bool(args) and args[0] != ALL
        self.waiting.setdefault(group, {})[thread] = (what, site, args)
        self.meet(group)

    def meet(self, group):
        here = self.waiting[group]
        if len(here) < len(self.live[group]) and not self.partial:
            return
        if group in self.fallen or len({(what, site) for what, site, _ in here.values()}) > 1:
            raise Misbehaviour("divergent-barrier")
        if set(here) != self.named(group, here):
            return
        self.waiting[group] = {}
        whats = {what for what, *_ in here.values()}
        self.epoch.update(
            [] if whats & {*SHUFFLES, MATRICES} else [*self.live] if group == "grid" else [group]
        )
        if group == "grid":
            for block in list(self.hidden):
                self.publish(block, lambda thread, epoch: True)
        by_lane = {thread.lane: args for thread, (_, _, args) in here.items()}
        products = multiplied(by_lane) if MATRICES in whats else {}
        for thread, (what, _, args) in here.items():
            answer = products.get(thread.lane)
            if what in SHUFFLES:
                source = SHUFFLES[what](thread.lane, args[2])
                answer = by_lane.get(source, args)[1]
            self.push(thread, answer)

    def named(self, group, here):
        """The threads that must be here: all live ones, of a warp those that the masks name."""
        if not self.partial or not isinstance(group, tuple):
            return self.live[group]
        masks = [args[0] if args else ALL for _, _, args in here.values()]
        return {one for one in self.live[group] if any(mask >> one.lane & 1 for mask in masks)}


# Schedules


class Schedule:
    """Who comes next: the thread of lowest rank, for so many steps."""

    def __init__(self, rank, quantum, weak=False, seed=0):
        self.random, self.count, self.weak = random.Random(seed), itertools.count(), weak
        self._rank, self._quantum, self.priority = rank, quantum, {}

    def rank(self, thread):
        return self._rank(self, thread)

    def quantum(self):
        return self._quantum(self)


def _own_priority(schedule, thread):
    return schedule.priority.setdefault(thread.number, schedule.random.random())


def _until_it_waits(schedule):
    return FOREVER


def _one_step(schedule):
    return 1


def _some_steps(schedule):
    return schedule.random.choice((1, 2, 3, 5, 8, 20))


def _warps_change_places(schedule, thread):
    """A warp goes on until, now and then, it is thrown back or brought forward."""
    if thread.warp not in schedule.priority or schedule.random.random() < 0.05:
        schedule.priority[thread.warp] = schedule.random.random()
    return schedule.priority[thread.warp], schedule.random.random()


def _is_store(thread):
    return thread.request is not None and thread.request[0] == "store"


RANKS = {
    "ascending": lambda schedule, thread: thread.number,
    "descending": lambda schedule, thread: -thread.number,
    "by priority": _own_priority,
    "in turn": lambda schedule, thread: next(schedule.count),
    "warp by warp": lambda schedule, thread: (thread.warp, next(schedule.count)),
    "last warp first": lambda schedule, thread: (
        -thread.warp[0], -thread.warp[1], next(schedule.count)),
    "warps change places": _warps_change_places,
    "stores late": lambda schedule, thread: (_is_store(thread), schedule.random.random()),
    "any": lambda schedule, thread: schedule.random.random(),
}  # fmt: skip


def schedules(n_random):
    """The adversarial schedules, and then `n_random` of each random kind."""
    for name in ("ascending", "descending"):
        yield Schedule(RANKS[name], _until_it_waits)
    for name in ("in turn", "last warp first", "warp by warp"):
        yield Schedule(RANKS[name], _one_step)
    yield Schedule(RANKS["descending"], _until_it_waits, weak=True)
    for seed in range(n_random):
        for weak in (False, True):
            yield Schedule(RANKS["by priority"], _until_it_waits, weak, seed)
            yield Schedule(RANKS["any"], _one_step, weak, seed)
            yield Schedule(RANKS["stores late"], _one_step, weak, seed)
            yield Schedule(RANKS["any"], _some_steps, weak, seed)
            yield Schedule(RANKS["warps change places"], _some_steps, weak, seed)
