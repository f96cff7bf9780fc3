"""Exercise 22.1: how often a neuron may spike."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_share = solution("22.1")
_EXACT = "don't round: the share is an average over many neurons"


@exercise(
    "22.1",
    title="how often a neuron may spike",
    wrong=[
        (always(0.057), "straight from the lesson"),
        (lambda mac, add, read, n: min(1, mac / (add * n)), "the reads"),
        (lambda mac, add, read, n: min(1, (mac + read) / (add + read)), "steps"),
        (lambda mac, add, read, n: (mac + read) / ((add + read) * n), "at most in every step"),
        (lambda mac, add, read, n: (add + read) * n / (mac + read), "upside down"),
        (lambda mac, add, read, n: min(1, (mac + read) / (add * n + read)), "each of its spikes"),
        (lambda mac, add, read, n: min(1, (mac + read) / (add + read) / n**2), "got"),
        (lambda mac, add, read, n: min(1, (add + read) / (mac + read) / n), "dear"),
        (lambda mac, add, read, n: min(1, mac / (add + read) / n), "reads its weights, too"),
        (lambda mac, add, read, n: min(1, (mac + read) / (add + 2 * read) / n), "one read"),
        (lambda mac, add, read, n: min(1, int((mac + read) / (add + read)) / n), "don't round"),
        (
            lambda mac, add, read, n: round(min(1, (mac + read) / (add + read) / n), 2),
            "don't round",
        ),
        (lambda mac, add, read, n: (mac + read) / (add + read) / n * 100, "a share"),
    ],
)
def spike_share(answer, rng):
    for _ in range(8):
        _one_share(answer, rng, n_steps=rng.randint(4, 60), mac=rng.uniform(1, 9))
    for n_steps in (1, 2):  # few steps and dear multiplications: it may spike in all of them
        _one_share(answer, rng, n_steps, mac=rng.uniform(60, 90))


def _one_share(answer, rng, n_steps, mac):
    mac_j, add_j, read_j = (e * 1e-12 for e in (mac, rng.uniform(0.1, 0.9), rng.uniform(1, 9)))
    args = mac_j, add_j, read_j, n_steps
    got, right = answer(*args), _share(*args)
    case = f"{mac:.2f} pJ against {1e12 * add_j:.2f}, {1e12 * read_j:.2f} a read, {n_steps} steps"
    whole = (mac_j + read_j) / (add_j + read_j)
    assert got != 0.057, f"{case}: that's straight from the lesson, for other numbers"
    assert_right(got, right, case, [
        (min(1, mac_j / (add_j * n_steps)), "this forgets the reads"),
        (min(1, whole), "those are spikes for each weight: divide them among the steps"),
        (whole / n_steps, "a neuron spikes at most in every step: a share ends at 1"),
        (whole / n_steps * 100, "a share, please, not percent"),
        (1 / whole / n_steps, "upside down: dear multiplications allow more spikes"),
        (min(1, mac_j / (add_j + read_j) / n_steps), "the ordinary network reads its weights, too"),
        (min(1, (mac_j + read_j) / (add_j + 2 * read_j) / n_steps), "a spike takes one read"),
        (min(1, int(whole) / n_steps), _EXACT),
        (round(right, 2), _EXACT),
        (n_steps / whole, "upside down: dear multiplications allow more spikes"),
        (min(1, (mac_j + read_j) / (add_j * n_steps + read_j)),
         "the weight is read again for each of its spikes"),
    ])  # fmt: skip
