import optuna
import pytest
from omegaconf import OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.space.grammar import SearchSpace, parse_space
from hydra_sweep.space.proposal import grid_points, make_sampler

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


def drawn(node: dict, seed: int | None, number: int) -> float:
    sampler = make_sampler(OmegaConf.create(node), seed, number)
    return optuna.create_study(sampler=sampler).ask().suggest_float("x", 0, 1)


@pytest.mark.parametrize("name", ["TPESampler", "RandomSampler", "CmaEsSampler", "NSGAIISampler"])
def test_one_seed_seeds_any_sampler_anew_for_each_trial(name):
    node = {"_target_": f"optuna.samplers.{name}", "seed": None}
    assert drawn(node, 7, 0) == drawn(node, 7, 0) != drawn(node, 7, 1)
    assert drawn(node, 8, 0) != drawn(node, 7, 0) == drawn({**node, "seed": 7}, 8, 0)
    assert drawn(node, None, 0) != drawn(node, None, 0)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_that_takes_no_seed_is_made_all_the_same():
    node = OmegaConf.create({"_target_": "optuna.samplers.GridSampler", "search_space": {"x": [1]}})
    assert make_sampler(node, 7, 0)
    partial = {"_target_": "optuna.samplers.PartialFixedSampler", "fixed_params": {"x": 1}}
    partial["base_sampler"] = {"_target_": "optuna.samplers.RandomSampler"}
    assert make_sampler(OmegaConf.create(partial), 7, 0)
