"""`cuda.random`: numba's generator, xoroshiro128+, with the same states and the same numbers.

David Blackman and Sebastiano Vigna, http://xoroshiro.di.unimi.it; states begin with splitmix64 and
lie 2**64 draws apart.
"""

import math

import numpy as np

from labkit.simt.host import DeviceArray
from labkit.simt.kernel import jit
from labkit.simt.lanes.dtypes import TYPES

uint64, uint32, float32, float64 = (TYPES[n] for n in ("uint64", "uint32", "float32", "float64"))

xoroshiro128p_dtype = np.dtype([("s0", np.uint64), ("s1", np.uint64)], align=True)
_JUMP = (0xBEAC0467EBA5FACB, 0xD86B048B86AA9922)
TWO_PI = np.float32(2 * math.pi)


@jit(device=True)
def _rotate_left(x, k):
    return (x << k) | (x >> (uint64(64) - k))


@jit(device=True)
def xoroshiro128p_next(states, index):
    """The next random uint64 of a state, which moves on."""
    s0 = states[index]["s0"]
    s1 = states[index]["s1"]
    result = s0 + s1
    s1 ^= s0
    states[index]["s0"] = _rotate_left(s0, uint64(55)) ^ s1 ^ (s1 << uint64(14))
    states[index]["s1"] = _rotate_left(s1, uint64(36))
    return result


@jit(device=True)
def xoroshiro128p_uniform_float32(states, index):
    """A float32 in [0, 1)."""
    return float32(xoroshiro128p_uniform_float64(states, index))


@jit(device=True)
def xoroshiro128p_uniform_float64(states, index):
    """A float64 in [0, 1)."""
    return float64(xoroshiro128p_next(states, index) >> uint32(11)) * (1.0 / 9007199254740992)


@jit(device=True)
def xoroshiro128p_normal_float32(states, index):
    """A float32 of mean 0 and standard deviation 1 (Box and Muller)."""
    u1 = xoroshiro128p_uniform_float32(states, index)
    u2 = xoroshiro128p_uniform_float32(states, index)
    return math.sqrt(float32(-2.0) * math.log(u1)) * math.cos(TWO_PI * u2)


@jit(device=True)
def xoroshiro128p_normal_float64(states, index):
    """A float64 of mean 0 and standard deviation 1 (Box and Muller)."""
    u1 = xoroshiro128p_uniform_float64(states, index)
    u2 = xoroshiro128p_uniform_float64(states, index)
    return math.sqrt(-2.0 * math.log(u1)) * math.cos(2 * math.pi * u2)


def create_xoroshiro128p_states(n, seed, subsequence_start=0, stream=0):
    """A device array of n states for n threads, seeded; equal to numba's for the same seed."""
    states = np.empty(n, xoroshiro128p_dtype)
    init_xoroshiro128p_states(states, seed, subsequence_start)
    return DeviceArray(states)


def init_xoroshiro128p_states(states, seed, subsequence_start=0, stream=0):
    """The same, into an existing array."""
    states = getattr(states, "host", states)
    if not len(states):
        return
    first = _splitmix64(seed)
    found = np.array([[first, first]], np.uint64)
    step, skip = _jump_matrix(), subsequence_start
    while skip:
        found = _apply(step, found) if skip & 1 else found
        step, skip = _apply(step, step), skip >> 1
    step = _jump_matrix()
    while len(found) < len(states):  # twice as many each time, by jumps twice as far
        found = np.concatenate([found, _apply(step, found)])
        step = _apply(step, step)
    states["s0"], states["s1"] = found[: len(states)].T


def _splitmix64(seed):
    z = (seed + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def _step(s0, s1):
    """One draw of the generator: linear over bits, so it can be jumped."""
    s1 = s1 ^ s0

    def rotate(x, k):
        return (x << np.uint64(k)) | (x >> np.uint64(64 - k))

    return rotate(s0, 55) ^ s1 ^ (s1 << np.uint64(14)), rotate(s1, 36)


def _jump_matrix():
    """What 2**64 draws make of each of the 128 bits of a state: a matrix as 128 states."""
    bits = np.uint64(1) << np.arange(64, dtype=np.uint64)
    none = np.zeros(64, np.uint64)
    s0, s1 = np.concatenate([bits, none]), np.concatenate([none, bits])
    t0, t1 = np.zeros_like(s0), np.zeros_like(s1)
    for word in _JUMP:
        for bit in range(64):
            if word >> bit & 1:
                t0, t1 = t0 ^ s0, t1 ^ s1
            s0, s1 = _step(s0, s1)
    return np.stack([t0, t1], axis=1)


def _apply(matrix, states):
    """The matrix applied to states: of each of their 16 bytes, the sum of the rows of its bits,
    looked up in a table of the 256 sums."""
    tables = np.zeros((16, 1, 2), np.uint64)
    for rows in np.moveaxis(matrix.reshape(16, 8, 2), 1, 0):
        tables = np.concatenate([tables, tables ^ rows[:, None]], axis=1)
    octets = np.ascontiguousarray(states).view(np.uint8)
    result = np.zeros_like(states)
    for table, octet in zip(tables, octets.T, strict=True):
        result ^= table[octet]
    return result
