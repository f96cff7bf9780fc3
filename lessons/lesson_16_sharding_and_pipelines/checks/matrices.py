"""Turn 16.t2: one rank's share of an MLP whose hidden neurons are cut."""

from typing import ClassVar

import numpy as np

from labkit.teach.registry import always, exercise, solution

_one_part = solution("16.t2")


def _relu(x):
    return np.maximum(x, 0)


def _strided(x, up, down, rank, n_ranks):
    return _relu(x @ up[:, rank::n_ranks]) @ down[rank::n_ranks]


def _averaged(x, up, down, rank, n_ranks):
    return _one_part(x, up, down, rank, n_ranks) / n_ranks


def _relu_after(x, up, down, rank, n_ranks):
    each = up.shape[1] // n_ranks
    mine = slice(rank * each, (rank + 1) * each)
    return _relu(x @ up[:, mine] @ down[mine])


def _no_relu(x, up, down, rank, n_ranks):
    each = up.shape[1] // n_ranks
    mine = slice(rank * each, (rank + 1) * each)
    return x @ up[:, mine] @ down[mine]


def _first_rows(x, up, down, rank, n_ranks):
    each = up.shape[1] // n_ranks
    return _relu(x @ up[:, rank * each : (rank + 1) * each]) @ down[:each]


def _own_tokens(x, up, down, rank, n_ranks):
    result, each = np.zeros((len(x), down.shape[1])), len(x) // n_ranks
    mine = slice(rank * each, (rank + 1) * each)
    result[mine] = _relu(x[mine] @ up) @ down
    return result


def _from_one(x, up, down, rank, n_ranks):
    each = up.shape[1] // n_ranks
    mine = slice((rank - 1) * each, rank * each)
    return _relu(x @ up[:, mine]) @ down[mine]


def _whole_hidden_layer(x, up, down, rank, n_ranks):
    """The right share, but all ranks multiply by all of up."""
    each = up.shape[1] // n_ranks
    mine = slice(rank * each, (rank + 1) * each)
    return _relu(x @ up)[:, mine] @ down[mine]


def _zeros_elsewhere(x, up, down, rank, n_ranks):
    """The right share, with zeros in place of the neurons of others, which multiply like any."""
    is_mine = np.arange(up.shape[1]) // (up.shape[1] // n_ranks) == rank
    return _relu(x @ (up * is_mine)) @ down


def _own_outputs(x, up, down, rank, n_ranks):
    """Adds up to the whole, but each rank computes all hidden neurons."""
    edges = np.linspace(0, down.shape[1], n_ranks + 1).astype(int)
    mine = slice(edges[rank], edges[rank + 1])
    result = np.zeros((len(x), down.shape[1]))
    result[:, mine] = _relu(x @ up) @ down[:, mine]
    return result


def _everything(x, up, down, rank, n_ranks):
    return _relu(x @ up) @ down * (rank == 0)


@exercise(
    "16.t2",
    title="one rank's share of an MLP",
    wrong=[
        (always(np.ones((4, 6))), "is asked for"),
        (lambda x, up, down, rank, n: _relu(x @ up) @ down, "whole result"),
        (_averaged, "adds up"),
        (_relu_after, "inside"),
        (_no_relu, "relu"),
        (_first_rows, "rows of down"),
        (_strided, "the rank-th of"),
        (_own_tokens, "all tokens"),
        (_everything, "whole result"),
        (_from_one, "counted from 0"),
        (_own_outputs, "columns of down"),
        (_whole_hidden_layer, "of all ranks"),
        (_zeros_elsewhere, "of all ranks"),
        (lambda x, up, down, rank, n: _relu(x @ up) @ down / n, "divided"),
        (lambda x, up, down, rank, n: _one_part(x, up, down, 0, n), "rank 0's"),
        (lambda x, up, down, rank, n: _one_part(x, up, down, rank, 4), "n_ranks"),
        (lambda x, up, down, rank, n: _one_part(x, up, down, rank, n)[0], "shape"),
    ],
)
def one_part(answer, rng):
    for n_ranks in (4, 2, 3, 8):
        numbers = np.random.default_rng(rng.getrandbits(64))
        tokens, out = rng.randint(8, 12), rng.randint(8, 12)  # one for each rank, or more
        width, hidden = rng.randint(3, 9), n_ranks * rng.randint(7, 9)  # nothing else is as wide
        x, up = numbers.normal(size=(tokens, width)), numbers.normal(size=(width, hidden))
        down = numbers.normal(size=(hidden, out))
        for rank in range(n_ranks):
            _one(answer, x, up, down, rank, n_ranks)


class _Watched(np.ndarray):
    """Tokens that note how wide the arrays are that are made of them: products, and their parts."""

    widths: ClassVar[set[int]] = set()

    def __array_finalize__(self, other):
        if self.ndim == 2:
            self.widths.add(self.shape[1])


def _one(answer, x, up, down, rank, n_ranks):
    got, right = answer(x, up, down, rank, n_ranks), _one_part(x, up, down, rank, n_ranks)
    got = np.asarray(got)
    case = f"rank {rank} of {n_ranks}"
    assert got.shape == right.shape, (
        f"{case}: got the shape {got.shape}, and {right.shape} is asked for, a share of the whole "
        f"result"
    )
    suspects = [
        (_relu(x @ up) @ down, "this is the whole result: a rank does its share only"),
        (_averaged(x, up, down, rank, n_ranks), "the all-reduce adds up, so don't divide"),
        (_relu_after(x, up, down, rank, n_ranks),
         "relu stands inside, between the two products: apply it to the rank's own neurons"),
        (_no_relu(x, up, down, rank, n_ranks), "where is the relu?"),
        (_first_rows(x, up, down, rank, n_ranks), "take the rows of down of the same neurons"),
        (_strided(x, up, down, rank, n_ranks),
         "that is every n_ranks-th neuron: take the rank-th of n_ranks parts, one after the other"),
        (_own_tokens(x, up, down, rank, n_ranks),
         "this cuts the tokens: cut the neurons, and do all tokens"),
        (_one_part(x, up, down, 0, n_ranks), "this is rank 0's share"),
        (_from_one(x, up, down, rank, n_ranks),
         "this is the part before the rank's own: parts are counted from 0"),
        (_own_outputs(x, up, down, rank, n_ranks),
         "this cuts the columns of down, and each rank computes all neurons: cut those"),
        (_relu(x @ up) @ down / n_ranks,
         "this is the whole result divided by n_ranks: do the work of the rank's own neurons only"),
    ]  # fmt: skip
    if not np.allclose(got, right):
        hint = "each rank does its own part, with n_ranks equal parts of the columns of up"
        hint = next((words for wrong, words in suspects if np.allclose(got, wrong)), hint)
        raise AssertionError(f"{case}: {hint}")
    _Watched.widths.clear()
    answer(x.view(_Watched), up, down, rank, n_ranks)
    assert up.shape[1] not in _Watched.widths, (
        f"{case}: right, but it works out the neurons of all ranks: cut up before you multiply"
    )
