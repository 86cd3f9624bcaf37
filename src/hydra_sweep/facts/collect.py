"""All that the report's page shows, as one JSON object: of one study, or of several side by side."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from optuna.trial import TrialState

from hydra_sweep.facts.attempts import word
from hydra_sweep.facts.compute import compute
from hydra_sweep.facts.failures import failures
from hydra_sweep.facts.hints import hints
from hydra_sweep.facts.importance import importance
from hydra_sweep.facts.searched import differences, parameters, setup
from hydra_sweep.facts.seen import Seen
from hydra_sweep.facts.timeline import Timeline, timeline
from hydra_sweep.facts.trial_rows import trial_rows
from hydra_sweep.facts.verdict import verdict
from hydra_sweep.study.sweep_study import BUDGET, STOPPED, is_complete, why_stopped

# of the most important parameters, those that are shown in pairs
PAIRED = 3


def facts(seen: Sequence[Seen], refresh_s: float | None = None) -> dict[str, Any]:
    """`refresh_s` is when a newer report is to be expected. No number in it is NaN or infinite."""
    studies = [_study(one) for one in seen]
    return {
        "made": max(one.at for one in seen),
        "refresh_s": refresh_s,
        "differences": differences(studies) if len(studies) > 1 else [],
        "studies": studies,
    }


def _study(seen: Seen) -> dict[str, Any]:
    lanes, (important, note) = timeline(seen), importance(seen)
    top = [one.name for one in important[:PAIRED]]
    state = _state(seen)
    found = hints(seen, important, lanes)
    return {
        "name": seen.study.study_name,
        "folder": str(seen.folder) if seen.folder else None,
        "state": state,
        "why": why_stopped(seen.study) if state == "stopped" else None,
        **_times(lanes, state),
        "n_trials": seen.attrs.get(BUDGET),
        "objectives": [
            {"name": name, "direction": direction.name.lower()}
            for name, direction in zip(seen.metrics, seen.directions, strict=True)
        ],
        "unit": seen.unit,
        "setup": setup(seen),
        "command": seen.commands.go_on(),
        "commands": _commands(seen),
        "params": parameters(seen),
        "trials": trial_rows(seen),
        "best": [trial.number for trial in seen.best],
        "counts": dict(Counter(map(word, seen.trials))),
        "importance": [vars(one) for one in important],
        "importance_note": note,
        "pairs": [[a, b] for i, a in enumerate(top) for b in top[i + 1 :]],
        "timeline": _timeline(lanes),
        "idle": [
            {"worker": worker, "slot": slot, "begun": begin, "ended": end}
            for worker, slot, begin, end in lanes.shown_gaps()
        ],
        "compute": compute(seen, lanes),
        "failures": failures(seen),
        "hints": [vars(one) for one in found],
        "verdict": verdict(seen, found),
    }


def _state(seen: Seen) -> str:
    """Of what the study tells: the trials of a sweep that was killed run until it is started again."""
    if any(trial.state == TrialState.RUNNING for trial in seen.trials):
        return "running"
    if BUDGET not in seen.attrs:
        is_open = any(trial.state == TrialState.WAITING for trial in seen.trials)
        return "unfinished" if is_open or not seen.trials else "complete"
    if seen.attrs.get(STOPPED, 0) >= seen.attrs[BUDGET]:
        return "stopped"
    return "complete" if is_complete(seen.study) else "unfinished"


def _times(lanes: Timeline, state: str) -> dict[str, float | None]:
    every = [one for lane in lanes.lanes.values() for one in lane]
    is_over = state != "running" and every
    return {
        "begun": min((one.begun for one in every), default=None),
        "ended": max(one.ended or lanes.at for one in every) if is_over else None,
    }


def _commands(seen: Seen) -> list[dict[str, str]]:
    of_best = seen.commands.of_best(seen.best[0]) if seen.best else []
    return [{"label": label, "command": command} for label, command in of_best]


def _timeline(lanes: Timeline) -> list[dict[str, Any]]:
    return [
        {
            **vars(one),
            "slot": slot,
            "begun": round(one.begun, 3),
            "ended": one.ended and round(one.ended, 3),
        }
        for (_, slot), lane in lanes.lanes.items()
        for one in lane
    ]
