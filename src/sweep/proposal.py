"""What a trial is to try: the sampler's parameters, as overrides."""

import warnings

import numpy as np
import optuna
from hydra.utils import get_method, instantiate
from omegaconf import DictConfig
from optuna.samplers import GridSampler

from src.sweep.space import to_overrides
from src.sweep.trial import Sweep


def propose(sweep: Sweep, trial: optuna.Trial) -> list[str]:
    """Has the sampler fill in the trial's parameters. The overrides they make."""
    for name, distribution in sweep.space.distributions.items():
        trial._suggest(name, distribution)
    if sweep.settings.custom_search_space:
        get_method(sweep.settings.custom_search_space)(sweep.config, trial)
    return to_overrides(trial.params)


def make_sampler(node: DictConfig, number: int) -> optuna.samplers.BaseSampler:
    """The sampler for one trial: seeded alike in every worker, it would propose the same to all."""
    if is_grid(node):
        return optuna.samplers.RandomSampler()  # never asked: a grid's trials wait with parameters
    seed = {}
    if node.get("seed") is not None:
        seed = {"seed": int(np.random.SeedSequence([node.seed, number]).generate_state(1)[0])}
    with warnings.catch_warnings():
        # The nodes of hydra-optuna-sweeper name arguments that Optuna has since deprecated.
        warnings.simplefilter("ignore", FutureWarning)
        return instantiate(node, **seed)


def is_grid(node: DictConfig) -> bool:
    return node.get("_target_") == f"optuna.samplers.{GridSampler.__name__}"
