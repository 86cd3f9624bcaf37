"""A sweep's own figures, for its run in MLflow: out of its trials alone, whatever MLflow has of them."""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.mlflow.names import legal
from hydra_sweep.study.best import best_first
from hydra_sweep.study.importance import optuna_importance
from hydra_sweep.study.promotion import seconds_of

SECONDS_AN_HOUR = 3600
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


class Best(NamedTuple):
    """What was best once so many trials had ended."""

    n_ended: int
    trial: FrozenTrial


def best_over_time(ended: Sequence[FrozenTrial], direction: StudyDirection) -> list[Best]:
    """Each trial that was better than all that had ended before it."""
    found: list[Best] = []
    for n_ended, trial in enumerate(sorted(ended, key=lambda trial: trial.datetime_complete), 1):
        best = best_first([*(best.trial for best in found[-1:]), trial], [direction])
        if best and best[0] is trial:
            found.append(Best(n_ended, trial))
    return found


def totals(ended: Sequence[FrozenTrial]) -> dict[str, float]:
    """How many trials have ended how, and the hours that they took, of each its last attempt."""
    counts = Counter(trial.state for trial in ended)
    spent = sum(seconds_of(trial) for trial in ended if trial.duration)
    return {f"trials/{name}": counts[state] for state, name in STATES.items()} | {
        "trials/hours": spent / SECONDS_AN_HOUR
    }


def importance(study: Study) -> dict[str, float]:
    """The share of each parameter in how good the complete trials are, by PED-ANOVA (arXiv 2304.10255);
    empty where there are too few to say."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", ".* will be equal")
            found = optuna_importance().get_param_importances(study)
    except (ValueError, RuntimeError, UserWarning):
        return {}
    return {legal(f"importance/{name}"): share for name, share in found.items()}
