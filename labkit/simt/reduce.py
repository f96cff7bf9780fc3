"""`cuda.reduce`: a function of two values becomes the reduction of an array by it."""

import numpy as np

from labkit.simt.kernel import Kernel, jit
from labkit.simt.language.intrinsics import grid as cuda_grid

THREADS = 128


class Reduce:
    """`Reduce(f)(array)` combines all the elements with f, which takes two values and is
    associative."""

    def __init__(self, functor):
        combine = functor if hasattr(functor, "py_func") else Kernel(functor, device=True)

        @jit
        def halve(x, n, half):
            from_here = cuda_grid(1)
            if from_here + half < n:
                x[from_here] = combine(x[from_here], x[from_here + half])

        @jit
        def finish(x, n, out):
            out[0] = combine(out[0], x[0])

        self._halve, self._finish = halve, finish

    def __call__(self, arr, size=None, res=None, init=0, stream=0):
        """Reduce a one-dimensional array, or its first `size` elements.

        res    a device array of one element that takes the result, which is then not returned
        init   what the reduction begins with
        """
        host = np.array(getattr(arr, "host", arr))
        if host.ndim != 1:
            raise TypeError(f"cuda.reduce takes a one-dimensional array, got {host.ndim} axes.")
        n = len(host) if size is None else size
        out = np.array([init]).astype(host.dtype)
        left = n
        while left > 1:
            half = -(-left // 2)
            self._halve[-(-half // THREADS), THREADS](host, left, half)
            left = half
        if n:
            self._finish[1, 1](host, n, out)
        if res is None:
            return out[0]
        res[0] = out[0]
        return None


def reduce(functor):
    """Make a reduction of a function of two values, as a decorator or a call."""
    return Reduce(functor)
