"""RAPL domains on fake powercap trees: what counts, what does not, and what cannot be read."""

import subprocess
import sys
import threading
import time

import pytest

from labkit.power.energy import energy
from labkit.power.powercap import powercap_probes


def by_id(tree):
    return {probe.id: probe for probe in powercap_probes(tree.root)}


def total_ids(tree):
    return [probe.id for probe in powercap_probes(tree.root) if probe.adds and probe.available]


def jump(e, tree, counts_uj):
    """Let the zones' counters jump; a reading just before says that they stood still till then."""
    time.sleep(0.01)
    e._sampler.mark()
    for zone, count_uj in counts_uj.items():
        tree.count(zone, count_uj)


def spent(tree, counts_uj):
    """The Energy of a window in which the zones' counters jump to `counts_uj`."""
    with energy(powercap_probes(tree.root), pad=0) as e:
        jump(e, tree, counts_uj)
    return e


def added(tree, counts_uj):
    """The same, of the domains that add up."""
    with energy([probe for probe in powercap_probes(tree.root) if probe.adds], pad=0) as e:
        jump(e, tree, counts_uj)
    return e


def test_two_packages_and_their_dram_are_four_domains(tree):
    for n in (0, 1):
        tree.domain(f"intel-rapl:{n}", f"package-{n}")
        tree.domain(f"intel-rapl:{n}:0", "dram")
    assert total_ids(tree) == ["rapl:package-0", "rapl:dram-0", "rapl:package-1", "rapl:dram-1"]
    assert by_id(tree)["rapl:dram-1"].scope == "dram"


def test_domains_that_lie_inside_their_package_count_once(tree):
    tree.domain("intel-rapl:0", "package-0")
    tree.domain("intel-rapl:0/intel-rapl:0:0", "dram")
    tree.domain("intel-rapl:0:0", "dram")
    assert total_ids(tree) == ["rapl:package-0", "rapl:dram-0"]


def test_a_wrap_counts_3_joules(tree):
    tree.domain("intel-rapl:0", "package-0", energy_uj=262_142_000_000)
    e = spent(tree, {"intel-rapl:0": 1_671_150})
    assert e.energy_j == pytest.approx(3.0, abs=1e-5)
    assert e.by_domain["rapl:package-0"].wraps == 1
    assert e.kind == "measured"


def test_psys_contains_the_packages_and_is_never_added(tree):
    tree.domain("intel-rapl:0", "package-0", energy_uj=0)
    tree.domain("intel-rapl:1", "psys", energy_uj=0)
    tree.domain("intel-rapl:1:0", "dram", energy_uj=0)
    e = added(tree, {"intel-rapl:0": 10_000_000, "intel-rapl:1": 25_000_000})
    assert e.energy_j == pytest.approx(10.0)
    assert by_id(tree)["rapl:psys"].scope == "system"


def test_core_and_uncore_are_parts_of_the_package(tree):
    tree.domain("intel-rapl:0", "package-0")
    tree.domain("intel-rapl:0:0", "core")
    tree.domain("intel-rapl:0:1", "uncore")
    assert total_ids(tree) == ["rapl:package-0"]
    assert set(by_id(tree)) == {"rapl:package-0", "rapl:core-0", "rapl:uncore-0"}


def test_dies_are_summed(tree):
    tree.domain("intel-rapl:0", "package-0-die-0", energy_uj=100)
    tree.domain("intel-rapl:1", "package-0-die-1", energy_uj=777)
    e = added(tree, {"intel-rapl:0": 10_000_100, "intel-rapl:1": 10_000_777})
    assert e.energy_j == pytest.approx(20.0)


def test_a_die_that_mirrors_another_counts_once_and_says_so(tree):
    for n in (0, 1):
        tree.domain(f"intel-rapl:{n}", f"package-0-die-{n}", energy_uj=123_456_789)
    assert total_ids(tree) == ["rapl:package-0-die-0"]
    assert "shows the counter of" in by_id(tree)["rapl:package-0-die-1"].note


def test_a_domain_through_msr_and_mmio_counts_once(tree):
    tree.domain("intel-rapl:0", "package-0", energy_uj=0)
    tree.domain("intel-rapl-mmio:0", "package-0", energy_uj=5)
    e = added(tree, {"intel-rapl:0": 10_000_000, "intel-rapl-mmio:0": 10_000_005})
    assert e.energy_j == pytest.approx(10.0)


def test_where_msr_is_empty_mmio_is_read(tree):
    tree.domain("intel-rapl:0", "package-0", energy_uj=None)
    tree.domain("intel-rapl-mmio:0", "package-0")
    assert total_ids(tree) == ["rapl:package-0"]


def test_24_sockets_are_listed_in_order_and_add_up(tree):
    for n in range(24):
        tree.domain(f"intel-rapl:{n}", f"package-{n}", energy_uj=n)
    assert total_ids(tree) == [f"rapl:package-{n}" for n in range(24)]
    e = added(tree, {f"intel-rapl:{n}": n + 1_000_000 for n in range(24)})
    assert e.energy_j == pytest.approx(24.0)


def test_a_domain_without_a_name_is_listed_with_the_reason(tree):
    tree.domain("intel-rapl:0", None)
    (probe,) = powercap_probes(tree.root)
    assert not probe.available
    assert "has no name" in probe.why


def test_without_a_range_a_fall_is_unknown_never_zero(tree):
    tree.domain("intel-rapl:0", "package-0", energy_uj=262_142_000_000, range_uj=None)
    e = spent(tree, {"intel-rapl:0": 1_000_000})
    assert e.energy_j is None
    assert e.flags == ("wrap_ambiguous",)
    assert "how often it wrapped" in repr(e)


@pytest.mark.parametrize("text", ["-1", "0", "1e9", ""])
def test_a_range_that_is_none_is_unknown_and_takes_no_domain_along(tree, text):
    tree.domain("intel-rapl:0", "package-0", energy_uj=5_000_000)
    tree.domain("intel-rapl:1", "package-1", energy_uj=5_000_000)
    tree.write("sys/class/powercap/intel-rapl:0/max_energy_range_uj", text)
    found = powercap_probes(tree.root)
    assert [(p.available, p.range_j is None) for p in found] == [(True, True), (True, False)]


def test_an_empty_counter_is_listed_with_the_reason(tree):
    tree.domain("intel-rapl:0", "package-0", energy_uj="")
    (probe,) = powercap_probes(tree.root)
    assert "holds no number" in probe.why


def test_a_missing_counter_is_listed_with_the_reason(tree):
    tree.domain("intel-rapl:0", "package-0", energy_uj=None)
    (probe,) = powercap_probes(tree.root)
    assert probe.why.endswith("energy_uj is missing")


def test_a_file_that_vanishes_ends_its_domain_and_no_other(tree):
    for n in (0, 1):
        tree.domain(f"intel-rapl:{n}", f"package-{n}", energy_uj=n)
    with energy(powercap_probes(tree.root), pad=0) as e:
        (tree.root / "sys/class/powercap/intel-rapl:0/energy_uj").unlink()
        jump(e, tree, {"intel-rapl:1": 5_000_001})
    assert e.by_domain["rapl:package-1"].energy_j == pytest.approx(5.0)
    assert e.by_domain["rapl:package-0"].energy_j is None
    assert (e.energy_j, e.complete, e.kind) == (None, False, "unknown")
    assert "FileNotFoundError" in e.reasons[0]


NOT_ROOT = """
import os, sys
from labkit.power.powercap import powercap_probes
from labkit.power.energy import energy
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
(probe,) = powercap_probes(sys.argv[1])
with energy(probe, pad=0) as e:
    pass
print(probe.available, probe.permission, e.energy_j, *e.flags, probe.why, sep="|")
"""


def test_a_counter_that_only_root_may_read_tells_the_fix(tree):
    tree.domain("intel-rapl:0", "package-0")
    (tree.root / "sys/class/powercap/intel-rapl:0/energy_uj").chmod(0o400)
    for folder in (tree.root, *tree.root.parents[:2]):
        folder.chmod(0o755)
    command = [sys.executable, "-c", NOT_ROOT, str(tree.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    available, permission, joules, flags, why = done.stdout.strip().split("|")
    assert (available, permission, joules, flags) == ("False", "True", "None", "permission")
    assert "sudo chmod a+r" in why


def test_no_powercap_is_one_line_with_the_reason(tree):
    (probe,) = powercap_probes(tree.root)
    assert (probe.id, probe.present) == ("rapl", False)
    assert "virtual machine" in probe.why


def test_a_live_counter_of_known_power_is_found_again_over_its_wraps(tree):
    """A thread turns a fake counter at 500 W, with a wrap every 0.6 s.

    A busy machine may let the reader sleep past a wrap, and then it rightly says unknown: so the
    test has three tries.
    """
    range_uj, start_s = 300_000_000, time.perf_counter()
    tree.domain("intel-rapl:0", "package-0", energy_uj=0, range_uj=range_uj)
    stop = threading.Event()

    def turn():
        while not stop.wait(0.001):
            tree.count("intel-rapl:0", int((time.perf_counter() - start_s) * 500e6) % range_uj)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        for _ in range(3):
            with energy(powercap_probes(tree.root), pad=0) as e:
                time.sleep(1.5)
            if not e.reasons:
                break
    finally:
        stop.set()
        thread.join()
    assert e.reasons == ()
    assert e.energy_j == pytest.approx(500 * e.elapsed_s, rel=0.1)
    assert e.by_domain["rapl:package-0"].wraps >= 2
