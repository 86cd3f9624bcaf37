"""How a sweep was started, kept with its study: the commands that go on from it are made of that.

Each history has one entry for each start that differs from the last, with how many trials had ended then.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial

# the study's attributes: the command, and the overrides that every trial got
STARTS, OVERRIDES = "starts", "overrides"


def add(study: optuna.Study, key: str, entry: Mapping[str, Any]) -> None:
    """To a history of the study's, unless the last entry says the same."""
    history = study.user_attrs.get(key, [])
    if history and {**history[-1], **entry} == history[-1]:
        return
    ended = sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
    study.set_user_attr(key, [*history, {"trials_ended": ended, **entry}])


def entry_of(
    history: Sequence[Mapping[str, Any]], trial: FrozenTrial, trials: Iterable[FrozenTrial]
) -> Mapping[str, Any]:
    """The entry of a history that held when the trial was begun; empty where there is none."""
    if len(history) < 2 or trial.datetime_start is None:
        return history[-1] if history else {}
    ended = sum(bool(t.datetime_complete and t.datetime_complete < trial.datetime_start) for t in trials)
    return [one for one in history if one["trials_ended"] <= ended or one is history[0]][-1]
