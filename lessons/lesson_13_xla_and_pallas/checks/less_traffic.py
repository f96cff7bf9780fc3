"""Turn 13.t1: how much less a program moves when it is compiled together."""

import math

from labkit.teach.registry import always, exercise


@exercise(
    "13.t1",
    title="what fusion saves",
    wrong=[
        (always(13), "expected"),
        (lambda reads, n_inputs: sum(reads) / (n_inputs + 1), "writes its result, too"),
        (lambda reads, n_inputs: sum(reads) / n_inputs, "writes its result, too"),
        (lambda reads, n_inputs: (sum(reads) + len(reads)) / n_inputs, "still written once"),
        (lambda reads, n_inputs: (sum(reads) + len(reads)) / 2, "reads n_inputs arrays"),
        (lambda reads, n_inputs: len(reads), "number of operations"),
        (lambda reads, n_inputs: (n_inputs + 1) / (sum(reads) + len(reads)), "the other way round"),
        (lambda reads, n_inputs: sum(reads) + len(reads), "still has to read and write"),
        (lambda reads, n_inputs: (sum(reads) + len(reads)) // (n_inputs + 1), "expected"),
        (lambda reads, n: (3 * len(reads) - reads.count(1)) / (n + 1), "expected"),
    ],
)
def times_less_traffic(answer, rng):
    for n_inputs in (3, 1, 2, 3):
        reads = [1, 2, 3, *(rng.randint(1, 3) for _ in range(rng.randint(4, 12)))]
        together = n_inputs + 1
        while (sum(reads) + len(reads)) % together == 0:  # a whole number would hide a //
            reads.append(rng.randint(1, 2))
        rng.shuffle(reads)
        apart = sum(reads) + len(reads)
        got, right = answer(list(reads), n_inputs), apart / together
        case = f"reads = {reads}, n_inputs = {n_inputs}: got {got}, expected {right:.6g}"
        for mistake, hint in (
            (sum(reads) / together, "each operation writes its result, too"),
            (sum(reads) / n_inputs, "each operation writes its result, too"),
            (apart / n_inputs, "the result is still written once"),
            (apart / 2, "compiled together, the program reads n_inputs arrays"),
            (len(reads), "that's the number of operations, and traffic is counted in arrays"),
            (together / apart, "divide the other way round"),
            (apart, "the compiled program still has to read and write something"),
        ):
            is_this = math.isclose(got, mistake) and not math.isclose(mistake, right)
            assert not is_this, f"{case}. Almost: {hint}"
        assert math.isclose(got, right, rel_tol=1e-6), case  # JAX's numbers have 32 bits
