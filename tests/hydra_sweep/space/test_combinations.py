from itertools import product

import pytest
from omegaconf import OmegaConf

from hydra_sweep.space.combinations import combinations, count, mark
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.proposal import grid_points

GRID = OmegaConf.create({"_target_": "optuna.samplers.GridSampler"})
FAMILIES = {"m": "choice(a,b)", "a1": "choice(1,2,3)", "b1": "choice(1,2)", "b2": "choice(x,y)", "o": "1,2"}


@pytest.mark.parametrize(
    ("params", "when", "n"),
    [
        (FAMILIES, {"a1": "m=a", "b1": "m=b", "b2": "m=b"}, (3 + 2 * 2) * 2),
        (FAMILIES, {"a1": "m=a", "b1": "m=b", "b2": ["m=b", "b1=2"]}, (3 + 1 + 2) * 2),
        (FAMILIES, {"a1": "m=a", "b1": "a1=2", "b2": "b1=1"}, (1 + 2 + (2 + 1)) * 2),
        ({"h": "tag(list:0:2,choice(8,16,32))"}, {}, 1 + 3 + 9),
        ({"h": "tag(list:1:2,choice(8,16))", "m": "a,b"}, {"h": "m=a"}, 2 + 4 + 1),
        ({"x": "int(interval(1,4))", "y": "int(interval(1,${x}))"}, {}, 1 + 2 + 3 + 4),
        ({"x": "choice(2,8)", "y": "tag(pow2,int(interval(1,${x})))"}, {}, 2 + 4),
        ({"x": "range(0.1,0.3,0.1)", "y": "range(0.1,${x},0.1)"}, {}, 1 + 2 + 3),
        ({"x": "range(1,5)", "y": "range(1,${x},2)", "z": "a,b"}, {"y": "z=a"}, (1 + 1 + 2 + 2 + 3) + 5),
    ],
)
def test_only_what_differs_is_counted_once_and_a_grid_has_it_all(params, when, n):
    space = parse_space(params, [], when=when)
    assert count(space) == n
    for first in (0, n // 2, n - 1):
        assert len({mark(space, one) for one in combinations(space, first)}) == n
    points = grid_points(GRID, space, 999)
    assert {mark(space, one) for one in points} == {mark(space, one) for one in combinations(space)}
    assert len(points) == n
    for one in points:
        assert one == space.completed(one)


def test_there_is_an_end_only_where_each_branch_has_one():
    space = {"m": "a,b", "x": "interval(0.0,1.0)"}
    assert count(parse_space(space, [], when={"x": "m=a"})) is None
    assert count(parse_space({"m": "a,b", "x": "interval(1.0,1.0)"}, [], when={"x": "m=a"})) == 2


def test_a_space_of_many_branches_is_taken_for_one_without_end():
    space = parse_space({"x": "int(interval(1,2000))", "y": "int(interval(1,${x}))"}, [])
    assert count(space) is None


def test_what_a_trial_is_missing_is_no_mark():
    space = parse_space(FAMILIES, [], when={"a1": "m=a", "b1": "m=b", "b2": "m=b"})
    assert mark(space, {"m": "a", "o": 1}) is None
    assert mark(space, {"m": "a", "a1": 1, "o": 1})
    kept = {name: {"m": "a", "a1": 1, "o": 1}[name] for name in ("a1", "o")}
    assert mark(space, kept) is None


def test_the_order_of_a_grid_is_not_that_of_the_configuration():
    when = {"a1": "m=a", "b1": "m=b", "b2": "m=b"}
    one = grid_points(GRID, parse_space(FAMILIES, [], when=when), 99)
    other = grid_points(GRID, parse_space(dict(reversed(FAMILIES.items())), [], when=when), 99)
    assert [list(p.items()) for p in one] == [list(p.items()) for p in other]
    assert len(list(product("ab", "12"))) < len(one)
