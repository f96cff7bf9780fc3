"""pytest on the executor: `python on_executor.py TESTS …` in a Python with the client and its pins.

Every kernel that the tests launch, the client's own, runs on the executor. The client is as the
package index sent it. Its CPU code runs as Python: to compile it takes longer than to run it here.
"""

import os
import random
import sys
from pathlib import Path

os.environ["NUMBA_ENABLE_CUDASIM"] = os.environ["NUMBA_DISABLE_JIT"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

if __name__ == "__main__":
    from labkit.simt import install

    install()
    import numpy as np
    import pytest

    random.seed(0)  # clifford's tests draw their numbers, and compare to a tolerance
    np.random.seed(0)
    sys.exit(
        pytest.main(["--noconftest", "-p", "no:cacheprovider", "-c", os.devnull, *sys.argv[1:]])
    )
