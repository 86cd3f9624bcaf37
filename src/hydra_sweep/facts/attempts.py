"""Each attempt at a trial: those that were put back, as the study keeps them, and the last."""

from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.report.words import WORDS
from hydra_sweep.study.best import broken_line
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
    listed = [
        Stretch(
            trial.number, one["attempt"], one["worker"], one["begun"], one["ended"], PUT_BACK, one["why"]
        )
        for one in trial.user_attrs.get(ATTEMPTS, ())
    ]
    if trial.state == TrialState.WAITING or not trial.datetime_start or "added" in trial.user_attrs:
        return listed
    ended = trial.datetime_complete.timestamp() if trial.datetime_complete else None
    worker, note = trial.user_attrs.get(WORKER), reason(trial)
    begun, how = trial.datetime_start.timestamp(), word(trial)
    return [*listed, Stretch(trial.number, attempt_of(trial), worker, begun, ended, how, note)]


def word(trial: FrozenTrial) -> str:
    """The trial's state."""
    return "complete" if trial.state == TrialState.COMPLETE else WORDS[trial.state][0]


def reason(trial: FrozenTrial) -> str | None:
    """Why it ended as it did, where there is something to say."""
    return trial.user_attrs.get("reason") or broken_line(trial) or None
