"""The sampler that proposes a trial's parameters, made anew for each."""

import inspect
import warnings
from importlib import import_module
from typing import Any

import numpy as np
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    BruteForceSampler,
    GPSampler,
    GridSampler,
    QMCSampler,
    RandomSampler,
)

from hydra_sweep.settings import Settings
from hydra_sweep.space import auto
from hydra_sweep.space.fitted import Fitted
from hydra_sweep.space.prior import NearPrior
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.trials import Trials

# The prior's beta is n_trials divided by this: the default of SMAC3 (PriorAcquisitionFunction, decay_beta).
BETA_PART = 10


class NumberedQMC(QMCSampler):
    """Proposes for the trial of a number the point of that number, in the space that the sweep has.

    Optuna's counts points in the study, where two workers may read the same count, and draws trials at
    random until one has ended and shows the space.
    """

    def __init__(self, space: SearchSpace, number: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.space = space
        self.number = number

    def infer_relative_search_space(self, *_: Any) -> dict[str, BaseDistribution]:
        return {key: one for key, one in self.space.distributions.items() if not one.single()}

    def _find_sample_id(self, *_: Any) -> int:
        return self.number


def make_sampler(
    settings: Settings, space: SearchSpace, number: int, trials: Trials | None = None
) -> BaseSampler:
    """The sampler for the trial of a number: seeded alike in every worker, it would propose the same to
    all.

    The node's own `seed` comes before `hydra.sweeper.seed`; one that takes none is not seeded. `trials`
    are those so far, by which `auto` goes.
    """
    node = settings.sampler
    if is_grid(node):
        return RandomSampler()  # never asked: a grid's trials wait with parameters
    base = _seed(settings)
    own = None if base is None else int(np.random.SeedSequence([base, number]).generate_state(1)[0])
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):  # of some of Optuna's
        if auto.is_auto(node):
            return auto.make(settings, space, own, trials)
        target = get_class(node["_target_"])
        if target is QMCSampler:  # all its points are of one sequence
            arguments = {**instantiate(node, _partial_=True).keywords, "seed": base}
            return NumberedQMC(space, number, **arguments)
        takes_seed = own is not None and "seed" in inspect.signature(target).parameters
        return instantiate(node, **({"seed": own} if takes_seed else {}))


def within(sampler: BaseSampler, space: SearchSpace) -> BaseSampler:
    """The sampler, with what the space asks of its proposals."""
    return Fitted(sampler, space) if space.bounds or space.pow2 else sampler


def near_prior(
    sampler: BaseSampler, space: SearchSpace, settings: Settings, number: int, n_results: int
) -> BaseSampler:
    """The sampler for the trial of a number, drawn to what is thought good, which fades with the results
    that it knows."""
    if not space.priors:
        return sampler
    seed = _seed(settings)
    # another stream than the sampler's own
    rng = np.random.default_rng(None if seed is None else [seed, number, 1])
    return NearPrior(sampler, space.priors, settings.n_trials / BETA_PART / (1 + n_results), rng)


def _seed(settings: Settings) -> int | None:
    own = settings.sampler.get("seed")
    return settings.seed if own is None else own


def computes_apart(sampler: BaseSampler) -> bool:
    """Whether it is to propose in a fork of its own: where PyTorch has computed, with its threads and
    perhaps a GPU in sight, no trial can be forked any more."""
    return isinstance(sampler, GPSampler)


def import_for(sampler: BaseSampler) -> None:
    """Imports what takes seconds and would be imported by each such fork."""
    for module in ("torch", "scipy.optimize", "scipy.stats.qmc") if computes_apart(sampler) else ():
        import_module(module)


def is_grid(node: DictConfig) -> bool:
    return node.get("_target_") == f"optuna.samplers.{GridSampler.__name__}"


def is_exhaustive(node: DictConfig) -> bool:
    """Whether it is to try every combination once, whether or not trials are seeded."""
    return node.get("_target_") == f"optuna.samplers.{BruteForceSampler.__name__}"
