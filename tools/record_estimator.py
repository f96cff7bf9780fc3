"""Record what an energy estimator says of single operations: `python tools/record_estimator.py`.

The estimator is HWComponents, which AccelForge uses: pip install hwcomponents-library
hwcomponents-cacti, on Python 3.12 or newer. Writes
labkit/results/recorded/estimator_energies.json, whose rows stand beside those of `lk.results`'
table of energies by `op`, `kind` and `node_nm`.
"""

import datetime
import json
from pathlib import Path

TARGET = Path(__file__).parents[1] / "labkit/results/recorded/estimator_energies.json"
NODES_NM = (45, 7)
SRAM_BYTES = {"8KB": 8 * 2**10, "32KB": 32 * 2**10, "1MB": 2**20}
HBM2_WIDTH_BITS = 2048  # of an access of the estimator's HBM2: it counts joules a bit


def energies(node_nm):
    """(op, kind, J) for what the table of energies has as well."""
    from hwcomponents_cacti import HBM2, SRAM
    from hwcomponents_library import AladdinAdder, AladdinMultiplier

    node_m = node_nm * 1e-9
    yield "add", "int32", AladdinAdder(tech_node=node_m, width=32).add().energy
    for kind, width in (("int8", 8), ("int32", 32)):
        yield "mul", kind, AladdinMultiplier(tech_node=node_m, width=width).multiply().energy
    for kind, n_bytes in SRAM_BYTES.items():
        sram = SRAM(tech_node=node_m, width=64, size=8 * n_bytes)
        yield "sram_64b", kind, sram.read().energy
    yield "dram_64b", "HBM2", HBM2(width=HBM2_WIDTH_BITS).read().energy * 64 / HBM2_WIDTH_BITS


def main():
    rows = [
        {"op": op, "kind": kind, "node_nm": node_nm, "energy_j": float(f"{energy_j:.4g}")}
        for node_nm in NODES_NM
        for op, kind, energy_j in energies(node_nm)
    ]
    record = {
        "title": "Energies of single operations by HWComponents, the estimator behind AccelForge",
        "machine": "any: a calculation",
        "date": datetime.date.today().isoformat(),
        "command": "python tools/record_estimator.py",
        "provenance": "hwcomponents 1.0.114, hwcomponents-library 1.0.58 (Aladdin's arithmetic), "
        "hwcomponents-cacti 1.0.40 (CACTI 7 for SRAM, J/bit for HBM2); scaled to 7 nm by "
        "Stillmaker and Baas 2017",
        "notes": [
            "They ask for Python 3.12. These rows were made on Python 3.11, with one f-string of "
            "hwcomponents written for it and CACTI compiled from the sources in its wheel.",
            "HBM2 has one figure, whatever the node.",
        ],
        "rows": rows,
    }
    TARGET.write_text(json.dumps({"estimator-energies": record}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
