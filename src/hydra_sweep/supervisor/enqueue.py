"""`hydra.sweeper.enqueue`: the trials that are run first."""

from typing import Any

import optuna

from hydra_sweep.errors import SweepError
from hydra_sweep.report.words import counted
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.lists import key_of
from hydra_sweep.space.points import ENQUEUE, Points
from hydra_sweep.space.samplers import is_exhaustive, is_grid
from hydra_sweep.study import queue
from hydra_sweep.sweep import Sweep


def points_of(sweep: Sweep) -> Points:
    return Points(sweep.space, sweep.config, sweep.hydra_context.config_loader)


def enqueued(sweep: Sweep) -> list[dict[str, Any]]:
    """The points that are to be run. Raises SweepError where one cannot be."""
    if sweep.settings.enqueue and is_grid(sweep.settings.sampler):
        raise SweepError(f"{ENQUEUE} does not go with a grid, which tries all its points. Leave one out.")
    points = points_of(sweep).named(sweep.settings.enqueue)
    for point in points if is_exhaustive(sweep.settings.sampler) else ():
        if open_ones := sweep.space.missing(point):
            key = key_of(open_ones[0], sweep.space.distributions).lstrip("+")
            raise SweepError(
                f"{ENQUEUE}: {' '.join(to_overrides(point))} leaves {key} open, but BruteForceSampler "
                "takes whole trials alone. Give it a value, or choose hydra/sweeper/sampler=random."
            )
    return points


def still_to_enqueue(
    points: list[dict[str, Any]], existing: optuna.Study | None, n_trials: int
) -> list[dict[str, Any]]:
    """Those that the study does not have yet. Raises SweepError where it has no room for them."""
    begun = len(existing.get_trials(deepcopy=False)) if existing and points else 0
    new = queue.not_enqueued(existing, points) if existing else points
    if new and begun + len(new) > n_trials:
        raise SweepError(
            f"{ENQUEUE}: {counted(len(new), 'new trial')}, {begun} begun already, but "
            f"hydra.sweeper.n_trials={n_trials}: expected at least {begun + len(new)}."
        )
    return new


def lines(points: list[dict[str, Any]]) -> list[str]:
    return [f"Run first: {' '.join(to_overrides(point))}" for point in points]
