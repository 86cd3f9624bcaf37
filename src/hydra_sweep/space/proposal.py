"""What a trial is to try: the sampler's parameters, as overrides."""

import inspect
from itertools import product
from typing import Any

import numpy as np
import optuna
from hydra.utils import get_class, get_method, instantiate
from omegaconf import DictConfig
from optuna.samplers import GridSampler

from hydra_sweep.errors import SweepError
from hydra_sweep.space.grammar import SearchSpace, grid_values, to_overrides


def propose(space: SearchSpace, config: DictConfig, trial: optuna.Trial) -> list[str]:
    """Has the sampler fill in the trial's parameters. The overrides they make.

    `config` is the sweep's, for the user's own function of the space.
    """
    for name, distribution in space.distributions.items():
        trial._suggest(name, distribution)
    if space.custom:
        get_method(space.custom)(config, trial)
    return to_overrides(trial.params)


def make_sampler(node: DictConfig, seed: int | None, number: int) -> optuna.samplers.BaseSampler:
    """The sampler for the trial of a number: seeded alike in every worker, it would propose the same to
    all.

    The node's own `seed` comes before `seed`; one that takes none is not seeded.
    """
    if is_grid(node):
        return optuna.samplers.RandomSampler()  # never asked: a grid's trials wait with parameters
    base, own = node["seed"] if node.get("seed") is not None else seed, {}
    if base is not None and "seed" in inspect.signature(get_class(node["_target_"])).parameters:
        own = {"seed": int(np.random.SeedSequence([base, number]).generate_state(1)[0])}
    return instantiate(node, **own)


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


def is_grid(node: DictConfig) -> bool:
    return node.get("_target_") == f"optuna.samplers.{GridSampler.__name__}"
