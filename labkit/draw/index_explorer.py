"""`IndexExplorer`: type the index that lane `i` uses, and see what a warp's access costs."""

import ast
import operator

import traitlets

from labkit.draw.lanes import pattern
from labkit.draw.widget import PictureWidget, javascript
from labkit.simt.limits import WARP_SIZE

ITEM_BYTES = (1, 2, 4, 8, 16)
_LONGEST, _LARGEST = 200, 2**40
_OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}


class IndexExplorer(PictureWidget):
    """A text field and a picture: `IndexExplorer("33 * i")`, for items of `itemsize` bytes.

    The picture shows the access of one warp whose lane `i` uses that index, once as a load from
    global memory and once from shared memory. `expression` and `itemsize` can be set from Python.
    Raises ValueError for an expression that `indices` refuses; what is typed later and refused
    shows as a sentence beside the last picture.
    """

    _esm = javascript("index_explorer.js")
    expression = traitlets.Unicode().tag(sync=True)
    itemsize = traitlets.Enum(ITEM_BYTES, 4).tag(sync=True)
    sizes = traitlets.List(list(ITEM_BYTES)).tag(sync=True)
    src = traitlets.Unicode().tag(sync=True)  # the picture as a data URI
    alt = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)

    def __init__(self, expression: str = "i", itemsize: int = 4):
        super().__init__(expression=expression, itemsize=itemsize)
        self._show()
        self.observe(self._redraw, ["expression", "itemsize"])

    def __repr__(self):
        failed = f" [error] {self.error}" if self.error else ""
        return f"IndexExplorer({self.expression!r}, itemsize={self.itemsize}){failed}"

    def _redraw(self, _change):
        try:
            self._show()
        except ValueError as problem:
            self.error = str(problem)

    def _show(self):
        addresses = [self.itemsize * index for index in indices(self.expression)]
        title = f"index {self.expression}, {self.itemsize}-byte items"
        self._picture = pattern(addresses, self.itemsize, title)
        with self.hold_sync():
            self.src, self.alt, self.error = self._picture.src, self._picture.alt, ""

    def _still(self):
        return {"text/html": self._picture._repr_html_()}


def indices(expression: str) -> list[int]:
    """The value of an integer expression in `i` for each lane, 0 to 31: `indices("2 * i")`.

    Numbers, `i`, parentheses and + - * // % & | ^ << >> are understood. Raises ValueError with a
    sentence for anything else, for a division by zero and for an index below 0 or beyond 2**40.
    """
    if len(expression) > _LONGEST:
        raise ValueError(f"This is longer than {_LONGEST} characters: make it shorter.")
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("This isn't a complete expression yet; try 2 * i + 1.") from None
    values = [_value(tree, lane) for lane in range(WARP_SIZE)]
    for lane, value in enumerate(values):
        if value < 0:
            raise ValueError(
                f"Lane {lane} would use index {value}, before the array: add something."
            )
    return values


def _value(node, i):
    """The value of an expression's tree, from the leaves up."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        value = node.value
    elif isinstance(node, ast.Name) and node.id == "i":
        value = i
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = -_value(node.operand, i)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        value = _combined(type(node.op), _value(node.left, i), _value(node.right, i), i)
    else:
        raise ValueError(_refusal(node))
    if abs(value) > _LARGEST:
        raise ValueError(f"Lane {i} would use an index beyond 2**40: no memory is that large.")
    return value


def _combined(op, left, right, i):
    if op in (ast.FloorDiv, ast.Mod) and right == 0:
        raise ValueError(f"Lane {i} would divide by zero.")
    if op in (ast.LShift, ast.RShift) and not 0 <= right < 64:
        raise ValueError(f"Lane {i} would shift by {right}: shift by 0 to 63.")
    return _OPERATIONS[op](left, right)


def _refusal(node):
    if isinstance(node, ast.Name):
        return f"{node.id} is not known here: the only name is i, the lane."
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return "An index is a whole number: divide with // and not with /."
    if isinstance(node, ast.Constant):
        return f"{node.value!r} isn't a whole number: an index is made of whole numbers and i."
    return "Use i, whole numbers, parentheses and + - * // % & | ^ << >> only."
