"""The house has floors: a room imports from itself and from lower floors only."""

import ast
from pathlib import Path

import pytest

LABKIT = Path(__file__).parents[1] / "labkit"
FLOOR = {
    "units": 0, "lifetime": 0, "reading": 1, "hardware": 2, "results": 2, "workload": 2,
    "measure": 3, "power": 3, "simt": 3, "systolic": 3, "tpu": 3, "language_model": 3,
    "plan": 4, "cluster": 4, "compilers": 4, "serving": 4, "draw": 5, "teach": 6, "__init__": 7,
}  # fmt: skip
# Third-party libraries that one room alone may import; NumPy, psutil and the like are not listed.
ONLY_IN = {"matplotlib": {"draw"}, "anywidget": {"draw"}, "ipywidgets": {"draw"}}


def imports_of(path):
    """Yield the dotted name of everything that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, (
                f"{path.name}: write `from labkit.x import y`, not a relative import"
            )
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rooms_imported_by(path):
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "labkit":
            yield parts[1] if len(parts) > 1 else "__init__"


def room_of(path):
    return path.relative_to(LABKIT).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path", sorted(LABKIT.rglob("*.py")), ids=lambda path: str(path.relative_to(LABKIT))
)
def test_a_room_imports_only_from_lower_floors(path):
    here = room_of(path)
    for other in set(rooms_imported_by(path)) - {here}:
        floor = FLOOR.get(other, FLOOR["__init__"])  # an unknown name came through the door
        assert floor < FLOOR[here], (
            f"{path.name} (floor {FLOOR[here]}) imports labkit.{other} (floor {floor}). "
            f"Move the shared part down, or pass the value in as an argument."
        )


@pytest.mark.parametrize(
    "path", sorted(LABKIT.rglob("*.py")), ids=lambda path: str(path.relative_to(LABKIT))
)
def test_a_library_stays_in_its_room(path):
    for name in imports_of(path):
        rooms = ONLY_IN.get(name.split(".")[0])
        assert rooms is None or room_of(path) in rooms, (
            f"{path.name} imports {name}: only {rooms} may"
        )


def test_every_room_has_a_floor():
    rooms = {room_of(path) for path in LABKIT.rglob("*.py")}
    assert rooms <= set(FLOOR), f"give these rooms a floor: {sorted(rooms - set(FLOOR))}"


def test_an_import_from_above_is_caught(tmp_path):
    """The test itself bites: units may not import the door, nor a room above it."""
    for line in ("import labkit as lk", "from labkit import plan", "import labkit.plan.roofline"):
        bad = tmp_path / "units.py"
        bad.write_text(line)
        assert [FLOOR[room] > FLOOR["units"] for room in rooms_imported_by(bad)] == [True]
