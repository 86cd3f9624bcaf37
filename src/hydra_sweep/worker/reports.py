"""How the ranks of a trial say what became of their parts, and which part is to blame.

Each leaves its report in the trial's attribute `rank <n>`; rank 0's worker makes the verdict.
"""

from contextlib import suppress
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.queue import attempt_of

KILLED, FINE = "killed", "fine"


def to_report(outcome: Outcome | None, why_killed: str = "") -> dict[str, Any]:
    """What a rank says of how its part of a trial ended; the outcome None: it was killed."""
    if outcome is None:
        return {"state": KILLED, "reason": why_killed}
    if not outcome.is_error:
        return {"state": FINE}
    return {"state": outcome.state.name, "at": outcome.at, **outcome.attrs()}


def leave_report(study: optuna.Study, claimed: FrozenTrial, rank: int, report: dict[str, Any]) -> None:
    """Lets rank 0 know of another rank's part of the trial."""
    report = {"attempt": attempt_of(claimed), **report}
    with suppress(UpdateFinishedTrialError):  # rank 0 has told meanwhile
        study._storage.set_trial_user_attr(claimed._trial_id, f"rank {rank}", report)


def reports(trial: FrozenTrial, n_tasks: int, attempt: int) -> dict[int, dict[str, Any]]:
    """What the other ranks have said of that attempt at the trial, by rank."""
    said = {rank: trial.user_attrs.get(f"rank {rank}") for rank in range(1, n_tasks)}
    return {rank: report for rank, report in said.items() if report and report["attempt"] == attempt}


def first_failure(said: dict[int, dict[str, Any]]) -> tuple[int, dict[str, Any]] | None:
    """The rank whose part was killed, or else was the first to raise an error, with what it said.

    A part that was killed or has failed makes those of the others fail; that failing makes one be
    killed is rare.
    """
    for rank, report in sorted(said.items()):
        if report["state"] == KILLED:
            return rank, report
    if raised := {rank: report for rank, report in said.items() if report["state"] != FINE}:
        return min(raised.items(), key=lambda item: item[1]["at"])
    return None


def from_report(rank: int, report: dict[str, Any]) -> Outcome | None:
    """The trial's outcome where that rank has the bad news; None: it is to be run again."""
    if report["state"] == KILLED:
        return None
    return Outcome(
        TrialState[report["state"]],
        reason=f"rank {rank}: {report['reason']}",
        traceback=report.get("traceback"),
        mistake="mistake" in report,
    )
