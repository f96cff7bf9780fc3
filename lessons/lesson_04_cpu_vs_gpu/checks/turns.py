"""The turns of lesson 04: warps by Little's law, and the time of a batch on a GPU."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_warps = solution("04.t1")


@exercise(
    "04.t1",
    title="warps by Little's law",
    wrong=[
        (always(55), "got 55"),
        (lambda t, rate, n, size: t * rate / n / size, "a whole number"),
        (lambda t, rate, n, size: math.floor(t * rate / n / size), "not quite enough"),
        (lambda t, rate, n, size: math.ceil(t * rate / size), "share them out"),
        (lambda t, rate, n, size: math.ceil(t * rate / n), "are bytes"),
        (lambda t, rate, n, size: math.ceil(t * rate / n / size / 32), "whole warp"),
        (lambda t, rate, n, size: math.ceil(32 * t * rate / n / size), "not threads"),
        (lambda t, rate, n, size: math.ceil(rate / t / n / size), "latency times throughput"),
        (lambda t, rate, n, size: math.ceil(rate / n / size), "latency times throughput"),
        (lambda t, rate, n, size: min(64, _warps(t, rate, n, size)), "more than fit"),
        (lambda t, rate, n, size: math.ceil(t * rate / n / size) + 1, "fewer"),
        (lambda t, rate, n, size: math.floor(t * rate / n / size) + 1, "fewer"),
        (lambda t, rate, n, size: round(t * rate / n / size + 0.5), "fewer"),
    ],
)
def warps_needed(answer, rng):
    for k in range(12):
        n_sms, load_bytes = rng.randint(16, 160), rng.choice((128, 256, 512))
        warps = rng.randint(70, 200) if k == 11 else rng.randint(8, 60)
        # Away from rounding, but for one case that comes out even, exact in whatever order.
        spare, latency_s = rng.uniform(0.2, 0.8), rng.uniform(200e-9, 900e-9)
        if k == 10:
            spare, latency_s, n_sms, warps = 0, 2**-22, 64, rng.randrange(9, 60, 2)
        under_way = (warps - spare) * load_bytes * n_sms
        args = (latency_s, under_way / latency_s, n_sms, load_bytes)
        got, right = answer(*args), _warps(*args)
        case = (
            f"{latency_s * 1e9:.0f} ns, {args[1] / 1e12:.3f} TB/s, {n_sms} SMs, {load_bytes} bytes "
            f"a load: got {got}"
        )
        exact = under_way / n_sms / load_bytes
        suspects = {
            math.floor(exact): "that's not quite enough, so round up",
            right + 1: "one fewer is enough",
            math.ceil(exact * n_sms): "that's for the whole chip: share them out to the SMs",
            math.ceil(exact * load_bytes): "these are bytes: each warp has load_bytes under way",
            math.ceil(exact / 32): "load_bytes is what the whole warp loads",
            math.ceil(exact * 32): "warps are asked for, not threads",
            64: "that may be more than fit, and yet it's what the memory asks for",
        }
        if got == right:
            continue
        assert got == math.inf or got == int(got), f"{case}: answer with a whole number"
        hint = suspects.get(got, "what is under way is latency times throughput")
        raise AssertionError(f"{case}, expected {right}: {hint}")


_gpu_time_s = solution("04.t2")


@exercise(
    "04.t2",
    title="a batch on a GPU",
    wrong=[
        (always(1e-4), "expected"),
        (lambda n, s, b, k, f, p, m, w: s + b / k + max(f / p, m / w), "every launch"),
        (lambda n, s, b, k, f, p, m, w: n * s + max(f / p, m / w), "road is missing"),
        (lambda n, s, b, k, f, p, m, w: n * s + b / k + f / p + m / w, "overlap"),
        (lambda n, s, b, k, f, p, m, w: max(n * s, b / k, f / p, m / w), "one after the other"),
        (lambda n, s, b, k, f, p, m, w: n * s + b / k + min(f / p, m / w), "longer of the two"),
        (lambda n, s, b, k, f, p, m, w: b / k + max(f / p, m / w), "every launch"),
        (lambda n, s, b, k, f, p, m, w: n * s + 2 * b / k + max(f / p, m / w), "there and back"),
        (lambda n, s, b, k, f, p, m, w: n * s + max(b / k, f / p, m / w), "one after the other"),
        (lambda *args: 1e6 * _gpu_time_s(*args), "in seconds"),
        (lambda *args: round(_gpu_time_s(*args), 6), "then the road"),
    ],
)  # fmt: skip
def gpu_time_s(answer, rng):
    for _ in range(20):
        # All parts are of one size, so that none hides behind another.
        parts_s = [10 ** rng.uniform(-5, -4.3) for _ in range(4)]
        n, link = rng.randint(3, 12), 10 ** rng.uniform(10, 11)
        peak, bandwidth = 10 ** rng.uniform(12, 15), 10 ** rng.uniform(11, 12.6)
        args = (n, parts_s[0] / n, parts_s[1] * link, link, parts_s[2] * peak, peak,
                parts_s[3] * bandwidth, bandwidth)  # fmt: skip
        launches_s, road_s, math_s, memory_s = parts_s
        work_s = max(math_s, memory_s)
        got, right = answer(*args), _gpu_time_s(*args)
        case = f"{n} launches of {args[1] * 1e6:.2f} µs, and the rest, in seconds"
        overlap = "computing and moving on the GPU overlap, so only the longer one counts"
        one_after_the_other = "launches, road and work come one after the other: add them"
        suspects = [
            (right - launches_s, "count every launch"),
            (right - launches_s * (1 - 1 / n), "count every launch"),
            (launches_s + work_s, f"the road is missing; {one_after_the_other}"),
            (sum(parts_s), overlap),
            (right - work_s + min(math_s, memory_s), "the longer of the two is what one waits for"),
            (right - work_s + math_s, "the memory may take longer than computing"),
            (right - work_s + memory_s, "computing may take longer than the memory"),
            (max(parts_s), one_after_the_other),
            (launches_s + max(road_s, work_s), one_after_the_other),
            (right + road_s, "sent_bytes is all that crosses the link, there and back"),
            (1e6 * right, "answer in seconds"),
        ]
        hint = "launches, then the road, then the longer of computing and moving"
        assert_right(got, right, case, suspects, hint)
