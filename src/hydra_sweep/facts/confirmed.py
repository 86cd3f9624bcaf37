"""What the best of a sweep gave when they were run again with fresh seeds, `hydra.sweeper.confirm`: a
study of its own beside the search's, in the same storage, or the journal of the folder `confirm`."""

import math
from copy import copy
from pathlib import Path
from statistics import mean

import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.best import broken
from hydra_sweep.study.journal import open_journal
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.sweep_study import SweepStudy


def runs_again(study: optuna.Study, folder: Path | None) -> list[FrozenTrial]:
    """None where there are none, or some have not ended."""
    journal = StudyAddress("", folder / "confirm").journal if folder else None
    storage = open_journal(journal) if journal and journal.is_file() else study._storage
    try:
        runs = SweepStudy(f"{study.study_name}_confirm", storage).get_trials(deepcopy=False)
    except KeyError:
        return []
    return runs if all(run.state.is_finished() for run in runs) else []


def values_again(trial: FrozenTrial, runs: list[FrozenTrial]) -> list[float]:
    """Of one objective, what the trial's parameters gave, each time with a seed beside them."""
    own = [run for run in runs if trial.params.items() <= run.params.items()]
    good = [run.value for run in own if run.state == TrialState.COMPLETE and not broken(run)]
    return list(filter(math.isfinite, good))


def confirmed_first(
    best: list[FrozenTrial], again: dict[int, list[float]], maximize: bool
) -> list[FrozenTrial]:
    """By their means, which are their values then."""
    means = [_valued(trial, mean(again[trial.number])) for trial in best if trial.number in again]
    ranked = sorted(means, key=lambda trial: trial.value, reverse=maximize)
    return [*ranked, *(trial for trial in best if trial.number not in again)]


def _valued(trial: FrozenTrial, value: float) -> FrozenTrial:
    made = copy(trial)
    made.values = [value]
    return made
