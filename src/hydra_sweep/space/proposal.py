"""What a trial is to try: the sampler's parameters, as overrides."""

from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import optuna
from hydra.utils import get_method
from omegaconf import DictConfig

from hydra_sweep.errors import SweepError
from hydra_sweep.space.distributions import grid_values
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.samplers import is_grid
from hydra_sweep.space.search_space import SearchSpace, powers


def propose(space: SearchSpace, config: DictConfig, trial: optuna.Trial) -> list[str]:
    """Has the sampler fill in the trial's parameters. The overrides they make.

    `config` is the sweep's, for the user's own function of the space.
    """
    params: dict[str, Any] = {}
    for name, distribution in space.distributions.items():
        if space.has(name, params):
            params[name] = trial._suggest(name, distribution)
    if space.custom:
        get_method(space.custom)(config, trial)
    return to_overrides(trial.params)


def grid_points(node: DictConfig, space: SearchSpace, n_trials: int) -> list[dict[str, Any]] | None:
    """For a grid search, every combination of the values, in an order that does not depend on that of the
    parameters; None for other samplers. Of an interval as many values as the sampler's `points` says.
    Where they are more than `n_trials`, in a random order, always the same, whose beginning is of all."""
    if not is_grid(node):
        return None
    if space.custom:
        raise SweepError("A grid and hydra.sweeper.custom_search_space do not go together.")
    n = node.get("points", 5)
    points: list[dict[str, Any]] = [{}]
    parents = {name: space.parents(name) for name in sorted(space.distributions)}
    for name in TopologicalSorter(parents).static_order():
        points = [longer for point in points for longer in _with_each(space, name, point, n)]
    if len(points) > n_trials:
        points = [points[i] for i in np.random.default_rng(0).permutation(len(points))]
    return points


def _with_each(space: SearchSpace, name: str, point: dict[str, Any], n: int) -> list[dict[str, Any]]:
    """The point with each value of a parameter, as it is where it has no such parameter."""
    if not space.has(name, point):
        return [point]
    one = space.allowed(name, point)
    values = powers(one.low, one.high) if name in space.pow2 else grid_values(one, n)
    return [{**point, name: value} for value in values]
