"""What the ledger recomputes of published data loading and checkpoints."""

from labkit.plan.feed import checkpoint_bytes
from labkit.results import recorded


def sample_as_read(sample_bytes):
    return sample_bytes


def checkpoint_of_a_llama(hidden, ffn, n_heads, n_kv_heads, n_layers, vocabulary):
    """14 bytes a parameter; the width of a head need not be whole, as that of 1T isn't."""
    kv_width = hidden * n_kv_heads / n_heads
    layer = 2 * hidden * (hidden + kv_width) + 3 * hidden * ffn
    return checkpoint_bytes(n_layers * layer + 2 * vocabulary * hidden)


def mean_of_the_later_epochs(run):
    (row,) = [row for row in recorded("nersc-sc24-epochs").rows if row["run"] == run]
    later = row["epochs_samples_per_s"][1:]
    return sum(later) / len(later)


def mean_step(step, before_step_s, step_s):
    """`step` steps came before, as the first has the number 0."""
    return (step * before_step_s + step_s) / (step + 1)


def mean_data(step, before_data_s, data_s):
    return mean_step(step, before_data_s, data_s)
