"""A trial as the page shows it."""

import math
from typing import Any

from optuna.trial import FrozenTrial

from hydra_sweep.facts.attempts import reason, word
from hydra_sweep.facts.seen import Seen, seconds
from hydra_sweep.space.text import scalar
from hydra_sweep.study.best import broken
from hydra_sweep.study.queue import WORKER
from hydra_sweep.study.sweep_study import attempt_of

# of each curve, and of all together: what a page can hold
POINTS, ALL_POINTS = 50, 100_000
# trials with a command each, the best first
COMMANDED = 100


def trial_rows(seen: Seen) -> list[dict[str, Any]]:
    points = max(2, min(POINTS, ALL_POINTS // max(1, len(seen.trials))))
    begun = [*seen.best, *(trial for trial in seen.trials if trial.params)]
    commanded = list(dict.fromkeys(trial.number for trial in begun))[:COMMANDED]
    commands = {number: seen.commands.single_run(seen.trials[number]) for number in commanded}
    return [{**_row(seen, trial, points), "command": commands.get(trial.number)} for trial in seen.trials]


def _row(seen: Seen, trial: FrozenTrial, points: int) -> dict[str, Any]:
    begun, ended = trial.datetime_start, trial.datetime_complete
    return {
        "number": trial.number,
        "state": word(trial),
        "values": [number(value) for value in trial.values] if trial.values else None,
        "again": seen.again.get(trial.number),
        "feasible": not broken(trial),
        "params": {name: _param(value) for name, value in trial.params.items()},
        "curve": curve(trial, points),
        "begun": round(begun.timestamp(), 3) if begun else None,
        "ended": round(ended.timestamp(), 3) if ended else None,
        "seconds": seconds(trial),
        "reason": reason(trial),
        "worker": trial.user_attrs.get(WORKER),
        "attempts": attempt_of(trial) + 1,
        "folder": seen.link(str(trial.number)) if str(trial.number) in seen.folders else None,
    }


def curve(trial: FrozenTrial, points: int) -> list[list[float]]:
    """Steps and values, those that are finite; of a longer one so many, both ends among them."""
    known = sorted(trial.intermediate_values.items())
    finite = [(step, value) for step, value in known if math.isfinite(value)]
    if len(finite) > points:
        finite = [finite[round(i * (len(finite) - 1) / (points - 1))] for i in range(points)]
    return [[step, float(f"{value:.6g}")] for step, value in finite]


def number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _param(value: Any) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return scalar(value)
    return value if math.isfinite(value) else str(value)
