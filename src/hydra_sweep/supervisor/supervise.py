"""A sweep from its start to its report."""

from typing import Any

import optuna
from omegaconf import DictConfig

from hydra_sweep.console import say
from hydra_sweep.report import results
from hydra_sweep.report.in_hand import keep_best
from hydra_sweep.report.words import counted
from hydra_sweep.study.sweep_study import why_stopped
from hydra_sweep.supervisor.budget import any_left, budget
from hydra_sweep.supervisor.hooks import Hooks
from hydra_sweep.supervisor.reporting import Reporting
from hydra_sweep.supervisor.supervisor import Supervisor
from hydra_sweep.supervisor.workers import Workers
from hydra_sweep.sweep import Sweep


def supervise(
    sweep: Sweep, cfg: DictConfig, study: optuna.Study, launcher: Any, overrides: list[str], hooks: Hooks
) -> float | list[float] | None:
    """Has workers run the trials that are left, and shows what was found; `cfg` and `overrides` are of an
    example trial. Returns the best value or values."""
    n_trials, name = sweep.settings.n_trials, sweep.address.name
    if not any_left(study, sweep):
        hooks.do_without_imports()
        if not budget(study, sweep).is_stopped():
            say(f"Study {name} is complete: {counted(n_trials, 'trial')}.")
    else:
        keep_best(results.best_trials(study, sweep), study, sweep)  # before its trial may be trained again
        hooks.tracking.follow(cfg)
    workers = Workers(sweep, study, launcher, overrides)
    reporting = Reporting(sweep, study)

    def look_on() -> None:
        hooks.tracking.look()
        reporting.look()

    try:
        ended = Supervisor(sweep, study, workers, look_on).run()
    except BaseException:
        reporting.begin_last()
        hooks.finish(cfg)
        for file in reporting.last():
            say(f"The report: {file}")
        raise
    reporting.begin_last()
    look_further = hooks.finish(cfg) if ended or sweep.settings.wait else []
    look_further = [*reporting.last(), *look_further]
    study = sweep.address.load()
    trials = budget(study, sweep)
    if trials.is_stopped():
        say(f"Study {name} was stopped after {counted(len(trials.ended), 'trial')}: {why_stopped(study)}.")
    best = results.best_trials(study, sweep)
    results.write_results(best, sweep)
    keep_best(best, study, sweep)
    results.show(study, sweep, look_further, unfinished=not ended)
    if not best:
        return None
    return best[0].value if len(study.directions) == 1 else best[0].values
