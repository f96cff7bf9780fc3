"""The door: sorted, complete and light."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import labkit as lk

DOOR = Path(lk.__file__).read_text(encoding="utf-8")
ROOMS = (
    "cluster", "compilers", "draw", "hardware", "language_model", "measure", "plan", "power",
    "results", "serving", "simt", "systolic", "teach", "tpu", "workload",
)  # fmt: skip
HEAVY = {"numpy", "torch", "jax", "numba", "pandas", "pynvml", "matplotlib", "psutil"}


def test_public_names_are_sorted_and_resolve():
    assert lk.__all__ == sorted(lk.__all__) == dir(lk)
    for name in lk.__all__:
        assert getattr(lk, name) is not None


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match=r"has no name 'benhc'.*bench, bench_energy"):
        _ = lk.benhc


def test_a_type_checker_sees_the_same_names_in_the_same_rooms():
    """What stands under TYPE_CHECKING is the door's table again, in the only form editors read."""
    (block,) = [node for node in ast.parse(DOOR).body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    rooms = {name: f"labkit.{room}" for name, room in lk._ROOM_OF.items()}
    assert seen == rooms | dict.fromkeys(lk._ROOMS, "labkit") | {"cuda": "labkit.simt"}


def public_callables():
    """Every public function, class and method of the door and of the rooms' front doors."""
    modules = [importlib.import_module(f"labkit.{name}") for name in ROOMS]
    things = [(name, getattr(module, name)) for module in modules for name in module.__all__]
    things += [(name, getattr(lk, name)) for name in lk._ROOM_OF]
    for name, thing in things:
        if not str(getattr(thing, "__module__", "")).startswith("labkit"):
            continue
        if inspect.isclass(thing):
            yield from (
                (f"{name}.{key}", method) for key, method in vars(thing).items()
                if inspect.isfunction(method) and not key.startswith("_")
            )  # fmt: skip
        elif inspect.isfunction(thing):
            yield name, thing


@pytest.mark.parametrize(("name", "function"), sorted(set(public_callables()), key=str))
def test_a_public_function_says_its_types_and_what_it_does(name, function):
    """So that completion shows what to give, in which unit, and what comes back."""
    parameters = inspect.signature(function).parameters.values()
    bare = [p.name for p in parameters if p.annotation is p.empty and p.name != "self"]
    assert bare == []
    assert inspect.signature(function).return_annotation is not inspect.Signature.empty
    assert inspect.getdoc(function)


def test_the_package_says_that_it_is_typed():
    assert (Path(lk.__file__).parent / "py.typed").exists()


def test_the_door_is_light():
    out = subprocess.run(
        [sys.executable, "-c", "import sys, labkit; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not HEAVY & set(out.stdout.split())


def cpu_s(code):
    """CPU seconds of a fresh Python that runs `code`: the least of five."""
    probe = f"{code}\nimport time; print(time.process_time())"
    runs = [
        subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    return min(float(run.stdout) for run in runs)


def test_the_door_costs_at_most_60_ms_of_cpu():
    assert cpu_s("import labkit") - cpu_s("pass") <= 0.060
