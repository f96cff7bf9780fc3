"""The block of lesson 07, and how many elements its answers are tried on."""

THREADS = 128


def blocks(n, threads=THREADS):
    return -(-n // threads)


def sizes(rng):
    """Whole blocks, nearly one, and sizes that do not divide evenly."""
    return 2 * THREADS, THREADS - 1, rng.randint(130, 250), rng.randint(300, 400)
