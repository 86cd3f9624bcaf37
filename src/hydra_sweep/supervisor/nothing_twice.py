"""How many trials a space has room for, before one is trained again."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.report.words import counted
from hydra_sweep.space.combinations import count, mark
from hydra_sweep.space.lookback import in_space
from hydra_sweep.space.samplers import is_exhaustive
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.sweep import Sweep

NOTHING = "Nothing is searched, so that all trials are alike"
AGAIN = "some are trained more than once, each time with other random numbers."


def without_repeats(
    sweep: Sweep,
    cfgs: Iterable[DictConfig],
    points: list[dict[str, Any]] | None,
    study: optuna.Study | None,
) -> tuple[Sweep, str | None]:
    """The sweep with no more trials than there is to try, where each has a value that will not change
    (where the task is seeded), and where the sampler is to try all once. What there is to say of it, None:
    nothing.

    `cfgs` are examples of trials' configurations, `points` those of a grid. A combination that failed may
    be tried again, and one that an earlier start trained twice has cost a trial.
    """
    asked = sweep.settings.n_trials
    if points:
        what, most = f"The grid has {counted(len(points), 'point')}", len(points)
        if most > asked:
            return sweep, f"{what}, of which n_trials={asked} are tried, spread over it."
    elif (n := count(sweep.space)) is None:
        return sweep, None
    else:
        what = f"The space has {counted(n, 'combination')}" if sweep.space.distributions else NOTHING
        if not _is_seeded(cfgs, sweep.space) and not is_exhaustive(sweep.settings.sampler):
            again = f"{what}, and no seed is set. n_trials={asked}: {AGAIN}"
            return sweep, again if n < asked else None
        sweep = replace(sweep, nothing_twice=True)
        most = n + _spent(study.get_trials(deepcopy=False) if study else [], sweep.space)
    if most >= asked:
        return sweep, None
    limited = replace(sweep, settings=replace(sweep.settings, n_trials=most))
    return limited, f"{what}: {counted(most, 'trial')}, not {asked}."


def _is_seeded(cfgs: Iterable[DictConfig], space: SearchSpace) -> bool:
    """Whether `seed` is a number in each trial that does not come of the trial itself."""
    searched = space.distributions.get("seed")
    choices = searched.choices if isinstance(searched, CategoricalDistribution) else ()
    seeds = [_seed(cfg) for cfg in cfgs]
    return all(isinstance(seed, int) and not isinstance(seed, bool) for seed in (*seeds, *choices))


def _seed(cfg: DictConfig) -> Any:
    written = OmegaConf.to_container(cfg, resolve=False).get("seed")
    # of a resolver, the trial's number perhaps, or the time
    if isinstance(written, str) and (":" in written or "hydra" in written):
        return None
    return OmegaConf.select(cfg, "seed", throw_on_resolution_failure=False)


def _spent(trials: list[FrozenTrial], space: SearchSpace) -> int:
    """How many trials failed, are of the combination of another, or of none of the space, whose ranges may
    have changed since."""
    marks = [(mark(space, trial.params), trial) for trial in trials]
    tried = {
        one
        for one, trial in marks
        if one is not None and trial.state != TrialState.FAIL and in_space(trial, space.distributions)
    }
    return sum(one is not None for one, _ in marks) - len(tried)
