"""A sweep from its start to its report."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from hydra_sweep.console import say
from hydra_sweep.report import results
from hydra_sweep.report.in_hand import keep_best
from hydra_sweep.report.words import counted
from hydra_sweep.study.sweep_study import why_stopped
from hydra_sweep.supervisor.budget import any_left, budget
from hydra_sweep.supervisor.confirm import confirm
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
    began, searches = time.monotonic(), any_left(study, sweep)
    if not searches:
        hooks.do_without_imports()
        if not budget(study, sweep).is_stopped():
            say(f"Study {name} is complete: {counted(n_trials, 'trial')}.")
    else:
        keep_best(results.best_trials(study, sweep), study, sweep)  # before its trial may be trained again
    reporting = Reporting(sweep, study)
    try:
        ended = _train(sweep, cfg, study, launcher, overrides, hooks, reporting.look)
    except KeyboardInterrupt:
        results.show(study, sweep, [], unfinished=True)
        _finish_early(hooks, cfg, reporting)
        raise
    except BaseException:
        _finish_early(hooks, cfg, reporting)
        raise
    best = _leave(study, sweep, reporting)
    is_over = ended or sweep.settings.wait
    look_further = hooks.finish(cfg, reporting.last) if is_over else reporting.last()
    trials = budget(study, sweep)
    if trials.is_stopped():
        say(f"Study {name} was stopped after {counted(len(trials.ended), 'trial')}: {why_stopped(study)}.")
    if ended and sweep.settings.confirm:
        try:
            ended = _confirm(sweep, study, time.monotonic() - began, hooks if searches else None)
        except BaseException:  # the search has ended
            _leave(study, sweep, reporting)
            reporting.last()
            results.show(study, sweep, look_further, unfinished=True)
            raise
        best = _leave(study, sweep, reporting)
        reporting.last()
    results.show(study, sweep, look_further, unfinished=not ended)
    if not best:
        return None
    return best[0].value if len(study.directions) == 1 else best[0].values


def _leave(study: optuna.Study, sweep: Sweep, reporting: Reporting) -> list[FrozenTrial]:
    """Has the files say what was found; the last report, which has the commands for what is in `best/`, is
    begun. The best trials."""
    best = results.best_trials(study, sweep)
    results.write_results(best, sweep)
    keep_best(best, study, sweep)
    reporting.begin_last()
    return best


def _train(
    sweep: Sweep,
    cfg: DictConfig,
    study: optuna.Study,
    launcher: Any,
    overrides: list[str],
    hooks: Hooks,
    report: Callable[[], None] = lambda: None,
) -> bool:
    """Whether all trials have ended. `report` is called with each look at them."""
    if any_left(study, sweep):
        hooks.tracking.follow(cfg)

    def look_on() -> None:
        hooks.tracking.look()
        report()

    workers = Workers(sweep, study, launcher, overrides)
    ended = Supervisor(sweep, study, workers, look_on).run()
    hooks.tracking.hasten()  # while files are written
    return ended


def _finish_early(hooks: Hooks, cfg: DictConfig, reporting: Reporting) -> None:
    reporting.begin_last()
    report = reporting.last()
    hooks.finish(cfg)
    for file in report:
        say(f"The report: {file}")


def _confirm(sweep: Sweep, study: optuna.Study, seconds: float, hooks: Hooks | None) -> bool:
    """Has the best be run again, in what is left of the time. Whether that is done."""
    settings = sweep.settings
    if settings.timeout:
        settings = replace(settings, timeout=max(1.0, settings.timeout - seconds))
    best = results.search_best(study, sweep)
    return confirm(replace(sweep, settings=settings), best, hooks.server if hooks else None, _train)
