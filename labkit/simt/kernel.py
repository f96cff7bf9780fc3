"""The front end: `@cuda.jit`, `kernel[grid, block]` and what a launch does."""

import enum
import functools
import math

import numpy as np

from labkit.simt.compiler import outside
from labkit.simt.compiler.functions import frozen, may_wait
from labkit.simt.compiler.inference import numba
from labkit.simt.compiler.statements import compile_function
from labkit.simt.compiler.static import type_of_value
from labkit.simt.device import current_device
from labkit.simt.errors import KernelError, Stuck, refuse
from labkit.simt.lanes import batch as batches
from labkit.simt.lanes.arrays import GLOBAL, Allocation
from labkit.simt.lanes.batch import Batch, SharedMemory, coordinates, geometry
from labkit.simt.lanes.dtypes import Type, parse_signatures
from labkit.simt.lanes.unfilled import still
from labkit.simt.lanes.values import cast, dtype_of, literal
from labkit.simt.limits import MAX_BLOCK, MAX_GRID, MAX_THREADS_PER_BLOCK, WARP_SIZE
from labkit.simt.scheduling import INDEPENDENT, Copies, Plan, Scheduler
from labkit.simt.watch.watcher import NOBODY


def jit(function=None, device=False, **options):
    """Make a kernel, or with `device=True` a function that kernels call.

    Used bare, with a signature (`@jit("void(float32[:])")`) or with numba's options, of which
    `debug`, `fastmath`, `opt`, `cache`, `lineinfo`, `inline` and the like change nothing here.
    """
    if options.get("link"):
        raise NotImplementedError("Linking foreign code is not available without a GPU.")
    if isinstance(function, Kernel):
        return function
    if callable(function) and not isinstance(function, Type) and hasattr(function, "__code__"):
        return Kernel(function, device)
    signatures = parse_signatures(function) if function is not None else ()
    return lambda function: Kernel(function, device, signatures)


class Kernel:
    """A function for the GPU: `kernel[grid, block](*args)` runs it here, in all threads."""

    def __init__(self, function, device=False, signatures=()):
        self.py_func, self.device, self.signatures = function, device, signatures
        if signatures:  # it is compiled now, and so are the globals that it names
            frozen(function)
        functools.update_wrapper(self, function)

    def __getitem__(self, configuration):
        if not isinstance(configuration, tuple) or not 2 <= len(configuration) <= 4:
            raise ValueError(
                f"Launch {self.__name__} as {self.__name__}[blocks, threads](...), if needed with "
                f"a stream and bytes of dynamic shared memory after them."
            )
        return Launch(self, *configuration)

    def __call__(self, *args):
        if self.device:
            raise RuntimeError(f"{self.__name__} is a device function: only kernels can call it.")
        raise ValueError(f"Say how many threads: {self.__name__}[blocks, threads](...).")

    def forall(self, n, tpb=0, stream=0, sharedmem=0):
        """A launch of at least n threads in blocks of `tpb`."""
        threads = tpb or 128
        if n == 0:
            return lambda *args: None
        return Launch(self, max(1, -(-n // threads)), threads, stream, sharedmem)

    def __repr__(self):
        return f"<cuda kernel {self.__name__}>"


def dimensions(value, what, limits):
    """1 to 3 positive integers as a tuple of 3."""
    parts = tuple(value) if isinstance(value, tuple | list) else (value,)
    if not 1 <= len(parts) <= 3 or not all(isinstance(n, int | np.integer) for n in parts):
        raise TypeError(f"The {what} must be 1 to 3 integers, got {value!r}.")
    parts = tuple(int(n) for n in parts) + (1,) * (3 - len(parts))
    for n, limit in zip(parts, limits, strict=True):
        if not 0 < n <= limit:
            raise ValueError(
                f"The {what} {value!r} does not fit: each must be 1 to its limit {limits}."
            )
    return parts


class Launch:
    """A kernel with its grid and block: call it with the arguments."""

    def __init__(self, kernel, grid, block, stream=0, dynamic_shared_bytes=0):
        self.kernel = kernel
        self.grid = dimensions(grid, "grid of blocks", MAX_GRID)
        self.block = dimensions(block, "block of threads", MAX_BLOCK)
        if math.prod(self.block) > MAX_THREADS_PER_BLOCK:
            raise ValueError(
                f"A block of {math.prod(self.block)} threads is too large: a GPU takes "
                f"{MAX_THREADS_PER_BLOCK}."
            )
        self.dynamic_shared_bytes = dynamic_shared_bytes

    def __call__(self, *args):
        self.run(args)

    def run(self, args, watch=NOBODY, capability=None, plan=None, **how):
        """Run the kernel -> the Run; `watch` sees every access, branch and operation.

        capability   compute capability of the GPU, as (7, 0), by default that of the device
        plan         the groups that run apart, where they are known from another run
        how          `else_first`: of the two sides of a branch the second runs first, as it may;
                     `is_known_stuck`: another run ended in a livelock, so have little patience
        """
        if self.kernel.device:
            raise RuntimeError(
                f"{self.kernel.__name__} is a device function and cannot be launched."
            )
        values, write_backs = bind(self.kernel, args)
        code = compile_function(self.kernel.py_func, True, types_of(values))
        run = Run(self, code, watch, capability, plan)
        vars(run).update(how)
        run.all_batches(values)
        for write_back in write_backs:
            write_back()
        return run


class Run:
    """One launch while it runs.

    plan    the groups that run apart; None while all lanes run in step
    """

    else_first = is_known_stuck = False

    def __init__(self, launch, code, watch, capability, plan):
        self.device, self.plan = current_device(), plan
        self.function = launch.kernel.py_func
        self.capability = capability or self.device.compute_capability
        self.dynamic_shared_bytes = launch.dynamic_shared_bytes
        self.may_wait = may_wait(self.function)
        self.grid, self.block, self.code, self.watch = launch.grid, launch.block, code, watch
        self.n_blocks = math.prod(self.grid)
        self.memo, self.lanes_per_block = {}, geometry(self.block, 1).lanes_per_block

    def all_batches(self, values):
        if self.code.cooperative and self.n_blocks > self.resident_blocks():
            raise ValueError(
                f"A grid of {self.n_blocks} blocks of {math.prod(self.block)} threads that wait "
                f"for one another in grid.sync() is too large: {self.device} holds "
                f"{self.resident_blocks()} at a time."
            )
        copies = Copies(values, self.function) if self.may_wait else None
        try:
            self.in_step(values) if self.plan is None else self.apart_by_plan(values)
        except Stuck as stuck:
            if copies is None:
                raise
            self.apart_as_needed(values, copies, stuck)

    def begin(self, values):
        self.shared = SharedMemory(self.dynamic_shared_bytes)
        self.watch.start(self, values)

    def in_step(self, values):
        """Run all lanes of a batch in step, batch by batch."""
        per_batch = max(1, batches.BATCH_LANES // self.lanes_per_block)
        if self.code.cooperative:
            per_batch = self.n_blocks
        self.begin(values)
        with np.errstate(all="ignore"):
            for first in range(0, self.n_blocks, per_batch):
                self.one_batch(first, min(per_batch, self.n_blocks - first), values)

    def apart_as_needed(self, values, copies, stuck):
        """Begin anew, in groups that run apart, finer each time until none gets stuck."""
        self.plan = self.plan or Plan(self.lanes_per_block, self.n_blocks)
        while self.plan.refine(stuck):
            if self.plan.in_parts and self.capability < INDEPENDENT:
                raise self.plan.torn
            copies.restore()
            try:
                return self.apart_by_plan(values)
            except Stuck as error:
                stuck = error.at(self.code.name, None)
        raise stuck

    def apart_by_plan(self, values):
        self.begin(values)
        Scheduler(self, self.plan, self.resident_blocks())(values)

    def resident_blocks(self):
        """How many blocks the device holds at a time, by their threads alone."""
        return self.device.resident_blocks(self.lanes_per_block // WARP_SIZE)

    def one_batch(self, first, n_blocks, values):
        batch = Batch(self, first, n_blocks)
        self.shared.renew(n_blocks)
        self.watch.batch(batch)
        try:
            self.code.run(batch, batch.live, values, {})
        except KernelError as error:
            raise error.at(self.code.name, None) from error.__cause__

    def name_of(self, lane):
        """A lane of the grid as (thread, block): ints, or tuples where they have 2 or 3 axes."""
        block, thread = divmod(int(lane), self.lanes_per_block)
        return _named(thread, self.block), _named(block, self.grid)


def launch_of(configured):
    """A Launch from `kernel[grid, block]`, ours or one of numba's."""
    if isinstance(configured, Launch):
        return configured
    kernel = getattr(configured, "dispatcher", configured)
    grid = getattr(configured, "griddim", getattr(configured, "grid_dim", None))
    block = getattr(configured, "blockdim", getattr(configured, "block_dim", None))
    if grid is None or not hasattr(kernel, "py_func"):
        raise TypeError(
            f"Give a launch, such as kernel[blocks, threads], and then its arguments; got "
            f"{configured!r}."
        )
    shared = getattr(configured, "sharedmem", getattr(configured, "dynshared_size", 0))
    return Launch(Kernel(kernel.py_func), tuple(grid), tuple(block), 0, shared)


def _named(number, shape):
    axes = 1 + max((axis for axis in range(3) if shape[axis] > 1), default=0)
    found = coordinates(number, shape)
    return found[:axes] if axes > 1 else found[0]


def bind(kernel, args):
    """The arguments of a launch as values of the kernel -> (values, [what writes a copy back])."""
    copies, values, code = [], [], kernel.py_func.__code__
    for number, arg in enumerate(args):
        name = code.co_varnames[number] if number < code.co_argcount else f"argument {number}"
        values.append(_bind_one(arg, name, copies))
    if kernel.signatures:
        values = _declared(kernel.__name__, values, kernel.signatures)
    return values, copies


def types_of(values):
    """numba's types of the arguments of a kernel, or None where numba is not there."""
    return None if numba() is None else tuple(map(type_of_value, values))


def _declared(name, values, signatures):
    """Numbers converted to the types that the kernel declares: of its signatures, by the one that
    fits best. Raises TypeError where numba would find none."""
    fitting = [s.args for s in signatures if len(s.args) == len(values)]
    best = min(fitting, key=lambda types: sum(map(_misfit, types, values)), default=None)
    if best is None or sum(map(_misfit, best, values)) == math.inf:
        declared = " or ".join(str(s.args) for s in signatures)
        raise TypeError(
            f"No matching definition: {name}() declares {declared}, and what it got does not "
            f"convert to that: arrays must be of just that type, and a float isn't an integer."
        )
    return [
        cast(value, kind.dtype) if kind is not None and not hasattr(value, "offset") else value
        for kind, value in zip(best, values, strict=True)
    ]


_RANK = {"b": 0, "u": 0, "i": 0, "f": 1, "c": 2}


def _misfit(declared, value):
    """0 for what is declared, more for a number that converts to it, infinite for anything else."""
    if declared is None or isinstance(value, tuple):
        return 0
    found, ndim, wanted = dtype_of(value), getattr(value, "ndim", 0), declared.dtype
    rank, limit = _RANK.get(found.kind, 3), _RANK.get(wanted.kind, 3)
    if ndim or declared.ndim:  # numba takes an array of uint32 as one of int32, too
        alike = (ndim, rank, found.itemsize) == (declared.ndim, limit, wanted.itemsize)
        return 0 if alike else math.inf
    if rank > limit:
        return math.inf
    return 0 if found == wanted else 1 if np.can_cast(found, wanted) else 2


def _bind_one(arg, name, copies):
    unfilled, arg = getattr(arg, "unfilled", None), getattr(arg, "host", arg)
    if hasattr(arg, "copy_to_host"):  # an array on a real GPU, brought here and taken back
        host = arg.copy_to_host()
        copies.append(functools.partial(arg.copy_to_device, host))
        arg = host
    if isinstance(arg, np.ndarray) and arg.dtype.hasobject:
        refuse(f"{name} is an array of Python objects: a kernel takes arrays of numbers and text")
    if isinstance(arg, np.ndarray):
        allocation = Allocation(GLOBAL, name, arg.nbytes, unfilled=still(unfilled))
        array, copy = outside.host_array(np.asarray(arg), allocation)
        if copy is not None:
            if allocation.unfilled is not None:  # writing back fills it
                allocation.unfilled.fill(arg, ...)
            copies.append(functools.partial(np.copyto, arg, copy))
        return array
    if isinstance(arg, np.void):
        record = np.array(arg).reshape(())
        return outside.host_array(record, Allocation(GLOBAL, name, record.nbytes))[0]
    if isinstance(arg, tuple):
        parts = [_bind_one(part, f"{name}[{n}]", copies) for n, part in enumerate(arg)]
        return type(arg)(*parts) if hasattr(arg, "_fields") else tuple(parts)
    if isinstance(arg, bool | int | float | complex | np.generic):
        return literal(int(arg) if isinstance(arg, enum.IntEnum) else arg)
    if arg is None or isinstance(arg, enum.Enum) or hasattr(arg, "py_func"):
        return arg
    return refuse(
        f"{name} is a {type(arg).__name__}: a kernel takes NumPy arrays, device arrays, numbers "
        f"and tuples of these"
    )
