"""The cases of tools/bench_simt.py: kernels, their inputs, and what NumPy or plain Python gets."""

import numpy as np


def kernels(cuda, float32):
    """The kernels, written once for both: `cuda` is numba's module or ours."""

    @cuda.jit
    def saxpy(a, x, y, out):
        i = cuda.grid(1)
        if i < x.size:
            out[i] = a * x[i] + y[i]

    @cuda.jit
    def matmul_tiled(a, b, c):
        tile_a = cuda.shared.array((16, 16), float32)
        tile_b = cuda.shared.array((16, 16), float32)
        col, row = cuda.grid(2)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        total = float32(0.0)
        for tile in range(a.shape[1] // 16):
            tile_a[ty, tx] = a[row, tile * 16 + tx]
            tile_b[ty, tx] = b[tile * 16 + ty, col]
            cuda.syncthreads()
            for k in range(16):
                total += tile_a[ty, k] * tile_b[k, tx]
            cuda.syncthreads()
        c[row, col] = total

    @cuda.jit
    def matmul_naive(a, b, c):
        i, j = cuda.grid(2)
        if i < c.shape[0] and j < c.shape[1]:
            total = 0.0
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            c[i, j] = total

    @cuda.jit
    def reduce_sum(x, out):
        cache = cuda.shared.array(256, float32)
        tid, i = cuda.threadIdx.x, cuda.grid(1)
        if i < x.size:
            cache[tid] = x[i]
        else:
            cache[tid] = 0
        cuda.syncthreads()
        step = 128
        while step > 0:
            if tid < step:
                cache[tid] += cache[tid + step]
            cuda.syncthreads()
            step //= 2
        if tid == 0:
            out[cuda.blockIdx.x] = cache[0]

    @cuda.jit
    def histogram(x, bins):
        start, stride = cuda.grid(1), cuda.gridsize(1)
        for i in range(start, x.size, stride):
            cuda.atomic.add(bins, x[i], 1)

    @cuda.jit
    def stencil(x, out):
        cache = cuda.shared.array(262, float32)
        i, tid = cuda.grid(1), cuda.threadIdx.x
        n = x.size
        if i < n:
            cache[tid + 3] = x[i]
        if tid < 3:
            if i >= 3:
                cache[tid] = x[i - 3]
            else:
                cache[tid] = 0
            if i + 256 < n:
                cache[tid + 259] = x[i + 256]
            else:
                cache[tid + 259] = 0
        cuda.syncthreads()
        if i < n:
            total = float32(0.0)
            for k in range(7):
                if i + k - 3 < n:
                    total += cache[tid + k]
            out[i] = total

    @cuda.jit
    def mandelbrot(image, limit):
        i, j = cuda.grid(2)
        if i < image.shape[0] and j < image.shape[1]:
            c = complex(-2.0 + 3.0 * i / image.shape[0], -1.0 + 2.0 * j / image.shape[1])
            z = 0.0j
            image[i, j] = limit
            for turn in range(limit):
                z = z * z + c
                if z.real * z.real + z.imag * z.imag >= 4.0:
                    image[i, j] = turn
                    break

    @cuda.jit
    def turns(x, out, n):
        total = 0.0
        for k in range(n):
            total += x[k % x.size] * 2.0
        out[0] = total

    @cuda.jit
    def walk_tree(keys, left, right, wanted, steps):
        i = cuda.grid(1)
        if i < wanted.size:
            node, n = 0, 0
            while node >= 0:
                n += 1
                if wanted[i] < keys[node]:  # noqa: SIM108 (a divergent branch)
                    node = left[node]
                else:
                    node = right[node]
            steps[i] = n

    @cuda.jit
    def interpolate(grid, where, out):
        i = cuda.grid(1)
        if i < where.shape[0]:
            total = 0.0
            x0, y0, z0 = int(where[i, 0]), int(where[i, 1]), int(where[i, 2])
            for dx in range(2):
                for dy in range(2):
                    for dz in range(2):
                        weight = 1.0 - abs(where[i, 0] - (x0 + dx))
                        weight *= 1.0 - abs(where[i, 1] - (y0 + dy))
                        weight *= 1.0 - abs(where[i, 2] - (z0 + dz))
                        total += weight * grid[x0 + dx, y0 + dy, z0 + dz]
            out[i] = total

    return locals()


def cases(k):
    """name -> (kernel, grid, block, arguments, index of the result, expected result)."""
    rng = np.random.default_rng(1)
    found = {}
    for n in (1_000, 10_000, 100_000):
        x, y = rng.random((2, n), np.float32)
        args = (np.float32(2), x, y, np.zeros_like(x))
        found[f"saxpy {n}"] = (k["saxpy"], -(-n // 128), 128, args, 3, 2 * x + y)
    for name in ("tiled", "naive"):
        for n in (32, 64, 128):
            a, b = rng.random((2, n, n), np.float32)
            grid = (n // 16, n // 16)
            args = (a, b, np.zeros_like(a))
            found[f"{name} matmul {n}"] = (k[f"matmul_{name}"], grid, (16, 16), args, 2, a @ b)
    x = rng.random(10_000, np.float32)
    blocks = -(-x.size // 256)
    sums = np.add.reduceat(x, np.arange(0, x.size, 256))
    found["reduction 10000"] = (
        k["reduce_sum"],
        blocks,
        256,
        (x, np.zeros(blocks, np.float32)),
        1,
        sums,
    )
    for n in (10_000, 100_000):
        values = rng.integers(0, 64, n).astype(np.int32)
        args = (values, np.zeros(64, np.int32))
        found[f"histogram {n}"] = (
            k["histogram"],
            32,
            128,
            args,
            1,
            np.bincount(values, minlength=64),
        )
    padded = np.pad(x, 3)
    window = sum(padded[s : s + x.size] for s in range(7))
    found["stencil 10000"] = (k["stencil"], blocks, 256, (x, np.zeros_like(x)), 1, window)
    for n in (32, 64):
        args = (np.zeros((n, n), np.int32), 50)
        found[f"mandelbrot {n}"] = (
            k["mandelbrot"],
            (n // 16, n // 16),
            (16, 16),
            args,
            0,
            escape(n, 50),
        )
    found["one thread 100000"] = (
        k["turns"],
        1,
        1,
        (x, np.zeros(1), 100_000),
        1,
        np.resize(x, 100_000).sum(dtype=float) * 2,
    )
    keys, left, right = tree(rng, 255)
    wanted = rng.random(1024)
    args = (keys, left, right, wanted, np.zeros(1024, np.int32))
    found["tree walk 1024"] = (k["walk_tree"], 8, 128, args, 4, depths(keys, left, right, wanted))
    grid, where = np.indices((8, 8, 8)).sum(axis=0) * 1.0, rng.random((60, 3)) * 6.5
    args = (grid, where, np.zeros(60))
    found["interpolation 60"] = (k["interpolate"], 1, 64, args, 2, where.sum(axis=1))
    return found


def tree(rng, n):
    """A search tree of random keys, unbalanced as they come: keys, left and right children."""
    keys, left, right = rng.random(n), np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    for new in range(1, n):
        node = 0
        while True:
            side = left if keys[new] < keys[node] else right
            if side[node] < 0:
                side[node] = new
                break
            node = side[node]
    return keys, left, right


def depths(keys, left, right, wanted):
    """How many nodes each search meets, by plain Python."""
    found = []
    for key in wanted:
        node, n = 0, 0
        while node >= 0:
            node, n = (left if key < keys[node] else right)[node], n + 1
        found.append(n)
    return np.array(found)


def escape(n, limit):
    """The Mandelbrot picture, by NumPy."""
    i, j = np.mgrid[:n, :n]
    c, z = (-2 + 3 * i / n) + 1j * (-1 + 2 * j / n), np.zeros((n, n), complex)
    image = np.full((n, n), limit)
    for turn in range(limit):
        inside = image == limit
        z[inside] = z[inside] ** 2 + c[inside]
        image[inside & (z.real**2 + z.imag**2 >= 4)] = turn
    return image
