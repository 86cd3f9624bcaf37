"""What a reader wants to know first: which configuration, by how much, sure or luck, what next."""

from collections.abc import Sequence
from statistics import median

from optuna.trial import TrialState

from hydra_sweep.facts.hint import Hint
from hydra_sweep.facts.noise import SURE, lead, noise
from hydra_sweep.facts.seen import Seen, is_result, label
from hydra_sweep.report.words import counted
from hydra_sweep.space.lists import values
from hydra_sweep.study.best import broken_line, closest
from hydra_sweep.study.sweep_study import BUDGET


def verdict(seen: Seen, hints: Sequence[Hint]) -> str:
    """A few sentences."""
    if not seen.best:
        return _without_result(seen)
    said = _front(seen) if len(seen.directions) > 1 else _one(seen)
    return f"{said} {_next(seen, hints)}"


def _without_result(seen: Seen) -> str:
    n_failed = len(seen.ended(TrialState.FAIL))
    if near := closest(seen.trials):
        return f"No trial keeps the constraints. Trial {near.number} comes closest: it {broken_line(near)}."
    if n_failed:
        return f"No trial has a result, and {n_failed} failed: the failures below say why."
    return "No trial has a result yet."


def _front(seen: Seen) -> str:
    n, names = len(seen.best), " and ".join(seen.metrics)
    if n == 1:
        return f"Trial {seen.best[0].number} is the best in each of {names}."
    return f"{n} trials are the best, each in its own way: none is better than another in {names} at once."


def _one(seen: Seen) -> str:
    best, ahead = seen.best[0], lead(seen)
    shown = values(best.params)
    params = ", ".join(f"{label(name, shown)}={_short(value)}" for name, value in shown.items())
    said = f"Trial {best.number} is the best: {seen.metrics[0]} {best.value:.6g}"
    said += f" with {params}" if params else ""
    again = len(seen.again.get(best.number, ()))
    said += f", the mean of {counted(again, 'run')} with fresh seeds." if again else "."
    if ahead is None:
        return f"{said} There is no other to compare it with."
    middle = median(trial.value for trial in seen.trials if is_result(trial))
    said += f" It leads the next by {ahead:.3g}, and the median trial by {abs(best.value - middle):.3g}."
    return f"{said} {_sure_or_luck(seen, ahead)}"


def _sure_or_luck(seen: Seen, ahead: float) -> str:
    if not (found := noise(seen)):
        return "Whether that is luck is not known: no configuration was trained twice."
    if ahead > SURE * found.of_difference:
        word = "is more than"
    elif ahead > found.of_difference:
        word = "may yet be"
    else:
        word = "is no more than"
    return f"The lead {word} luck: values are known to ±{found.sd:.2g} ({found.source})."


def _next(seen: Seen, hints: Sequence[Hint]) -> str:
    left = seen.attrs.get(BUDGET, 0) - sum(trial.state.is_finished() for trial in seen.trials)
    if left > 0:
        return f"{counted(left, 'trial')} of {seen.attrs[BUDGET]} are yet to end."
    if hints:
        return f"Next: {hints[0].title[0].lower()}{hints[0].title[1:]} (see the hints)."
    return "Next: run it again with other seeds before you rely on it."


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
