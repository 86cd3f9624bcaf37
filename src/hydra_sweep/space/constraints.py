"""What a trial must keep, as lines such as `model.width * model.depth < 500` or `test/latency_ms <= 5`."""

import ast
import keyword
import operator
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan

from hydra_sweep.errors import SweepError

# With dots and slashes, as keys and metrics have: a slash without spaces belongs to the name.
NAME = re.compile(r"(?<![\w.])[A-Za-z_][\w.@]*(?:/[A-Za-z_][\w.@]*)*")
ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
# by how much what must be less is too large, where both are equal
LEAST = sys.float_info.epsilon
DISTANCES = {
    ast.LtE: lambda a, b: a - b,
    ast.GtE: lambda a, b: b - a,
    ast.Lt: lambda a, b: a - b or LEAST,
    ast.Gt: lambda a, b: b - a or LEAST,
    ast.Eq: lambda a, b: abs(a - b),
    ast.NotEq: lambda a, b: float(a == b),
}
EXPECTED = (
    "Expected a comparison (<, <=, >, >=, ==, !=) of numbers, keys and metrics, which + - * / // % ** may "
    "join, as in model.width * model.depth < 500; a slash between spaces divides, others belong to a name."
)


@dataclass(frozen=True)
class Constraint:
    """`names` are those in the line; `told` those that only the trial itself knows, once it has run."""

    text: str
    names: tuple[str, ...]
    told: frozenset[str] = frozenset()
    tree: ast.Compare = field(compare=False, repr=False, kw_only=True)

    def distance(self, numbers: Mapping[str, float]) -> float:
        """By how much it is broken, in the units of its sides; 0 or less where it is kept, which is what
        Optuna calls feasible. Infinite where the numbers make no number."""
        variables = {f"_{i}": numbers[name] for i, name in enumerate(self.names)}
        sides = self.tree.left, *self.tree.comparators
        try:
            values = [_value(side, variables) for side in sides]
            pairs = zip(self.tree.ops, values, values[1:], strict=False)
            distances = [float(DISTANCES[type(op)](a, b)) for op, a, b in pairs]
        except (ArithmeticError, TypeError):  # division by zero; a root of what is negative
            return inf
        return inf if any(map(isnan, distances)) else max(distances)


def parse_constraint(text: str) -> Constraint:
    """Raises SweepError where it is no comparison of numbers."""
    names = tuple(dict.fromkeys(NAME.findall(text)))
    # Python would take slashes for divisions.
    source = NAME.sub(lambda found: f"_{names.index(found.group())}", text)
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        tree = None
    is_named = names and not any(map(keyword.iskeyword, names))
    nodes = list(ast.walk(tree)) if isinstance(tree, ast.Compare) and is_named else []
    is_one = sum(isinstance(node, ast.Compare) for node in nodes) == 1
    if not is_one or not all(map(_is_allowed, nodes)):
        raise SweepError(f"hydra.sweeper.constraints: {text!r}. {EXPECTED}")
    return Constraint(text, names, tree=tree)


def distances(constraints: Sequence[Constraint], numbers: Mapping[str, float]) -> dict[str, float]:
    """Of those whose names are all known, by how much each is broken."""
    known = [one for one in constraints if numbers.keys() >= {*one.names}]
    return {one.text: one.distance(numbers) for one in known}


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    shapes = ast.Compare, ast.BinOp, ast.UnaryOp, ast.Name, ast.Load
    return isinstance(node, (*shapes, *ARITHMETIC, *DISTANCES))


def _value(node: ast.expr, variables: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return variables[node.id]
    if isinstance(node, ast.UnaryOp):
        return ARITHMETIC[type(node.op)](_value(node.operand, variables))
    return ARITHMETIC[type(node.op)](_value(node.left, variables), _value(node.right, variables))
