"""What the sweep took, and what pruning saved of it."""

from statistics import median
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.facts.seen import Seen, is_pruned, seconds
from hydra_sweep.facts.timeline import Timeline
from hydra_sweep.report.words import clock, counted
from hydra_sweep.study.pausing import is_whole


def compute(seen: Seen, timeline: Timeline) -> dict[str, Any]:
    """Seconds of slots."""
    saved, words = _saved(seen)
    idle, busy = timeline.idle_s, timeline.busy
    return {
        "trained_s": timeline.trained_s,
        "saved_s": saved,
        "saved_words": words,
        "idle_s": idle,
        "busy": busy,
    }


def _saved(seen: Seen) -> tuple[float | None, str]:
    """What the pruned trials would have trained on: from the step at which each was stopped to the median
    last step of those that ran to their end, at the trial's own seconds a step, but no slower than the
    slowest of these: what it takes to start is a large part of a trial that was stopped at once."""
    pruned = [trial for trial in seen.trials if is_pruned(trial) and trial.last_step]
    if not pruned:
        return 0.0, "No trial was stopped by a pruner."
    whole = [trial for trial in seen.ended(TrialState.COMPLETE) if trial.last_step]
    paces = [_pace(trial) for trial in whole if _has_pace(trial)]
    if not paces:
        return None, "Not known: no trial ran to its end in one go and reported its steps."
    last, usual, slowest = median(trial.last_step for trial in whole), median(paces), max(paces)
    saved = 0.0
    for trial in pruned:
        pace = min(_pace(trial), slowest) if _has_pace(trial) else usual
        saved += max(0.0, last - trial.last_step) * pace
    step = median(trial.last_step for trial in pruned)
    return saved, (
        f"About {clock(saved)} of training: {counted(len(pruned), 'trial')} stopped after "
        f"{seen.unit} {step:g} (median) instead of {last:g}, at each one's own pace."
    )


def _has_pace(trial: FrozenTrial) -> bool:
    return is_whole(trial) and bool(seconds(trial))


def _pace(trial: FrozenTrial) -> float:
    return seconds(trial) / trial.last_step
