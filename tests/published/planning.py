"""What the ledger recomputes of published training runs: counts of FLOP and what follows.

All models here are GPTs with a vocabulary of 51,200 and sequences of 2,048 tokens, unless a column
says otherwise.
"""

VOCABULARY, SEQUENCE = 51_200, 2_048
DAY_S = 86_400
A100_FLOP_PER_S = 312e12


def gpt_parameters_1e9(n_layers, hidden):
    """Narayanan et al. 2021, equation 2: with biases, norms and positions."""
    small = 13 / (12 * hidden) + (VOCABULARY + SEQUENCE) / (12 * n_layers * hidden)
    return 12 * n_layers * hidden**2 * (1 + small) / 1e9


def recomputed_flop_per_token(n_layers, hidden):
    """Narayanan et al. 2021, equation 3: the forward pass is counted twice."""
    rest = SEQUENCE / (6 * hidden) + VOCABULARY / (16 * n_layers * hidden)
    return 96 * n_layers * hidden**2 * (1 + rest)


def share_of_the_peak(flop_per_s_per_gpu, peak_flop_per_s):
    return flop_per_s_per_gpu / peak_flop_per_s


def rate_of_all_gpus(flop_per_s_per_gpu, n_gpus):
    return flop_per_s_per_gpu * n_gpus


def days_by_flop(n_layers, hidden, n_tokens, n_gpus, flop_per_s_per_gpu):
    flop = recomputed_flop_per_token(n_layers, hidden) * n_tokens
    return flop / (n_gpus * flop_per_s_per_gpu) / DAY_S


def days_by_the_rule_of_eight(parameters_1e9, n_tokens, n_gpus, flop_per_s_per_gpu):
    return 8 * parameters_1e9 * 1e9 * n_tokens / (n_gpus * flop_per_s_per_gpu) / DAY_S


def model_utilisation(n_layers, hidden, batch, n_gpus, selective_s):
    return _utilisation(n_layers, hidden, batch, n_gpus, selective_s, SEQUENCE / (6 * hidden))


def hardware_utilisation(n_layers, hidden, batch, n_gpus, selective_s):
    """The scores of the attention are computed twice."""
    return _utilisation(n_layers, hidden, batch, n_gpus, selective_s, SEQUENCE / (3 * hidden))


def _utilisation(n_layers, hidden, batch, n_gpus, step_s, of_attention):
    rest = of_attention + VOCABULARY / (12 * hidden * n_layers)
    flop = 72 * batch * SEQUENCE * n_layers * hidden**2 * (1 + rest)
    return flop / (step_s * n_gpus * A100_FLOP_PER_S)


def gain_of_selective(full_s, selective_s):
    return full_s / selective_s - 1


def palm_utilisation(
    parameters_1e9, n_layers, query_width, n_positions, tokens_per_s, n_chips, peak_flop_per_s
):
    """Chowdhery et al. 2022, appendix B: 6 N + 12 L H Q T a token."""
    flop = 6e9 * parameters_1e9 + 12 * n_layers * query_width * n_positions
    return tokens_per_s * flop / (n_chips * peak_flop_per_s)


def palm_utilisation_without_attention(parameters_1e9, tokens_per_s, n_chips, peak_flop_per_s):
    return tokens_per_s * 6e9 * parameters_1e9 / (n_chips * peak_flop_per_s)


def product_of_the_split(tp, cp, pp, dp):
    return tp * cp * pp * dp


def tokens_of_a_batch(dp, sequences_per_dp, n_positions):
    return dp * sequences_per_dp * n_positions


def rate_of_a_whole_run(n_tokens, minutes):
    return n_tokens / (60 * minutes)
