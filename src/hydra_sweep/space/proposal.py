"""What a trial is to try: the sampler's parameters, as overrides."""

import inspect
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import optuna
from hydra.utils import get_class, get_method, instantiate
from omegaconf import DictConfig
from optuna.samplers import BaseSampler, GridSampler

from hydra_sweep.errors import SweepError
from hydra_sweep.settings import Settings
from hydra_sweep.space.distributions import grid_values
from hydra_sweep.space.fitted import Fitted
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.prior import NearPrior
from hydra_sweep.space.search_space import SearchSpace, powers

# The prior's beta is n_trials divided by this: the default of SMAC3 (PriorAcquisitionFunction, decay_beta).
BETA_PART = 10


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


def make_sampler(node: DictConfig, seed: int | None, number: int) -> optuna.samplers.BaseSampler:
    """The sampler for the trial of a number: seeded alike in every worker, it would propose the same to
    all.

    The node's own `seed` comes before `seed`; one that takes none is not seeded.
    """
    if is_grid(node):
        return optuna.samplers.RandomSampler()  # never asked: a grid's trials wait with parameters
    base, own = _seed(node, seed), {}
    if base is not None and "seed" in inspect.signature(get_class(node["_target_"])).parameters:
        own = {"seed": int(np.random.SeedSequence([base, number]).generate_state(1)[0])}
    return instantiate(node, **own)


def _seed(node: DictConfig, seed: int | None) -> int | None:
    return node["seed"] if node.get("seed") is not None else seed


def within(sampler: BaseSampler, space: SearchSpace) -> BaseSampler:
    """The sampler, with what the space asks of its proposals."""
    return Fitted(sampler, space) if space.bounds or space.pow2 else sampler


def near_prior(
    sampler: BaseSampler, space: SearchSpace, settings: Settings, number: int, n_results: int
) -> BaseSampler:
    """The sampler for the trial of a number, drawn to what is thought good, which fades with results."""
    if not space.priors:
        return sampler
    seed = _seed(settings.sampler, settings.seed)
    # another stream than the sampler's own
    rng = np.random.default_rng(None if seed is None else [seed, number, 1])
    return NearPrior(sampler, space.priors, settings.n_trials / BETA_PART / (1 + n_results), rng)


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


def is_grid(node: DictConfig) -> bool:
    return node.get("_target_") == f"optuna.samplers.{GridSampler.__name__}"
