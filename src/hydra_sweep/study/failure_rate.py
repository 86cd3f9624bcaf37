"""How many trials may fail: `max_failure_rate`."""

import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.settings import Settings
from hydra_sweep.study.trials import Trials

# the study's attribute: numbers of trials
FORGIVEN = "forgiven"


def forgive(study: optuna.Study) -> None:
    """Has what failed until now not count: the user has seen it, and starts the sweep again."""
    failed = [t.number for t in study.get_trials(deepcopy=False, states=(TrialState.FAIL,))]
    if failed != study.user_attrs.get(FORGIVEN, []):
        study.set_user_attr(FORGIVEN, failed)


def too_many(trials: Trials, settings: Settings) -> list[FrozenTrial]:
    """Those that failed and are not forgiven, if these are more than may."""
    most = settings.max_failure_rate * settings.n_trials
    failed = trials.failed
    if len(failed) > most:
        forgiven = set(trials.study.user_attrs.get(FORGIVEN, []))
        failed = [trial for trial in failed if trial.number not in forgiven]
    return failed if len(failed) > most else []
