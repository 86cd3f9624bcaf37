"""What is checked before anything is written or started."""

from dataclasses import replace

import optuna
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from src.sweep.errors import SweepError
from src.sweep.space import grid_points
from src.sweep.trial import Sweep
from src.sweep.worker import is_grid, propose


def example(sweep: Sweep) -> tuple[list[str], DictConfig]:
    """The overrides and the configuration of one trial, drawn at random.

    Raises SweepError where the trial's configuration does not compose.
    """
    study = optuna.create_study(
        directions=sweep.settings.directions, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    overrides = propose(sweep, study.ask())
    try:
        return overrides, sweep.composer(overrides).example
    except (HydraException, OmegaConfBaseException) as error:
        cause = f" {error.__cause__}" if error.__cause__ else ""
        lines = f"{error}{cause}".strip().splitlines()
        raise SweepError(f"A trial's configuration does not compose: {' '.join(lines)}") from None


def fit_grid(sweep: Sweep) -> tuple[Sweep, list[dict] | None]:
    """For a grid search: the grid's points, and the sweep with no more trials than these."""
    if not is_grid(sweep.settings.sampler):
        return sweep, None
    if sweep.settings.custom_search_space:
        raise SweepError("A grid and hydra.sweeper.custom_search_space do not go together.")
    points = grid_points(sweep.space.distributions)
    n_trials = min(sweep.settings.n_trials, len(points))
    return replace(sweep, settings=replace(sweep.settings, n_trials=n_trials)), points
