"""Exercise 08.4: the largest tile."""

from labkit.teach.registry import always, exercise, solution
from labkit.units import counted

_largest_tile = solution("08.4")


def _by_memory_alone(itemsize, elements_a_thread, shared_bytes, n_blocks):
    return _largest_tile(itemsize, 10**9, shared_bytes, n_blocks)


def _by_threads_alone(itemsize, elements_a_thread, shared_bytes, n_blocks):
    return _largest_tile(itemsize, elements_a_thread, 10**18, n_blocks)


def _of_one_tile(itemsize, elements_a_thread, shared_bytes, n_blocks):
    return _largest_tile(itemsize, elements_a_thread, 2 * shared_bytes, n_blocks)


def _of_one_block(itemsize, elements_a_thread, shared_bytes, n_blocks):
    return _largest_tile(itemsize, elements_a_thread, shared_bytes, 1)


@exercise(
    "08.4",
    title="the largest tile",
    wrong=[
        (always(32), "expected"),
        (_by_memory_alone, "1024 threads"),
        (_by_threads_alone, "shared memory"),
        (_of_one_tile, "shared memory"),
        (_of_one_block, "shared memory"),
        (lambda size, each, *others: _largest_tile(size, 2 * each, *others), "1024 threads"),
        (lambda *args: 2 * _largest_tile(*args), "too"),
        (lambda *args: _largest_tile(*args) // 2, "would fit"),
        (lambda *args: _largest_tile(*args) + 1, "a power of two"),
        (lambda size, each, shared, n: _largest_tile(size, each, shared - 1, n), "would fit"),
        (lambda *args: max(8, _largest_tile(*args)), "shared memory"),
        (lambda size, *others: _largest_tile(max(2, size), *others), "would fit"),
    ],
)
def largest_tile(answer, rng):
    kib, cases = 1024, [
        (4, 4, 228, 1), (4, 64, 100, 1), (1, 1024, 228, 1),  # each limit binds
        (2, 2, 228, 1),  # twice its threads would be a whole step more
        (4, 1024, 128, 1), (8, 16, 1, 4),  # one that fills it to the last byte, and a small one
    ]  # fmt: skip
    for _ in range(20):
        limits = (
            rng.choice((1, 2, 3, 8, 16, 1024)),
            rng.choice((9, 100, 164, 228)),
            rng.randint(1, 4),
        )
        cases.append((rng.choice((1, 2, 4, 8)), *limits))
    for itemsize, elements, shared_kib, n_blocks in cases:
        shared_bytes = shared_kib * kib
        got = answer(itemsize, elements, shared_bytes, n_blocks)
        right = _largest_tile(itemsize, elements, shared_bytes, n_blocks)
        case = (
            f"{itemsize} bytes a number, {counted(elements, 'element')} a thread, {shared_kib} KiB "
            f"for {counted(n_blocks, 'block')}: got {got}, expected {right}"
        )
        assert got in [2**exponent for exponent in range(31)], f"{case}. Answer a power of two"
        assert got**2 <= 1024 * elements, (
            f"{case}. A block has at most 1024 threads, and {got**2 // elements} is too many"
        )
        assert n_blocks * 2 * got**2 * itemsize <= shared_bytes, (
            f"{case}. Two tiles for each block are too much for the shared memory"
        )
        assert got == right, f"{case}. A larger one would fit"
