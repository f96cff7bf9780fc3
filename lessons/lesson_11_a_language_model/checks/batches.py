"""Exercise 11.4: how many users a chip can serve, and what they get."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_pair, assert_right

_full_house = solution("11.4")


def _users(memory, weights, user):
    return max(0, int((memory - weights) // user))


def _with_rate(rate):
    """The right number of users, with a rate of one's own."""

    def wrong(memory, weights, user, bandwidth, flop, peak):
        users = _users(memory, weights, user)
        return (users, rate(users, weights, user, bandwidth, flop, peak)) if users else (0, 0)

    return wrong


def _weights_only(n, w, u, b, f, p):
    return n / max(w / b, n * f / p)


def _one_user(n, w, u, b, f, p):
    return 1 / max((w + n * u) / b, n * f / p)


def _memory_only(n, w, u, b, f, p):
    return n * b / (w + n * u)


def _one_after_the_other(n, w, u, b, f, p):
    return n / ((w + n * u) / b + n * f / p)


def _weights_for_each(n, w, u, b, f, p):
    return n / max(n * (w + u) / b, n * f / p)


_RATES = (
    (_weights_only, "the caches of all users are read, too"),
    (_one_user, "that's what one user gets: together they get more"),
    (_one_after_the_other, "reading and computing go on at the same time"),
    (_weights_for_each, "a step reads the weights once for all users"),
    (_memory_only, "the arithmetic may take longer than the reading"),
)


def _not_whole(m, w, u, b, f, p):
    n = (m - w) / u
    return n, n / max((w + n * u) / b, n * f / p)


def _ignores_the_weights(m, w, u, b, f, p):
    n = int(m // u)
    return n, n / max((w + n * u) / b, n * f / p)


def _no_zero(m, w, u, b, f, p):
    n = int((m - w) // u)
    return n, n / max((w + n * u) / b, n * f / p, 1e-30)


def _one_too_many(m, w, u, b, f, p):
    n = _users(m, w, u) + 1
    return n, n / max((w + n * u) / b, n * f / p)


def _rounded_down(m, w, u, b, f, p):
    """Right but where the memory is full to the last byte, with an odd number of users."""
    n = max(0, round((m - w) / u - 0.5))
    return (n, n / max((w + n * u) / b, n * f / p)) if n else (0, 0)


@exercise(
    "11.4",
    title="how many users fit",
    wrong=[
        (always((10, 100.0)), "users"),
        (always(3), "two numbers"),
        *((_with_rate(rate), words) for rate, words in _RATES),
        (_not_whole, "whole"),
        (lambda *args: _full_house(*args)[::-1], "first the users"),
        (_ignores_the_weights, "the weights need room, too"),
        (_one_too_many, "users"),
        (_rounded_down, "users"),
        (_no_zero, "nobody can be served"),
    ],
)
def full_house(answer, rng):
    for step in range(12):
        weights, user = rng.uniform(2e9, 50e9), rng.uniform(0.1e9, 1e9)
        users = rng.randint(3, 60)
        memory = weights + user * (users + rng.uniform(0.2, 0.8))
        bandwidth = rng.uniform(1e12, 5e12)
        read_s = (weights + users * user) / bandwidth
        flop = rng.uniform(5e9, 150e9)
        share = rng.uniform(0.3, 0.8) if step % 2 else rng.uniform(1.5, 4)
        _one(answer, (memory, weights, user, bandwidth, flop, users * flop / read_s / share))
    weights, user = 16e9, 2.0**30
    for users in (4, 5):  # to the last byte; an odd number, as round goes to the even one
        _one(answer, (weights + users * user, weights, user, 2e12, 16e9, 1e15))
    for memory in (weights + 0.5 * user, 0.3 * weights):
        args = (memory, weights, user, 2e12, 16e9, 1e15)
        case = f"{memory / 1e9:.1f} GB for {weights / 1e9:.0f} GB of weights"
        got = answer(*args)
        assert_pair(got, case, "users and tokens a second")
        assert tuple(got) == (0, 0), (
            f"{case}: got {tuple(got)}, expected (0, 0): nobody can be served"
        )


def _one(answer, args):
    memory, weights, user, bandwidth, flop, peak = args
    case = (
        f"{memory / 1e9:.1f} GB, weights {weights / 1e9:.1f}, a user {user / 1e9:.2f}; "
        f"{bandwidth / 1e12:.1f} TB/s, {flop / 1e9:.0f} GFLOP a token, {peak / 1e12:.0f} TFLOP/s"
    )
    got = answer(*args)
    assert_pair(got, case, "users and tokens a second")
    users, rate = _full_house(*args)
    swapped = tuple(got) == (rate, users)
    assert not swapped, f"{case}: first the users, then the tokens a second"
    assert got[0] == int(got[0]), f"{case}: got {got[0]:.3g} users: a whole number of them fits"
    assert_right(
        got[0], users, f"{case}: users", [(int(memory // user), "the weights need room, too")]
    )
    numbers = (users, weights, user, bandwidth, flop, peak)
    known = [(rate_of(*numbers), words) for rate_of, words in _RATES]
    assert_right(got[1], rate, f"{case}: tokens a second", known)
