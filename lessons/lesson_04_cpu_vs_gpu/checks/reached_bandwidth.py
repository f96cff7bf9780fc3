"""Exercise 04.2: the bandwidth that Little's law leaves to so many loads under way."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_reached = solution("04.2")


@exercise(
    "04.2",
    title="what Little's law leaves",
    wrong=[
        (always(3.35e12), "got"),
        (lambda n, w, k, size, t, peak: n * w * k * size / t, "never delivers more"),
        (lambda n, w, k, size, t, peak: peak, "under way"),
        (lambda n, w, k, size, t, peak: min(peak, n * w * size / t), "loads of each warp"),
        (lambda n, w, k, size, t, peak: min(peak, w * k * size / t), "all multiprocessors"),
        (lambda n, w, k, size, t, peak: min(peak, n * k * size / t), "all warps"),
        (lambda n, w, k, size, t, peak: min(peak, n * w * k / t), "loads, not bytes"),
        (lambda n, w, k, size, t, peak: min(peak, n * w * k * size * t), "divide"),
        (lambda n, w, k, size, t, peak: min(peak, 32 * n * w * k * size / t), "whole warp"),
        (lambda n, w, k, size, t, peak: max(peak, n * w * k * size / t), "under way"),
        (lambda n, w, k, size, t, peak: n * w * k * size, "a second"),
    ],
)
def reached_bytes_per_s(answer, rng):
    for share in (0.02, 30, 4, 0.005, 0.4, rng.uniform(0.01, 0.03)):
        n_sms, warps, loads = rng.randint(40, 150), rng.randint(5, 48), rng.randint(3, 8)
        load_bytes = rng.choice((32, 64, 128, 512))
        latency_s = rng.uniform(200e-9, 900e-9)
        under_way = n_sms * warps * loads * load_bytes
        peak = under_way / latency_s / share
        args = (n_sms, warps, loads, load_bytes, latency_s, peak)
        suspects = [
            (under_way, "these are the bytes under way; how many arrive in a second?"),
            (under_way / latency_s, "the memory never delivers more than its peak"),
            (peak, "so few bytes under way can't keep this memory busy"),
            (under_way / loads / latency_s, f"count the {loads} loads of each warp"),
            (under_way / n_sms / latency_s, "count the warps of all multiprocessors"),
            (under_way / warps / latency_s, "count all warps of a multiprocessor"),
            (under_way / load_bytes / latency_s, "these are loads, not bytes"),
            (under_way * latency_s, "each load takes latency_s, so divide by it"),
            (32 * under_way / latency_s, "load_bytes is what the whole warp loads"),
        ]
        case = (
            f"{n_sms} SMs, {warps} warps, {loads} loads of {load_bytes} bytes, "
            f"{latency_s * 1e9:.0f} ns, peak {peak:.4g} B/s"
        )
        right = _reached(*args)
        suspects = [(value, words) for value, words in suspects if value != right]
        assert_right(answer(*args), right, case, suspects, "how many bytes are under way?")
