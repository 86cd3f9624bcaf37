"""What a trial is to try: the sampler's parameters, as overrides."""

from itertools import product
from typing import Any

import numpy as np
import optuna
from hydra.utils import get_method
from omegaconf import DictConfig

from hydra_sweep.errors import SweepError
from hydra_sweep.space.grammar import SearchSpace, grid_values, to_overrides
from hydra_sweep.space.samplers import is_grid


def propose(space: SearchSpace, config: DictConfig, trial: optuna.Trial) -> list[str]:
    """Has the sampler fill in the trial's parameters. The overrides they make.

    `config` is the sweep's, for the user's own function of the space.
    """
    for name, distribution in space.distributions.items():
        trial._suggest(name, distribution)
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
    axes = {key: grid_values(one, n) for key, one in sorted(space.distributions.items())}
    points = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    if len(points) > n_trials:
        points = [points[i] for i in np.random.default_rng(0).permutation(len(points))]
    return points
