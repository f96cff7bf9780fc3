"""The matrix unit: exact results, exact cycles, and registers equal to those of a plain oracle."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.draw.systolic import systolic_frames
from labkit.reading import Origin
from labkit.results import published
from labkit.systolic import MatrixUnit

SIZES = st.integers(1, 11)
SHAPES = st.tuples(SIZES, SIZES, SIZES)
UNITS = st.builds(
    lambda rows, columns, stationary, double_buffered, slower: MatrixUnit(
        rows,
        columns,
        stationary,
        double_buffered,
        rows + slower if stationary == "weights" else None,
    ),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from(["weights", "outputs"]),
    st.booleans(),
    st.sampled_from([0, 0, 1, 7]),
)
COUNTED = ("n_tiles", "cycles", "slots", "busy_slots", "useful_macs",
           "input_words", "weight_words", "sum_words")  # fmt: skip


def matrices(shape, dtype=np.int8, seed=0):
    m, k, n = shape
    limits, rng = np.iinfo(dtype), np.random.default_rng(seed)
    return tuple(
        rng.integers(limits.min, limits.max, size, dtype=dtype, endpoint=True)
        for size in ((m, k), (k, n))
    )


def figures(count):
    return [getattr(count, name) for name in COUNTED]


# The oracle: each cell a handful of registers, moved by plain loops and rules that look no further
# than the neighbours. It knows no wave and no formula; a collision of two values stops it.


class Cell:
    def __init__(self):
        self.input = self.sum = self.weight = self.spare = None


def grid(unit):
    return [[Cell() for _ in range(unit.columns)] for _ in range(unit.rows)]


def tiles_of(unit, m, k, n):
    height = k if unit.stationary == "weights" else m
    return [
        (row, column) for column in range(0, n, unit.columns) for row in range(0, height, unit.rows)
    ]


def at(matrix, row, column):
    inside = row < len(matrix) and column < len(matrix[0])
    return matrix[row][column] if inside else 0


class WeightOracle:
    """Weights travel with the number of hops that they have left; an input with a flag `first`."""

    def __init__(self, unit, a, w):
        self.unit, self.a, self.w = unit, a.tolist(), w.tolist()
        self.m, (self.k, self.n) = len(a), w.shape
        self.tiles = tiles_of(unit, self.m, self.k, self.n)
        self.cells, self.cycle = grid(unit), 0
        self.result = [[0] * self.n for _ in range(self.m)]
        self.collected = [0] * len(self.tiles)
        self.loads, self.streams = {}, {}  # tile: the cycle in which it began

    def run(self):
        while self.collected[-1] < self.m * self.unit.columns:
            self.control()
            self.move()
            self.cycle += 1
            yield self.cells

    def control(self):
        """Begin the next stream once its weights are in and the stream before has entered.

        Memory begins to send the next tile as soon as the second registers are free, and one tile
        takes it `load_cycles`; it must keep up while the rows of the tile go in.
        """
        tile = len(self.streams)
        done_before = tile == 0 or self.collected[tile - 1] == self.m * self.unit.columns
        if len(self.loads) == tile and done_before:
            self.begin_load(tile)
        loaded = tile in self.loads and self.cycle >= self.loads[tile] + self.unit.rows
        entered = tile == 0 or self.cycle >= self.streams[tile - 1] + self.m
        if loaded and entered:
            self.streams[tile] = self.cycle
            if self.unit.double_buffered:
                self.begin_load(tile + 1)

    def begin_load(self, tile):
        if tile < len(self.tiles):
            self.loads[tile] = self.cycle + self.unit.load_cycles - self.unit.rows

    def enters_row(self, i):
        for s, start in self.streams.items():
            t = self.cycle - start - i
            if 0 <= t < self.m:
                return at(self.a, t, self.tiles[s][0] + i), s, t
        return None

    def enters_column(self, j):
        for s, start in self.loads.items():
            sent = self.cycle - start - j
            if 0 <= sent < self.unit.rows:
                row = self.unit.rows - 1 - sent
                tile_row, tile_column = self.tiles[s]
                return at(self.w, tile_row + row, tile_column + j), row
        return None

    def move(self):
        """One clock edge: all new registers from the old ones."""
        old = [[(c.input, c.sum, c.spare) for c in row] for row in self.cells]
        for i, row in enumerate(self.cells):
            for j, cell in enumerate(row):
                cell.input = old[i][j - 1][0] if j else self.enters_row(i)
                if cell.input and cell.input[2] == 0:  # the first row of a tile
                    assert cell.spare is not None, "no weight is there to be taken over"
                    assert cell.spare[1] == 0, "a weight is taken over on its way"
                    cell.weight, cell.spare = cell.spare[0], None
                if cell.spare and cell.spare[1] > 0:  # goes on down in this cycle
                    cell.spare = None
                coming = old[i - 1][j][2] if i else self.enters_column(j)
                if i and coming:
                    coming = (coming[0], coming[1] - 1) if coming[1] > 0 else None
                if coming:
                    assert cell.spare is None, "two weights in one register"
                    cell.spare = coming
                above = old[i - 1][j][1] if i else 0
                cell.sum = None if cell.input is None else above + cell.input[0] * cell.weight
        self.collect()

    def collect(self):
        for j, cell in enumerate(self.cells[-1]):
            if cell.input:
                _, s, t = cell.input
                column = self.tiles[s][1] + j
                if column < self.n:
                    self.result[t][column] += cell.sum
                self.collected[s] += 1


class OutputOracle:
    """An input carries its place in the sum; a finished sum travels down when its column is let."""

    def __init__(self, unit, a, w):
        self.unit, self.a, self.w = unit, a.tolist(), w.tolist()
        self.m, (self.k, self.n) = len(a), w.shape
        self.tiles = tiles_of(unit, self.m, self.k, self.n)
        self.cells, self.cycle = grid(unit), 0
        self.result = [[0] * self.n for _ in range(self.m)]
        self.n_left = [0] * len(self.tiles)
        self.finished = set()  # (tile, column) whose lowest sum is there: its column may move
        self.starts = {0: 0}

    def control(self):
        """Start a tile when all before it has left, or as early as the chain will be free."""
        last = max(self.starts)
        if last + 1 == len(self.tiles):
            return
        if self.unit.double_buffered:
            ready = self.cycle >= self.starts[last] + max(self.k, self.unit.rows)
        else:
            ready = self.n_left[last] == self.unit.rows * self.unit.columns
        if ready:
            self.starts[last + 1] = self.cycle

    def run(self):
        cells = self.unit.rows * self.unit.columns
        while self.n_left[-1] < cells:
            self.control()
            self.move()
            self.cycle += 1
            yield self.cells

    def enters(self, lane, of_row):
        for s, start in self.starts.items():
            p = self.cycle - start - lane
            if 0 <= p < self.k:
                row, column = self.tiles[s]
                value = at(self.a, row + lane, p) if of_row else at(self.w, p, column + lane)
                return value, s, p
        return None

    def move(self):
        old = [[(c.input, c.weight, c.spare) for c in row] for row in self.cells]
        may_move = set(self.finished)
        for i, row in enumerate(self.cells):
            for j, cell in enumerate(row):
                cell.input = old[i][j - 1][0] if j else self.enters(i, True)
                cell.weight = old[i - 1][j][1] if i else self.enters(j, False)
                self.send_down(cell, old, i, j, may_move)
                if cell.input is None:
                    continue
                assert cell.input[1:] == cell.weight[1:], "an input meets the wrong weight"
                value, s, p = cell.input
                cell.sum = (cell.sum if p else 0) + value * cell.weight[0]
                if p == self.k - 1:
                    assert cell.spare is None, "two sums in one register"
                    cell.spare = (cell.sum, s, i)
                    if i == self.unit.rows - 1:
                        self.finished.add((s, j))

    def send_down(self, cell, old, i, j, may_move):
        leaving = cell.spare
        if leaving and (leaving[1], j) in may_move:
            cell.spare = None
            if i == self.unit.rows - 1:
                value, s, row = leaving
                self.n_left[s] += 1
                row, column = self.tiles[s][0] + row, self.tiles[s][1] + j
                if row < self.m and column < self.n:
                    self.result[row][column] = value
        coming = old[i - 1][j][2] if i else None
        if coming and (coming[1], j) in may_move:
            assert cell.spare is None, "two sums in one register"
            cell.spare = coming


def oracle(unit, a, w):
    return (WeightOracle if unit.stationary == "weights" else OutputOracle)(unit, a, w)


def value_of(register):
    return register[0] if isinstance(register, tuple) else register


def assert_same_registers(state, cells):
    """Every register that holds something holds the same in both."""
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            assert (state.items[i, j] >= 0) == (cell.input is not None)
            assert state.holds[i, j] == (cell.spare is not None)
            if cell.spare:
                assert state.spare[i, j] == cell.spare[0]
            if cell.input:
                value, tile, item = cell.input
                assert (state.inputs[i, j], state.tiles[i, j], state.items[i, j]) == (
                    value, tile, item,
                )  # fmt: skip
                assert state.weights[i, j] == value_of(cell.weight)
                assert state.sums[i, j] == cell.sum


@settings(max_examples=80, deadline=None)
@given(UNITS, st.tuples(*[st.integers(1, 6)] * 3), st.integers(0, 99))
def test_the_registers_are_those_of_the_oracle_in_every_cycle(unit, shape, seed):
    a, w = matrices(shape, seed=seed)
    plain = oracle(unit, a.astype(int), w.astype(int))
    n_cycles = 0
    for state, cells in zip(unit.watch(a, w), plain.run(), strict=True):
        assert_same_registers(state, cells)
        assert state.results.tolist() == plain.result
        n_cycles += 1
    assert n_cycles == unit.run(a, w).count.cycles


@settings(max_examples=200, deadline=None)
@given(UNITS, SHAPES, st.sampled_from([np.int8, np.uint8, np.int16]))
def test_the_result_is_a_at_w_exactly(unit, shape, dtype):
    a, w = matrices(shape, dtype)
    assert (unit.run(a, w).result == a.astype(object) @ w.astype(object)).all()


@settings(max_examples=400, deadline=None)
@given(UNITS, SHAPES)
def test_what_is_counted_is_what_the_formula_says(unit, shape):
    m, k, n = shape
    assert figures(unit.run(*matrices(shape)).count) == figures(unit.count(m=m, k=k, n=n))


def test_the_formula_holds_for_larger_shapes_too():
    rng = random.Random(10)
    for _ in range(60):
        rows, columns = rng.randint(1, 40), rng.randint(1, 40)
        unit = MatrixUnit(
            rows, columns, rng.choice(["weights", "outputs"]), rng.choice([True, False])
        )
        m, k, n = (rng.randint(1, 100) for _ in range(3))
        run = unit.run(*matrices((m, k, n)))
        assert figures(run.count) == figures(unit.count(m=m, k=k, n=n))


def test_busy_slots_are_the_busy_cells_of_all_cycles():
    unit, shape = MatrixUnit(4, 3), (5, 9, 7)
    states = list(unit.watch(*matrices(shape)))
    count = unit.count(m=5, k=9, n=7)
    assert sum(int((state.items >= 0).sum()) for state in states) == count.busy_slots
    assert sum(int(state.real.sum()) for state in states) == count.useful_macs


def test_the_last_state_has_every_result():
    *_, last = MatrixUnit(3, 4).watch(*matrices((5, 7, 6)))
    assert not last.missing.any()


def test_one_tile_takes_the_time_of_one_fold_in_scale_sim():
    """2 R + C + T - 2, Samajdar et al. 2020."""
    for stationary, length in (("weights", 50), ("outputs", 8)):
        unit = MatrixUnit(8, 16, stationary, double_buffered=False)
        assert unit.count(m=50 if stationary == "weights" else 8, k=8, n=16).cycles == (
            2 * 8 + 16 + length - 2
        )


def test_double_buffering_hides_the_load_behind_a_long_stream():
    shape = {"m": 300, "k": 4 * 32, "n": 32}
    double = MatrixUnit(32, 32).count(**shape).cycles
    single = MatrixUnit(32, 32, double_buffered=False).count(**shape).cycles
    assert double == 32 + 4 * 300 + 32 + 32 - 2
    assert single == 4 * (32 + 300 + 32 + 32 - 2)


def test_a_short_stream_waits_for_the_weights():
    """At a batch of 1, a tile takes as long as its load."""
    unit = MatrixUnit(32, 32)
    more, fewer = unit.count(m=1, k=10 * 32, n=32), unit.count(m=1, k=9 * 32, n=32)
    assert more.cycles - fewer.cycles == unit.load_cycles == 32


def test_slow_memory_makes_the_load_the_period():
    unit = MatrixUnit(8, 8, load_cycles=50)
    assert unit.run(*matrices((20, 24, 8))).count.cycles == 50 + 2 * 50 + 20 + 14


def test_one_row_more_than_the_array_pays_for_a_whole_tile_more():
    unit = MatrixUnit(128, 128)
    fits, too_many = unit.count(m=512, k=128, n=128), unit.count(m=512, k=129, n=129)
    assert (fits.n_tiles, too_many.n_tiles) == (1, 4)
    run = unit.run(*matrices((512, 129, 129)))
    assert figures(run.count) == figures(too_many)
    assert run.count.padding_fraction > 0.6


def test_the_shares_of_the_slots_add_up():
    count = MatrixUnit(8, 8).count(m=20, k=17, n=9)
    shares = count.utilisation + count.padding_fraction + count.bubble_fraction
    assert shares == pytest.approx(1)


def test_utilisation_nears_one_for_a_long_stream():
    assert MatrixUnit(16, 16).count(m=10**7, k=16, n=16).utilisation > 0.9999


def test_outputs_that_stay_fetch_weights_again_for_each_row_of_tiles():
    shape = {"m": 64, "k": 16, "n": 16}
    assert MatrixUnit(16, 16).count(**shape).weight_words == 16 * 16
    assert MatrixUnit(16, 16, "outputs").count(**shape).weight_words == 4 * 16 * 16


def test_weights_that_stay_bring_each_sum_out_once_for_each_tile():
    shape = {"m": 64, "k": 48, "n": 16}
    assert MatrixUnit(16, 16).count(**shape).sum_words == 3 * 64 * 16
    assert MatrixUnit(16, 16, "outputs").count(**shape).sum_words == 64 * 16


def test_a_simulation_says_simulated_and_a_formula_modelled():
    unit = MatrixUnit(2, 2)
    run, count = unit.run(*matrices((2, 2, 2))), unit.count(m=2, k=2, n=2)
    assert (run.count.origin, count.origin) == (Origin.SIMULATED, Origin.MODELLED)
    assert all(line.startswith("[simulated] ") for line in repr(run).splitlines())


# The TPU v1


def test_tpu_v1_has_92_tops():
    row = published("tpu-v1-peak").rows[0]
    unit = MatrixUnit(256, 256)
    assert unit.rows * unit.columns == row["n_macs"]
    peak_op_per_s = 2 * unit.rows * unit.columns * row["clock_hz"]
    tolerance = published("tpu-v1-peak").tolerance["peak_op_per_s"]
    assert peak_op_per_s == pytest.approx(row["peak_op_per_s"], abs=tolerance)


def test_tpu_v1_ridge_is_the_batch_at_which_streaming_takes_as_long_as_loading():
    """A tile of 64 KiB comes in 1350 cycles, and each row of the batch streams in one."""
    clock_hz = published("tpu-v1-peak").rows[0]["clock_hz"]
    ridges = published("tpu-v1-ridge")
    load_cycles = 256 * 256 / ridges.rows[0]["bandwidth_bytes_per_s"] * clock_hz
    tolerance = ridges.tolerance["ridge_mac_per_byte"][0]
    assert load_cycles == pytest.approx(ridges.rows[0]["ridge_mac_per_byte"], abs=tolerance)

    unit = MatrixUnit(256, 256, load_cycles=math.ceil(load_cycles))
    layer = {"k": 20 * 256, "n": 20 * 256}
    assert unit.count(m=1350, **layer).utilisation > 0.99
    assert unit.count(m=675, **layer).utilisation == pytest.approx(0.5, abs=0.01)


def test_a_larger_array_takes_fewer_steps_and_more_time():
    """600 × 600 on 256 and on 512: 9 steps in 18 µs, 4 steps in 32 µs."""
    for row in published("tpu-v1-array-size").rows:
        size, matrix = row["array_size"], row["matrix_size"]
        n_tiles = MatrixUnit(size, size).count(m=200, k=matrix, n=matrix).n_tiles
        assert n_tiles == row["n_steps"]
        step_s = row["step_of_256_s"] * (size / 256) ** 2
        assert n_tiles * step_s == pytest.approx(row["time_s"], abs=5e-7)


def test_tpu_v1_s_array_runs_a_real_layer_exactly():
    """How long it takes is shown by tools/bench_systolic.py."""
    a, w = matrices((200, 2048, 2048))
    unit = MatrixUnit(256, 256)
    run = unit.run(a, w)
    assert run.result.dtype == np.int32
    assert (run.result == a.astype(float) @ w.astype(float)).all()  # exact below 2**53
    assert figures(run.count) == figures(unit.count(m=200, k=2048, n=2048))


# What it refuses


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: MatrixUnit(0, 4), ValueError, "rows must be at least 1, got 0"),
        (lambda: MatrixUnit(4, -1), ValueError, "columns must be at least 1"),
        (lambda: MatrixUnit(4, 2.5), ValueError, "columns must be a whole number"),
        (lambda: MatrixUnit(4, 4, "inputs"), ValueError, "one of 'weights', 'outputs'"),
        (lambda: MatrixUnit(4, 4, load_cycles=3), ValueError, "at least 4 cycles"),
        (lambda: MatrixUnit(4, 4, "outputs", load_cycles=8), ValueError, "for stationary weights"),
        (lambda: MatrixUnit(4, 4).count(m=0, k=4, n=4), ValueError, "m must be at least 1"),
        (lambda: MatrixUnit(4, 4).count(m=4, k="4", n=4), ValueError, "k must be a whole number"),
        (lambda: systolic_frames([]), ValueError, "nothing to draw"),
    ],
)
def test_a_design_that_cannot_be_gets_a_sentence(make, error, words):
    with pytest.raises(error, match=words):
        make()


INTS = np.ones((3, 4), np.int8)


@pytest.mark.parametrize(
    ("a", "w", "error", "words"),
    [
        (INTS, INTS, ValueError, r"a has 4 columns and w has 3 rows"),
        (INTS.astype(float), INTS.T, TypeError, "a holds float64.*quantise"),
        (INTS, INTS.T.astype(np.float32), TypeError, "w holds float32"),
        (INTS > 0, INTS.T, TypeError, "a holds bool"),
        (INTS[0], INTS.T, ValueError, "a must be a matrix"),
        (INTS[:0], INTS.T, ValueError, r"got the shape \(0, 4\)"),
        (INTS, INTS.T.astype(np.int64) << 62, OverflowError, "64 bits cannot hold"),
        ([[1, 2], [3]], INTS.T, ValueError, "rows of a differ in length"),
    ],
)
def test_operands_that_do_not_fit_get_a_sentence(a, w, error, words):
    with pytest.raises(error, match=words):
        MatrixUnit(2, 2).run(a, w)


def test_an_8_bit_sum_that_could_overflow_is_refused():
    a = np.full((1, 2**17), -128, np.int8)
    with pytest.raises(OverflowError, match="32 bits"):
        MatrixUnit(2, 2).run(a, a.T)


def test_the_operands_are_left_as_they_were():
    a, w = matrices((3, 5, 4))
    copies = a.copy(), w.copy()
    MatrixUnit(2, 2).run(a, w)
    assert (a == copies[0]).all()
    assert (w == copies[1]).all()


# The pictures


def frames_of(unit, shape):
    return systolic_frames(unit.watch(*matrices(shape)))


def test_there_is_a_frame_for_each_cycle_and_its_alt_says_what_happens():
    frames = frames_of(MatrixUnit(4, 4), (6, 4, 4))
    assert len(frames) == MatrixUnit(4, 4).count(m=6, k=4, n=4).cycles
    assert frames[0].alt == ("Cycle 1 of 16: 0 of 16 cells multiply; 0 of 24 results complete")
    assert frames[-1].alt.endswith("24 of 24 results complete")


def test_padding_is_said_and_drawn():
    frames = frames_of(MatrixUnit(4, 4), (3, 6, 4))
    assert any("on padding" in frame.alt for frame in frames)


@pytest.mark.parametrize("stationary", ["weights", "outputs"])
def test_frames_are_the_same_text_each_time(stationary):
    unit = MatrixUnit(3, 4, stationary)
    assert frames_of(unit, (4, 5, 4)) == frames_of(unit, (4, 5, 4))


def test_a_frame_shows_the_product_and_the_sum_of_a_cell():
    a, w = np.array([[3]]), np.array([[-5]])
    frames = systolic_frames(MatrixUnit(1, 1).watch(a, w))
    assert "+ 3 × −5" in frames[1]
    assert "= −15" in frames[1]


def test_frames_are_well_formed_xml():
    from xml.etree import ElementTree

    for frame in frames_of(MatrixUnit(2, 3), (4, 5, 4)):
        ElementTree.fromstring(frame.svg)
