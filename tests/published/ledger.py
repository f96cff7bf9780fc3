"""The ledger: what published sources print, held against what is recomputed from their inputs.

`python tests/published/ledger.py` prints it as a Markdown table. A figure that does not come out
stays in it as not reproduced, with the reason.
"""

import dataclasses
import inspect
import math
import sys
from collections.abc import Callable

import feeding
import planning

from labkit.hardware import chip as lab_chip
from labkit.language_model import LLAMA_2_7B, LLAMA_3_1_8B
from labkit.plan import (
    Decoder,
    Roofline,
    bus_factor,
    carbon_g,
    cost_usd,
    fit_gustafson,
    fleet_mttf_s,
    roofline,
    run_energy_j,
    tokens_per_s,
    zero_bytes,
    zero_sent_bytes,
)
from labkit.plan.inference import ServedModel
from labkit.results import op_energy, published, recorded
from labkit.units import si
from labkit.workload import attention, matmul, tensor_core

HOUR_S, DAY_S = 3600, 86400
WH_J, TONNE_G = 3600, 1e6


@dataclasses.dataclass(frozen=True)
class Entry:
    """One printed column of a published table and the function that recomputes it.

    The function's parameters name the columns that it is given: never the printed one.
    """

    table: str
    column: str
    unit: str
    recompute: Callable
    relation: str = "="  # or "≤": what is printed must not exceed what is recomputed
    not_reproduced: str | dict[str, str] | None = None  # the reason; or row -> reason

    @property
    def inputs(self):
        return tuple(inspect.signature(self.recompute).parameters)

    def reason(self, row):
        """Why the figure of this row is not reproduced; None where it is."""
        reasons = self.not_reproduced
        return reasons.get(row) if isinstance(reasons, dict) else reasons

    def lines(self):
        """One line for each row in which the source prints the figure."""
        result = published(self.table)
        tolerance = result.tolerance[self.column]
        for number, row in enumerate(result.rows):
            if self.column in row:
                allowed = tolerance[number] if isinstance(tolerance, list) else tolerance
                recomputed = self.recompute(**{name: row[name] for name in self.inputs})
                yield Line(self, next(iter(row.values())), row[self.column], recomputed, allowed)


@dataclasses.dataclass(frozen=True)
class Line:
    entry: Entry
    row: str
    printed: float
    recomputed: float
    tolerance: float

    @property
    def agrees(self):
        slack = self.tolerance + 1e-9 * abs(self.printed)  # 0.106 - 0.105 exceeds 0.001 in binary
        excess = self.printed - self.recomputed
        return (excess if self.entry.relation == "≤" else abs(excess)) <= slack

    @property
    def verdict(self):
        word = "reproduced" if self.entry.relation == "=" else "holds"
        return word if self.agrees else f"not {word}"


def mac_peak(n_macs, clock_hz):
    return 2 * n_macs * clock_hz


def ridge_in_macs(peak_op_per_s, bandwidth_bytes_per_s):
    roof = Roofline("chip", peak_op_per_s, bandwidth_bytes_per_s, "modelled")
    return roof.ridge_flop_per_byte / 2


def tpu_v1_roof(intensity_mac_per_byte):
    return roofline("tpu-v1", "int8").attainable_flop_per_s(2 * intensity_mac_per_byte)


def rate_of_useful_macs(useful_mac_fraction):
    return useful_mac_fraction * roofline("tpu-v1", "int8").peak_flop_per_s


def cycles_left_for_the_array(weight_stall_fraction, weight_shift_fraction, non_matrix_fraction):
    return 1 - weight_stall_fraction - weight_shift_fraction - non_matrix_fraction


def cycles_spent_on_weights(weight_stall_fraction, weight_shift_fraction):
    return weight_stall_fraction + weight_shift_fraction


def tiles(matrix_size, array_size):
    return math.ceil(matrix_size / array_size) ** 2


def tiles_time(matrix_size, array_size, step_of_256_s):
    return tiles(matrix_size, array_size) * step_of_256_s * (array_size / 256) ** 2


def share_of_maximum(inferences_per_s, maximum_inferences_per_s):
    return inferences_per_s / maximum_inferences_per_s


def weak_scaling(parameters_1e9, n_gpus, iteration_s, baseline_1e9, baseline_s):
    return parameters_1e9 / n_gpus / baseline_1e9 * baseline_s / iteration_s


def bus_bandwidth(n_gpus, algorithm_bytes_per_s):
    return algorithm_bytes_per_s * bus_factor(n_gpus)


def bus_bandwidth_from_time(n_gpus, n_bytes, time_s):
    return n_bytes / time_s * bus_factor(n_gpus)


def shortest_compute(matrix_size, peak_flop_per_s):
    return matmul(matrix_size, matrix_size, matrix_size, itemsize=2).flop / peak_flop_per_s


def shortest_move(matrix_size, itemsize, peak_bytes_per_s):
    size = matrix_size
    return matmul(size, size, size, itemsize=itemsize).bytes / peak_bytes_per_s


def slow_pages(slow_requests, n_requests):
    return 1 - (1 - slow_requests) ** n_requests


def gustafson_share(n_processors, speedup):
    return fit_gustafson({n_processors: [speedup]}).value


def run_energy(n_chips, power_w, days, pue):
    return run_energy_j(n_chips, power_w, days * DAY_S, pue=pue) / WH_J


def run_flop(n_chips, flop_per_s_per_chip, days):
    return n_chips * flop_per_s_per_chip * days * DAY_S


def gross_carbon(energy_wh, gross_g_per_kwh):
    return carbon_g(energy_wh * WH_J, intensity_g_per_kwh=gross_g_per_kwh) / TONNE_G


def net_carbon(energy_wh, net_g_per_kwh):
    return carbon_g(energy_wh * WH_J, intensity_g_per_kwh=net_g_per_kwh) / TONNE_G


def electricity_carbon(energy_wh, g_per_kwh):
    return carbon_g(energy_wh * WH_J, intensity_g_per_kwh=g_per_kwh) / TONNE_G


def energy_of_gpu_hours(gpu_hours, power_w):
    return run_energy_j(gpu_hours, power_w, HOUR_S, pue=1.0) / WH_J


def carbon_of_chip_hours(chip_hours, power_w, pue, g_per_kwh):
    energy_j = run_energy_j(chip_hours, power_w, HOUR_S, pue=pue)
    return carbon_g(energy_j, intensity_g_per_kwh=g_per_kwh) / TONNE_G


def carbon_of_all_parts(computing_t, idle_t, embodied_t):
    return computing_t + idle_t + embodied_t


def share_of_the_hours(gpu_hours, all_gpu_hours, all_carbon_t):
    return all_carbon_t * gpu_hours / all_gpu_hours


def all_gpu_hours(gpu_hours_8b, gpu_hours_70b, gpu_hours_405b):
    return gpu_hours_8b + gpu_hours_70b + gpu_hours_405b


def all_carbon(carbon_8b_t, carbon_70b_t, carbon_405b_t):
    return carbon_8b_t + carbon_70b_t + carbon_405b_t


def rented_gpu_hours(gpu_hours, usd_per_gpu_hour):
    return cost_usd(time_s=gpu_hours * HOUR_S, usd_per_hour=usd_per_gpu_hour)


def kv_bytes_per_token(n_layers, d_model):
    n_heads = 40  # it cancels: heads times their size is the width
    model = ServedModel("OPT", 0, n_layers, d_model, n_heads, n_heads, d_model // n_heads, 0)
    return model.kv_bytes_per_token(itemsize=2)


def weights_alone(max_batch):
    model = Decoder("Llama-3.1-8B", 8_030_000_000, 32, 32, 8, 128)
    return tokens_per_s(model.decode(max_batch, 0), max_batch, roofline("h100-sxm", "bf16"))


def one_user_alone(model, weight_bytes, chip, chip_share):
    """What the memory allows where all weights are read for each token."""
    sizes = {one.name: one for one in (LLAMA_2_7B, LLAMA_3_1_8B)}[model]
    work = sizes.token_work(1, weight_bytes)
    roof = dataclasses.replace(
        roofline(chip, "bf16"), peak_bytes_per_s=chip_share * lab_chip(chip).bandwidth.value
    )
    return tokens_per_s(work, 1, roof)


def model_bytes(bits_per_weight):
    return LLAMA_2_7B.n_params * bits_per_weight / 8


def best_batch_and_power(workload, default_batch):
    """Share of energy to target that the best batch and limit save against default and 250 W."""
    energy_j = {}
    for row in recorded("zeus-v100").rows:
        reached = [epochs for epochs in row["epochs_to_target"] if epochs]
        if row["workload"] == workload and 2 * len(reached) >= len(row["epochs_to_target"]):
            columns = (row["power_limits_w"], row["time_per_epoch_s"], row["power_w"])
            for limit_w, epoch_s, power_w in zip(*columns, strict=True):
                mean_epochs = sum(reached) / len(reached)
                energy_j[row["batch_size"], limit_w] = mean_epochs * epoch_s * power_w
    return 1 - min(energy_j.values()) / energy_j[default_batch, 250]


def business_logic(x, y, z):
    return 4 * z * (2 * x - (4 * y) / 2 * math.pi)


def integral_of_one_over_x(low, high):
    return math.log(high / low)


def requests(n):
    return n * n // 32


def sectors_of_a_warp(itemsize, stride):
    return len({lane * stride * itemsize // 32 for lane in range(32)})


def load_sectors(n, itemsize, load_stride):
    return requests(n) * sectors_of_a_warp(itemsize, load_stride)


def store_sectors(n, itemsize, store_stride):
    return requests(n) * sectors_of_a_warp(itemsize, store_stride)


def load_efficiency(itemsize, load_stride):
    return itemsize / sectors_of_a_warp(itemsize, load_stride)


def store_efficiency(itemsize, store_stride):
    return itemsize / sectors_of_a_warp(itemsize, store_stride)


def wavefronts_of_half_a_warp_of_doubles(stride):
    """A double fills two of the 32 banks of 4 bytes."""
    pairs = [lane * stride % 16 for lane in range(16)]
    return max(map(pairs.count, pairs))


def shared_efficiency(tile_store_stride, tile_load_stride):
    passes = map(wavefronts_of_half_a_warp_of_doubles, (tile_store_stride, tile_load_stride))
    return 2 / sum(passes)


def wavefronts_of_shared_floats(n, tile_load_stride):
    banks = [lane * tile_load_stride % 32 for lane in range(32)]
    return requests(n) * max(map(banks.count, banks))


def wavefronts_of_loads(loads, wavefronts_per_load):
    return loads * wavefronts_per_load


def wavefronts_beyond_the_least(loads, itemsize, wavefronts_per_load):
    """A wavefront brings 128 bytes at best."""
    return loads * (wavefronts_per_load - 32 * itemsize // 128)


def bytes_read_and_written(n, itemsize, time_s):
    return 2 * n * n * itemsize / time_s


def floats_read(n_elements, time_s):
    return 4 * n_elements / time_s


def of_cublas(flop_per_s, cublas_flop_per_s):
    return flop_per_s / cublas_flop_per_s


def sectors_per_load(sectors_of_a, sectors_of_b):
    return (sectors_of_a + sectors_of_b) / 2


def sectors_of_all_loads(n, sectors_of_a, sectors_of_b):
    return (sectors_of_a + sectors_of_b) * n**3 / 32


def moved_in_the_time(time_s, bandwidth_bytes_per_s):
    return time_s * bandwidth_bytes_per_s


def attention_flop(n_sequences, n_heads, length, head_size, itemsize, n_products):
    """Forward 2 products of matrices and backward 4; a seventh where scores are made again."""
    forward = attention(n_sequences, n_heads, length, length, head_size, itemsize)
    return forward.flop * n_products / 2


def energy_elsewhere(op, kind, bits):
    """By the other transcriptions, in which an access is one of 64 bits."""
    return op_energy(op, kind, 45).energy_j * (bits / 64 if op == "sram_64b" else 1)


def _of_operation(name, column):
    rows = published("operations-45nm").rows
    return next(row[column] for row in rows if row["operation"] == name)


def energy_over(of, over):
    return _of_operation(of, "energy_j") / _of_operation(over, "energy_j")


def area_over(of, over):
    return _of_operation(of, "area_um2") / _of_operation(over, "area_um2")


def zero_state(n_parameters, n_ranks, stage):
    return zero_bytes(n_parameters, n_ranks, stage).total


def sent_over_plain(stage):
    return zero_sent_bytes(1, 64, stage) / zero_sent_bytes(1, 64, 0)


def share_of_interruptions(count):
    return count / sum(row["count"] for row in published("llama-3-interruptions").rows)


def interruptions_that_nobody_planned(interruptions, planned):
    return interruptions - planned


def interruptions_in_the_table(run):
    return sum(row["count"] for row in published("llama-3-interruptions").rows)


def share_of_gpus(unexpected):
    rows = published("llama-3-interruptions").rows
    return sum(row["count"] for row in rows if row["category"] == "GPU") / unexpected


def mttf_from_node_days(n_gpus, failures_per_1000_node_days):
    node_mttf_s = 1000 / failures_per_1000_node_days * DAY_S
    return fleet_mttf_s(n_gpus / 8, node_mttf_s) / HOUR_S


def tensor_core_peak(n_multiprocessors, n_macs_each, clock_hz):
    return mac_peak(n_multiprocessors * n_macs_each, clock_hz)


def rate_by_the_a100(peak_flop_per_s, a100_peak_flop_per_s, a100_reached_flop_per_s):
    return peak_flop_per_s * a100_reached_flop_per_s / a100_peak_flop_per_s


def bandwidth_by_the_a100(peak_bytes_per_s, a100_peak_bytes_per_s, a100_reached_bytes_per_s):
    return peak_bytes_per_s * a100_reached_bytes_per_s / a100_peak_bytes_per_s


def surface_code_qubits(distance, n_leakage_qubits):
    return 2 * distance**2 - 1 + n_leakage_qubits


def products_in_the_time(n, time_s):
    return 2 * n**3 / time_s


def share_of_the_chips_peak(flop_per_s, peak_flop_per_s):
    return flop_per_s / peak_flop_per_s


def a_over_the_lanes(m, k):
    return m * k / 32


def b_over_the_lanes(k, n):
    return k * n / 32


def c_over_the_lanes(m, n):
    return m * n / 32


def sum_of_a_tensor_core(chip, dtype, a, b, c):
    return float(tensor_core(chip, dtype).add(a, b, c))


LEDGER = (
    Entry("tpu-v1-peak", "peak_op_per_s", "OP/s", mac_peak),
    Entry("tpu-v1-ridge", "ridge_mac_per_byte", "MAC/B", ridge_in_macs),
    Entry("tpu-v1-applications", "achieved_op_per_s", "OP/s", tpu_v1_roof, relation="≤"),
    Entry("tpu-v1-applications", "array_active_fraction", "%", cycles_left_for_the_array),
    Entry("tpu-v1-applications", "weight_cycles_fraction", "%", cycles_spent_on_weights),
    Entry(
        "tpu-v1-applications", "achieved_op_per_s", "OP/s", rate_of_useful_macs,
        not_reproduced="hardware counters and production rates disagree in the source itself",
    ),
    Entry("tpu-v1-array-size", "n_steps", "1", tiles),
    Entry("tpu-v1-array-size", "time_s", "s", tiles_time),
    Entry("tpu-v1-latency", "of_maximum_fraction", "%", share_of_maximum),
    Entry("megatron-v1-weak-scaling", "weak_scaling_fraction", "%", weak_scaling),
    Entry("megatron-2021-models", "parameters_1e9", "1", planning.gpt_parameters_1e9),
    Entry("megatron-2021-models", "peak_fraction", "%", planning.share_of_the_peak),
    Entry("megatron-2021-models", "flop_per_s", "FLOP/s", planning.rate_of_all_gpus),
    Entry("megatron-2021-splits", "days", "1", planning.days_by_flop),
    Entry("megatron-2021-days", "days", "1", planning.days_by_the_rule_of_eight),
    Entry("korthikanti-2022", "mfu", "%", planning.model_utilisation),
    Entry("korthikanti-2022", "hfu", "%", planning.hardware_utilisation),
    Entry("korthikanti-2022", "gain", "%", planning.gain_of_selective),
    Entry("palm-mfu", "mfu", "%", planning.palm_utilisation),
    Entry(
        "palm-mfu", "mfu_without_attention", "%", planning.palm_utilisation_without_attention
    ),
    Entry("llama3-2024-mfu", "mfu", "%", planning.share_of_the_peak),
    Entry("llama3-2024-mfu", "n_gpus", "1", planning.product_of_the_split),
    Entry("llama3-2024-mfu", "batch_tokens", "token", planning.tokens_of_a_batch),
    Entry("mlperf-gpt3", "tokens_per_s", "token/s", planning.rate_of_a_whole_run),
    Entry("zero-memory", "state_bytes", "B", zero_state),
    Entry("zero-communication", "times_as_much", "1", sent_over_plain),
    Entry("nccl-h100-all-reduce", "bus_bytes_per_s", "B/s", bus_bandwidth),
    Entry("nccl-h100-pcie-all-reduce", "bus_bytes_per_s", "B/s", bus_bandwidth_from_time),
    Entry("kernelbench-speed-of-light", "compute_s", "s", shortest_compute),
    Entry("kernelbench-speed-of-light", "move_s", "s", shortest_move),
    Entry("tail-at-scale", "slow_pages", "%", slow_pages),
    Entry("gustafson-1988", "serial_share", "%", gustafson_share),
    Entry("patterson-2021", "energy_wh", "Wh", run_energy),
    Entry("patterson-2021", "flop", "FLOP", run_flop),
    Entry("patterson-2021", "gross_carbon_t", "t", gross_carbon),
    Entry("patterson-2021", "net_carbon_t", "t", net_carbon),
    Entry("evolved-transformer-search", "carbon_t", "t", carbon_of_chip_hours),
    Entry("bloom-energy", "energy_wh", "Wh", energy_of_gpu_hours),
    Entry("bloom-carbon", "carbon_t", "t", electricity_carbon),
    Entry("bloom-total", "total_t", "t", carbon_of_all_parts),
    Entry("llama-3.1-card", "carbon_t", "t", share_of_the_hours),
    Entry("llama-3.1-total", "gpu_hours", "h", all_gpu_hours),
    Entry("llama-3.1-total", "carbon_t", "t", all_carbon),
    Entry("deepseek-v3-cost", "cost_usd", "USD", rented_gpu_hours),
    Entry("ml-energy-llama-3.1-8b", "tokens_per_s", "token/s", weights_alone, relation="≤"),
    Entry("gpt-fast-decoding", "tokens_per_s", "token/s", one_user_alone, relation="≤"),
    Entry("llama2-c", "file_bytes", "B", model_bytes),
    Entry("paged-attention", "kv_bytes_per_token", "B", kv_bytes_per_token),
    Entry("zeus-savings", "saved_fraction", "%", best_batch_and_power),
    Entry("numba-docs-compatibility", "result", "1", business_logic),
    Entry("numba-docs-integral", "integral", "1", integral_of_one_over_x),
    Entry("transpose-nsight", "load_requests", "1", requests),
    Entry("transpose-nsight", "store_requests", "1", requests),
    Entry("transpose-nsight", "load_sectors", "1", load_sectors),
    Entry("transpose-nsight", "store_sectors", "1", store_sectors),
    Entry("transpose-nsight", "load_efficiency", "%", load_efficiency),
    Entry("transpose-nsight", "store_efficiency", "%", store_efficiency),
    Entry("transpose-nsight", "shared_efficiency", "%", shared_efficiency),
    Entry("transpose-nsight", "rate_bytes_per_s", "B/s", bytes_read_and_written),
    Entry("harris-reductions", "bytes_per_s", "B/s", floats_read),
    Entry("transpose-banks", "shared_load_requests", "1", requests),
    Entry("transpose-banks", "shared_load_wavefronts", "1", wavefronts_of_shared_floats),
    Entry("lds128-banks", "wavefronts", "1", wavefronts_of_loads),
    Entry("lds128-banks", "bank_conflicts", "1", wavefronts_beyond_the_least),
    Entry("sgemm-a6000", "of_cublas_fraction", "%", of_cublas),
    Entry("nvidia-matrix-peaks", "peak_flop_per_s", "FLOP/s", tensor_core_peak),
    Entry("matmul-h100", "flop_per_s", "FLOP/s", products_in_the_time),
    Entry("flash-attention-h100", "utilisation_fraction", "%", share_of_the_chips_peak),
    Entry("ptx-mma-fragments", "elements_of_a", "1", a_over_the_lanes),
    Entry("ptx-mma-fragments", "elements_of_b", "1", b_over_the_lanes),
    Entry("ptx-mma-fragments", "elements_of_c", "1", c_over_the_lanes),
    Entry("tensor-core-sums", "sum", "1", sum_of_a_tensor_core),
    Entry("h100-from-a100", "reached_flop_per_s", "FLOP/s", rate_by_the_a100),
    Entry("h100-from-a100", "reached_bytes_per_s", "B/s", bandwidth_by_the_a100),
    Entry("willow-surface-code", "n_qubits", "1", surface_code_qubits),
    Entry("sgemm-gb10", "of_cublas_fraction", "%", of_cublas),
    Entry("sgemm-gb10-sectors", "sectors_per_request", "1", sectors_per_load),
    Entry("sgemm-gb10-sectors", "load_sectors", "1", sectors_of_all_loads),
    Entry("flash-attention", "moved_bytes", "B", moved_in_the_time, relation="≤"),
    Entry(
        "flash-attention", "flop", "FLOP", attention_flop,
        not_reproduced="the count is 12 times the printed one, for which no reason is known",
    ),
    Entry("operations-45nm", "energy_j", "J", energy_elsewhere),
    Entry("operations-45nm-int8-gain", "energy_ratio", "1", energy_over),
    Entry("operations-45nm-int8-gain", "area_ratio", "1", area_over),
    Entry(
        "llama-3-interruptions", "share_fraction", "%", share_of_interruptions,
        not_reproduced={"faulty GPU": "30.1 % would be 126 of 419, but the table counts 148"},
    ),
    Entry("llama-3-availability", "unexpected", "1", interruptions_that_nobody_planned),
    Entry("llama-3-availability", "unexpected", "1", interruptions_in_the_table),
    Entry(
        "llama-3-availability", "gpu_share_fraction", "%", share_of_gpus,
        not_reproduced="added up from the printed shares, of which the first is wrong",
    ),
    Entry(
        "rsc-mttf", "mttf_h", "h", mttf_from_node_days,
        not_reproduced={
            "8 GPUs, measured": "jobs failed 3.2 times as often as the rate of nodes says",
            "1,024 GPUs, measured": "jobs failed 3.7 times as often as the rate of nodes says",
        },
    ),
    Entry(
        "mlperf-storage-v2", "printed_sample_bytes", "B", feeding.sample_as_read,
        not_reproduced=dict.fromkeys(
            ("ResNet-50 on A100", "ResNet-50 on H100"), "printed is the size after resizing"
        ) | dict.fromkeys(
            ("CosmoFlow on A100", "CosmoFlow on H100"), "2.7 MiB are read, and 2 MB are printed"
        ),
    ),
    Entry(
        "mlperf-storage-checkpoints", "checkpoint_bytes", "B", feeding.checkpoint_of_a_llama,
        not_reproduced={
            "Llama 3 70B": "0.1 % less by the printed sizes; no reason is known",
            "Llama 3 1T": "1.2 trillion parameters by the printed sizes make 15 TiB",
        },
    ),
    Entry(
        "nersc-sc24-ladder", "samples_per_s", "1", feeding.mean_of_the_later_epochs,
        not_reproduced={"baseline": "8.8 is the last epoch; the mean of the last three is 8.99"},
    ),
    Entry("pytorch-imagenet-starved", "mean_step_s", "s", feeding.mean_step),
    Entry("pytorch-imagenet-starved", "mean_data_s", "s", feeding.mean_data),
)  # fmt: skip


_HEADS = [
    "result", "row", "column", "printed", "is", "recomputed", "tolerance", "verdict", "mark",
    "source",
]  # fmt: skip


def markdown():
    """The ledger as a Markdown table, one line a printed figure."""
    rows = [_cells(line) for entry in LEDGER for line in entry.lines()]
    table = [_HEADS, ["---"] * len(_HEADS), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


def _cells(line):
    entry, result = line.entry, published(line.entry.table)
    figures = [si(figure, entry.unit) for figure in (line.printed, line.recomputed, line.tolerance)]
    reason = f": {entry.reason(line.row)}" if entry.reason(line.row) else ""
    return [
        result.title, str(line.row), f"`{entry.column}`", figures[0], entry.relation, figures[1],
        f"± {figures[2]}", line.verdict + reason, result.mark, result.source,
    ]  # fmt: skip


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # × and ≤ are missing from some terminals' code page
    print(markdown())
