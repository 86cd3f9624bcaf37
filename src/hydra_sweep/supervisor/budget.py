"""The trials that there are to be."""

import optuna

from hydra_sweep.study import queue
from hydra_sweep.study.promotion import make_rungs
from hydra_sweep.study.trials import Trials
from hydra_sweep.sweep import Sweep


def budget(study: optuna.Study, sweep: Sweep) -> Trials:
    """The trials of the sweep as they are now."""
    settings = sweep.settings
    return Trials(study, settings.n_trials, rules=settings.stop, rungs=make_rungs(settings)).read()


def any_left(study: optuna.Study | None, sweep: Sweep) -> bool:
    """Whether there are trials to train; of no study yet all are."""
    return study is None or bool(queue.n_left(budget(study, sweep)))
