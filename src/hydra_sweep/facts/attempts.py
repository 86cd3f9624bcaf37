"""Each attempt at a trial: those that were put back, as the study keeps them, and the last."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.pruners import PAUSED
from hydra_sweep.report.words import WORDS
from hydra_sweep.study.best import broken_line
from hydra_sweep.study.pausing import PAUSE
from hydra_sweep.study.promotion import is_paused
from hydra_sweep.study.queue import ATTEMPTS, WORKER
from hydra_sweep.study.sweep_study import attempt_of

PUT_BACK = "put back"


@dataclass
class Stretch:
    """An attempt; times in seconds since the epoch, `ended` None while it runs. `worker` is None in a
    study of another program."""

    trial: int
    attempt: int
    worker: str | None
    begun: float
    ended: float | None
    how: str
    note: str | None


def attempts(trial: FrozenTrial) -> list[Stretch]:
    """In order. None of a trial that a person added, or that was never begun."""
    listed = [_earlier(trial.number, one) for one in trial.user_attrs.get(ATTEMPTS, ())]
    if trial.state == TrialState.WAITING or not trial.datetime_start or "added" in trial.user_attrs:
        return listed
    ended = trial.datetime_complete.timestamp() if trial.datetime_complete else None
    worker, note = trial.user_attrs.get(WORKER), reason(trial)
    begun, how = trial.datetime_start.timestamp(), word(trial)
    return [*listed, Stretch(trial.number, attempt_of(trial), worker, begun, ended, how, note)]


def _earlier(number: int, kept: Mapping[str, Any]) -> Stretch:
    why, how = kept["why"], PUT_BACK
    if why.startswith(PAUSE):
        why, how = f"step {why.removeprefix(PAUSE)}", WORDS[PAUSED][0]
    return Stretch(number, kept["attempt"], kept["worker"], kept["begun"], kept["ended"], how, why)


def word(trial: FrozenTrial) -> str:
    """The trial's state."""
    if trial.state == TrialState.COMPLETE:
        return "complete"
    return WORDS[PAUSED if is_paused(trial) else trial.state][0]


def reason(trial: FrozenTrial) -> str | None:
    """Why it ended as it did, where there is something to say."""
    return trial.user_attrs.get("reason") or broken_line(trial) or None
