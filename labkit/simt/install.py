"""`install()`: put the executor behind numba's simulator, for notebooks and libraries as they
are."""

from labkit.simt import names, random
from labkit.simt.dtypes import parse_signatures
from labkit.simt.errors import KernelError
from labkit.simt.kernel import Kernel, Launch

COOPERATIVE_BLOCKS = 1024  # that a grid with grid.sync() may have; the executor itself has no limit


def install():
    """Make kernels of `numba.cuda` run on the executor. Needs NUMBA_ENABLE_CUDASIM=1 in the
    environment before numba is imported; numba's own simulated device arrays stay.

    Raises RuntimeError where the simulator is not on.
    """
    from numba import cuda
    from numba.cuda import random as theirs

    if "simulator" not in cuda.jit.__module__:
        raise RuntimeError(
            "Set NUMBA_ENABLE_CUDASIM=1 before numba is imported, then call install()."
        )
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
    from numba.cuda.simulator.kernel import ArgHint, FakeCUDAKernel, FakeOverload

    simulated_call = FakeCUDAKernel.__call__
    simulated_jit = cuda.jit

    def call(kernel, *args):
        if kernel.grid_dim is None or 0 in kernel.grid_dim:  # numba's own words, or nothing to do
            return simulated_call(kernel, *args)
        return _run(kernel, args, ArgHint, FakeCUDAArray)

    def jit(signature=None, *args, **options):
        """numba's decorator, which on the simulator forgets the signature."""
        made = simulated_jit(signature, *args, **options)
        if isinstance(made, FakeCUDAKernel):
            return made

        def decorate(function):
            kernel = made(function)
            kernel.signature = signature
            return kernel

        return decorate

    # The simulator runs one cooperative block and prepares random states in slow Python.
    FakeOverload.max_cooperative_grid_blocks = lambda overload, block: COOPERATIVE_BLOCKS
    theirs.init_xoroshiro128p_states_cpu = random.init_xoroshiro128p_states
    names.plain_functions_too = True
    FakeCUDAKernel.__call__ = call
    cuda.jit = jit


def _run(kernel, args, hint, fake_array):
    """What a simulated kernel does when it is called, in place of numba's threads."""
    write_back = []

    def value_of(arg):
        for extension in kernel.extensions:
            _, arg = extension.prepare_args(None, arg, stream=0, retr=write_back)
        if isinstance(arg, hint):
            arg = arg.to_device(write_back)
        return arg._ary if isinstance(arg, fake_array) else arg

    values = [value_of(arg) for arg in args]
    declared = getattr(kernel, "signature", None)
    ours = Kernel(kernel.fn, signatures=parse_signatures(declared) if declared else ())
    launch = Launch(ours, kernel.grid_dim, kernel.block_dim, 0, kernel.dynshared_size)
    try:
        launch(*values)
    except KernelError as error:  # in the simulator's words, too
        if error.block is not None:
            place = f"tid={_triple(error.thread)} ctaid={_triple(error.block)}"
            error.args = (f"{place}: {error.sentence.rpartition(', by thread')[0]} ({error})",)
        raise
    for finish in write_back:
        finish()


def _triple(index):
    parts = index if isinstance(index, tuple) else (index,)
    return [*parts, *[0] * (3 - len(parts))]
