"""The register of what a kernel may call: each intrinsic is a function of the frame and the
values."""

INTRINSICS = {}  # name, as in `cuda.name`, to what a kernel may call
MODULES = {}  # the names of numba's modules, and which of ours stands for each
HOST_FUNCTIONS = {}  # Python's and NumPy's functions, and what runs in their place


class Intrinsic:
    """A function that kernels call; on the host it only says so.

    counts          whether a call is an executed operation
    constant        the argument, its first, that must be a constant of the source
    together        `block` or `grid`: which threads must all be there, also those that do nothing
    home            the module that has it: ours, where numba's `cuda` has no such function
    statement       what runs instead of `run` where the result is not used
    """

    def __init__(
        self, name, run, counts=True, constant=None, together=None, statement=None, home="cuda"
    ):
        self.name, self.run, self.counts, self.statement = name, run, counts, statement or run
        self.constant, self.together, self.home = constant, together, home

    def __call__(self, *args, **kwargs):
        raise RuntimeError(f"{self.home}.{self.name} works inside a kernel only, not on the host.")

    def __repr__(self):
        return f"<{self.home}.{self.name}>"


class Special:
    """A value that is different in every thread, such as `threadIdx.x`: `read(f)` gives it."""

    def __init__(self, read):
        self.read = read


def intrinsic(function=None, name=None, **options):
    """Register `name(f, *values)` as `cuda.name`; `f.mask` holds the active lanes, `f.location` the
    line."""
    if function is None:
        return lambda function: intrinsic(function, name, **options)
    name = name or function.__name__
    INTRINSICS[name] = Intrinsic(name, function, **options)
    return INTRINSICS[name]


def replaces(*host_functions, counts=True):
    """Register `run(f, *values)` in place of functions of Python or NumPy."""

    def register(run):
        for host in host_functions:
            HOST_FUNCTIONS[host] = Intrinsic(getattr(host, "__name__", "call"), run, counts=counts)
        return run

    return register
