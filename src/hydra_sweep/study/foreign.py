"""A study of another program: what it calls its attributes means nothing here."""

import copy
from collections.abc import Container
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.sweep_study import BUDGET, SweepStudy


class ForeignStudy(SweepStudy):
    """Without attributes, its own and its trials'. To be read only."""

    @property
    def user_attrs(self) -> dict[str, Any]:
        return {}

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        return [bare(trial) for trial in super()._get_trials(deepcopy, states, use_cache)]


def told_apart(study: optuna.Study) -> optuna.Study:
    """The study, as a foreign one where no sweep has made it or gone on with it."""
    if isinstance(study.user_attrs.get(BUDGET), int):
        return study
    return ForeignStudy(study.study_name, study._storage)


def bare(trial: FrozenTrial) -> FrozenTrial:
    """A trial without attributes."""
    made = copy.copy(trial)
    made.user_attrs = {}
    return made
