import pytest
from omegaconf import OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.proposal import grid_points
from hydra_sweep.space.search_space import SearchSpace

GRID = OmegaConf.create({"_target_": "optuna.samplers.GridSampler", "points": 3})


def test_a_grid_is_every_combination_once():
    space = parse_space({"a": "choice(x,y)", "b": "range(1,5,2)", "c": "range(0.0,0.5,0.5)"}, [])
    points = grid_points(GRID, space, 99)
    assert len(points) == 2 * 3 * 2
    assert len({tuple(point.items()) for point in points}) == len(points)
    assert points[0] == {"a": "x", "b": 1, "c": 0.0}
    assert points == grid_points(GRID, SearchSpace(dict(reversed(space.distributions.items())), []), 99)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("interval(0.0,1.0)", [0.0, 0.5, 1.0]),
        ("tag(log,interval(1e-4,1e-2))", [1e-4, 1e-3, 1e-2]),
        ("tag(log,int(interval(1,100)))", [1, 10, 100]),
        ("tag(log,int(interval(1,2)))", [1, 2]),
        ("int(interval(1,5))", [1, 2, 3, 4, 5]),
    ],
)
def test_a_grid_has_both_ends_of_an_interval_and_values_between(text, values):
    space = parse_space({"x": text}, [])
    found = [point["x"] for point in grid_points(GRID, space, 99)]
    assert found == pytest.approx(values)
    assert all(space.distributions["x"]._contains(value) for value in found)


def test_a_grid_takes_no_space_of_code():
    with pytest.raises(SweepError, match="do not go together"):
        grid_points(GRID, SearchSpace({}, [], "some.function"), 99)
