"""`install()`: put the executor behind numba's simulator, for notebooks and libraries as they
are."""

import collections
import inspect
import linecache
import types

import numpy as np

from labkit.simt.compiler import statements
from labkit.simt.device import current_device
from labkit.simt.kernel import Kernel, Launch
from labkit.simt.lanes.dtypes import parse_signatures
from labkit.simt.language import random

COOPERATIVE_BLOCKS = 1024  # that a grid with grid.sync() may have; the executor itself has no limit


def install() -> None:
    """Make kernels of `numba.cuda` run on the executor, `@vectorize(target="cuda")` and
    `@guvectorize` among them. Needs NUMBA_ENABLE_CUDASIM=1 in the environment before numba is
    imported; numba's own simulated device arrays stay.

    Raises RuntimeError where the simulator is not on.
    """
    from numba import cuda

    if "simulator" not in cuda.jit.__module__:
        raise RuntimeError(
            "Set NUMBA_ENABLE_CUDASIM=1 before numba is imported, then call install()."
        )
    from numba.cuda import deviceufunc
    from numba.cuda import random as theirs
    from numba.cuda.simulator.cudadrv import devices
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
    from numba.cuda.simulator.kernel import FakeCUDAKernel

    simulated_call, simulated_jit = FakeCUDAKernel.__call__, cuda.jit
    known_options = inspect.signature(simulated_jit).parameters

    def call(kernel, *args):
        if kernel.grid_dim is None or 0 in kernel.grid_dim:  # numba's own words, or nothing to do
            return simulated_call(kernel, *args)
        return _run(kernel, args)

    def jit(signature=None, *args, **options):
        """numba's decorator, which on the simulator forgets the signature."""
        options = {name: value for name, value in options.items() if name in known_options}
        made = simulated_jit(signature, *args, **options)
        if isinstance(made, FakeCUDAKernel):
            return made

        def decorate(function):
            kernel = made(function)
            kernel.signature = signature
            return kernel

        return decorate

    FakeCUDAKernel.__call__, cuda.jit = call, jit
    FakeCUDAKernel.overloads, FakeCUDAKernel.signature = property(_overloads), None
    # The simulator prepares random states in slow Python.
    theirs.init_xoroshiro128p_states_cpu = random.init_xoroshiro128p_states
    # Libraries size their blocks by the limits of the device, which the simulator's does not tell.
    devices.FakeCUDADevice.__getattr__ = lambda device, name: getattr(current_device(), name)
    cuda.get_current_device = lambda: devices.get_context().device
    statements.plain_functions_too = True
    deviceufunc.exec = _exec
    _share_arrays(cuda, FakeCUDAArray)


def _exec(source, *spaces):
    """exec() for numba's ufuncs, which keeps the text of their kernels where inspect finds it."""
    name = f"<ufunc {len(linecache.cache)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    exec(compile(source, name, "exec"), *spaces)


def _share_arrays(cuda, fake_array):
    """Arrays by their pointers, which here point into the memory of the host: what numba's ufuncs
    and other libraries take device arrays apart with."""

    def as_cuda_array(found, sync=True):
        shared = types.SimpleNamespace(
            __array_interface__=found.__cuda_array_interface__, owner=found
        )
        return fake_array(np.asarray(shared))

    def strided(shape, strides, dtype, stream=0, gpu_data=None):
        if gpu_data is None:
            return cuda.device_array(shape, dtype, strides)
        shape = shape if isinstance(shape, tuple) else (shape,)
        return fake_array(np.lib.stride_tricks.as_strided(gpu_data, shape, strides))

    fake_array.gpu_data = property(lambda array: array._ary)
    fake_array.__cuda_array_interface__ = property(lambda array: array._ary.__array_interface__)
    cuda.is_cuda_array = lambda found: hasattr(found, "__cuda_array_interface__")
    cuda.as_cuda_array, cuda.cudadrv.devicearray.DeviceNDArray = as_cuda_array, strided


def _overloads(kernel):
    """What numba asks of a compiled kernel, the same for all types of arguments."""
    compiled = types.SimpleNamespace(
        signature=kernel.signature,
        max_cooperative_grid_blocks=lambda block: COOPERATIVE_BLOCKS,
    )
    return collections.defaultdict(lambda: compiled)


def _run(kernel, args):
    """What a simulated kernel does when it is called, in place of numba's threads."""
    from numba import cuda
    from numba.cuda.simulator.kernel import ArgHint

    write_back = []

    def value_of(arg):
        for extension in kernel.extensions:
            _, arg = extension.prepare_args(None, arg, stream=0, retr=write_back)
        if isinstance(arg, ArgHint):
            arg = arg.to_device(write_back)
        if cuda.is_cuda_array(arg) and not hasattr(arg, "_ary"):
            arg = cuda.as_cuda_array(arg)
        return getattr(arg, "_ary", arg)

    values = [value_of(arg) for arg in args]
    signatures = parse_signatures(kernel.signature) if kernel.signature else ()
    ours = Kernel(kernel.fn, kernel._device, signatures)
    Launch(ours, kernel.grid_dim, kernel.block_dim, 0, kernel.dynshared_size)(*values)
    for finish in write_back:
        finish()
